"""Measures the time from a start frame to the first token, alone and while many streams open, and a run's CPU time.

Run it with ``python -m benchmarks.first_token``. What the upstream and this program need themselves is part of the
times: about 1 ms with the stamping upstream, 2 with the emulator.
"""

import argparse
import asyncio
import json
import statistics
import time
from collections.abc import Iterator
from uuid import uuid4

from websockets.asyncio.client import ClientConnection, connect

from benchmarks import machine, upstream
from benchmarks.server import Served, providers_at, serve
from benchmarks.upstream import Load, Upstream

#: Where the id stands in an event's frame, which is not parsed.
_RUN_ID = slice(len('{"type":"event","run_id":"'), len('{"type":"event","run_id":"') + 36)
#: Seconds within which all streams must have begun.
_PATIENCE = 60.0
#: Tokens per second of each stream.
RATE = 50


async def _start(connection: ClientConnection, load: Load) -> tuple[str, float]:
    """Send a start; return the run's id, and when it was sent."""
    run_id = str(uuid4())
    frame = {
        "type": "start",
        "id": run_id,
        "run_id": run_id,
        "model": f"openai-chat/{load.model}",
        "input": load.prompt,
    }
    text = json.dumps(frame)
    sent = time.monotonic()
    await connection.send(text)
    return run_id, sent


async def _read_until(connection: ClientConnection, *marks: str) -> str:
    """Read frames until one with any of ``marks``, and return it."""
    async for text in connection:
        assert isinstance(text, str)
        if text.startswith('{"type":"error"'):
            raise SystemExit(text)
        if any(mark in text for mark in marks):
            return text
    raise SystemExit("the server has closed the socket")


async def alone(served: Served, load: Load, count: int) -> tuple[list[float], float]:
    """Make ``count`` runs one after another. Return milliseconds to the first tokens, and CPU milliseconds a run."""
    times = []
    async with connect(
        served.websocket, additional_headers=served.headers, compression=None, proxy=None
    ) as viewer:
        for number in range(count + 10):
            if number == 10:
                # What is loaded once is loaded.
                before = machine.cpu_nanoseconds(served.pid)
            _, sent = await _start(viewer, load)
            await _read_until(viewer, '"TEXT_MESSAGE_CONTENT"')
            times.append((time.monotonic() - sent) * 1e3)
            await _read_until(viewer, '"RUN_FINISHED"')
            await asyncio.sleep(0.02)
        cpu = (machine.cpu_nanoseconds(served.pid) - before) / 1e6 / count
    return times[10:], cpu


async def opening(served: Served, load: Load, streams: int, *, per_second: float) -> list[float]:
    """Open ``streams`` at a rate, each of 50 tokens per second. Return the milliseconds to their first tokens."""
    sent: dict[str, float] = {}
    times: dict[str, float] = {}
    async with connect(
        served.websocket, additional_headers=served.headers, compression=None, proxy=None, max_queue=None
    ) as viewer:

        async def read() -> None:
            while len(times) < streams:
                text = await _read_until(viewer, '"TEXT_MESSAGE_CONTENT"')
                run_id = text[_RUN_ID]
                if run_id not in times:
                    times[run_id] = (time.monotonic() - sent[run_id]) * 1e3

        reading = asyncio.create_task(read())
        for _ in range(streams):
            run_id, at = await _start(viewer, load)
            sent[run_id] = at
            await asyncio.sleep(1 / per_second)
        await asyncio.wait_for(reading, _PATIENCE)
    return list(times.values())


def _report(name: str, times: list[float]) -> str:
    ordered = sorted(times)
    p99 = ordered[min(len(ordered) - 1, round(len(ordered) * 0.99))]
    return f"{name:28} p50 {statistics.median(ordered):6.1f} ms  p99 {p99:6.1f} ms"


async def run(served: Served, source: Upstream, options: argparse.Namespace) -> None:
    """Measure and print."""
    times, cpu = await alone(served, source.paced(rate=RATE, seconds=0.2), options.alone)
    print(_report("first token, alone", times), f" server CPU {cpu:.1f} ms a run", flush=True)
    for streams in _sizes(options.streams):
        load = source.paced(rate=RATE, seconds=60)
        times = await opening(served, load, streams, per_second=options.rate)
        print(_report(f"first token, {streams} streams open", times), flush=True)
        await asyncio.sleep(1)


def _sizes(text: str) -> Iterator[int]:
    yield from map(int, text.split(","))


def main() -> None:
    """Measure and print the times."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.first_token", description=__doc__)
    parser.add_argument("--alone", type=int, default=60, help="runs one after another")
    parser.add_argument("--streams", default="25,100", help="numbers of streams to open, with commas between")
    parser.add_argument("--rate", type=float, default=30.0, help="streams opened in a second")
    options = parser.parse_args()
    measured, rest = machine.cores() or (None, None)
    limits = {"RUNNEL_STARTS_PER_MINUTE": "100000"}
    machine.pin(0, rest)
    with upstream.start(cores=rest) as source, serve(providers_at(source.origin) | limits) as served:
        machine.pin(served.pid, measured)
        asyncio.run(run(served, source, options))


if __name__ == "__main__":
    main()
