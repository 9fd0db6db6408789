"""Compares the raw SDK with Runnel and a WebSocket client, on one machine.

``python -m benchmarks.relay`` prints a table; ``--help`` lists the options. Absolute figures mean little on a
shared machine: compare rows of one run, and several runs.
"""

import argparse
import asyncio
import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

from benchmarks import machine, upstream
from benchmarks.figures import Figures
from benchmarks.sdk_alone import DICTS, TYPED
from benchmarks.server import PROJECT, PROVIDERS, SERVERS, Served, providers_at, serve
from benchmarks.upstream import Load, Upstream
from benchmarks.viewer import Viewer

RATE = 50


async def through_runnel(server: Served, provider: str, load: Load, streams: int) -> Figures:
    """Start ``streams`` runs, each on its own socket, and read them to their end."""
    loop = asyncio.get_running_loop()
    figures = Figures()
    frame: dict[str, Any] = {
        "type": "start",
        "id": "1",
        "model": f"{provider}/{load.model}",
        "input": load.prompt,
    }
    viewers = []
    for _ in range(streams):
        _, viewer = await loop.create_connection(
            lambda: Viewer(port=server.port, token=server.token, frame=frame, figures=figures),
            "127.0.0.1",
            server.port,
        )
        await viewer.is_ready
        viewers.append(viewer)
    await asyncio.sleep(0.5)
    before, cpu, begin = machine.resident_bytes(server.pid), machine.cpu_seconds(server.pid), time.monotonic()
    for viewer in viewers:
        viewer.start()
    if pause := _half(load):
        await asyncio.sleep(pause)
        figures.bytes_per_stream = (machine.resident_bytes(server.pid) - before) / streams
    ends = asyncio.gather(*(viewer.has_ended for viewer in viewers))
    with contextlib.suppress(TimeoutError):
        left = None if load.seconds is None else load.seconds - (time.monotonic() - begin)
        await asyncio.wait_for(ends, left)
    figures.seconds = time.monotonic() - begin
    figures.cpu_seconds = machine.cpu_seconds(server.pid) - cpu
    # Without stamps, tokens in merged frames cannot be counted. Use the number that was sent.
    figures.tokens = figures.tokens or load.tokens * streams
    for viewer in viewers:
        viewer.leave()
    return figures


def _half(load: Load) -> float:
    """Return the seconds until the middle of a paced stream, 0 for one flat out."""
    paced = "rate=" in load.prompt or load.seconds is not None
    return load.tokens / RATE / 2 if paced else 0.0


class SdkAlone:
    """A process that reads streams with the raw SDK."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def read(self, mode: str, load: Load, streams: int) -> Figures:
        """Read ``streams`` streams in the process and return its figures."""
        order = {
            "mode": mode,
            "streams": streams,
            "model": load.model,
            "prompt": load.prompt,
            "seconds": load.seconds,
            "pause": _half(load),
        }
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return Figures(**json.loads(self._process.stdout.readline()))


@contextlib.contextmanager
def sdk_alone(source: Upstream, cores: set[int] | None) -> Iterator[SdkAlone]:
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.sdk_alone", source.origin],
        cwd=PROJECT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    machine.pin(process.pid, cores)
    try:
        yield SdkAlone(process)
    finally:
        process.communicate()


def measure(
    source: Upstream,
    provider: str,
    load: Load,
    warm: Load,
    streams: int,
    cores: set[int] | None,
    kind: str,
) -> dict[str, Figures]:
    """Read the same load in all three ways, each in a new, warmed-up process; ``kind`` is a server."""
    rows = {}
    for mode, label in ((TYPED, "SDK alone, typed"), (DICTS, "SDK alone, dicts")):
        with sdk_alone(source, cores) as alone:
            alone.read(mode, warm, 1)
            rows[label] = alone.read(mode, load, streams)
    with serve(providers_at(source.origin), kind=kind) as server:

        async def warmed() -> Figures:
            await through_runnel(server, provider, warm, 1)
            return await through_runnel(server, provider, load, streams)

        rows["Runnel"] = asyncio.run(warmed())
    return rows


def show(title: str, rows: dict[str, Figures], *, paced: bool) -> None:
    print(f"\n{title}")
    print(f"{'':18}{'tokens/s':>10}{'CPU µs/token':>14}{'p50 ms':>9}{'p99 ms':>9}{'KiB/stream':>12}")
    for label, figures in rows.items():
        ages = [_shown(figures.age(percent)) if paced else "–" for percent in (50, 99)]
        memory = f"{figures.bytes_per_stream / 1024:.0f}" if paced else "–"
        print(
            f"{label:18}{figures.tokens_per_second:>10,.0f}{figures.cpu_us_per_token:>14.0f}"
            f"{ages[0]:>9}{ages[1]:>9}{memory:>12}"
        )
    runnel = rows["Runnel"]
    for label in list(rows)[:-1]:
        other = rows[label]
        words = [
            f"{runnel.tokens_per_second / other.tokens_per_second:.2f} × the tokens/s",
            f"{runnel.cpu_us_per_token / other.cpu_us_per_token:.2f} × the CPU",
        ]
        if paced and runnel.ages and other.ages:
            added = [(runnel.age(percent) or 0) - (other.age(percent) or 0) for percent in (50, 99)]
            words.append(f"{added[0]:+.1f} ms p50, {added[1]:+.1f} ms p99")
        print(f"Runnel : {label}: {', '.join(words)}")


def _shown(milliseconds: float | None) -> str:
    return "–" if milliseconds is None else f"{milliseconds:.1f}"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.relay", description=__doc__)
    parser.add_argument("--wire", choices=PROVIDERS, default="openai-chat", help="what Runnel reads")
    parser.add_argument("--streams", type=int, nargs="*", default=[25, 100], help="at 50 tokens/s each")
    parser.add_argument("--seconds", type=float, default=6.0, help="how long a paced stream lasts")
    parser.add_argument("--tokens", type=int, default=30_000, help="of the stream flat out")
    parser.add_argument("--server", choices=SERVERS, default="daphne", help="what serves Runnel")
    options = parser.parse_args()
    available = machine.cores()
    measured, rest = available or (None, None)
    machine.pin(0, rest)
    with upstream.start(cores=rest) as source:
        if not source.has_stamps:
            print("No stamping upstream beside the project: the emulator is read, and ages are not measured.")
        print(f"A core for what is measured and others for the rest: {'yes' if available else 'no'}.")
        print(f"Load average before: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores.")
        warm = source.flat_out(2_000)
        load = source.flat_out(options.tokens)
        rows = measure(source, PROVIDERS[options.wire], load, warm, 1, measured, options.server)
        show(f"One stream, flat out, {load.tokens:,} tokens", rows, paced=False)
        for streams in options.streams:
            load = source.paced(rate=RATE, seconds=options.seconds)
            rows = measure(source, PROVIDERS[options.wire], load, warm, streams, measured, options.server)
            show(f"{streams} streams at {RATE} tokens/s, {options.seconds:.0f} s", rows, paced=True)


if __name__ == "__main__":
    main()
