"""Measures the time from a cancel frame until the provider loses the connection.

Run it with ``python -m benchmarks.cancel``. The emulator plays the providers in this process, so one clock
measures both ends. Flowing runs get a token every 20 ms; silent runs have stopped in the middle.
"""

import argparse
import asyncio
import json
import random
import statistics
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

from benchmarks.server import PROVIDERS, Served, free_port, providers_at, serve
from emulator import Emulator, ExchangeOutcome
from emulator.exchanges import EmulatedExchange

MODELS = {"flowing": "drip", "silent": "stall-mid"}

#: The 99th percentile may take this many milliseconds.
GOAL = 25.0


class Viewer:
    """A socket that starts and cancels runs, one at a time."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection
        self._next_id = 0

    async def ask(self, kind: str, **fields: Any) -> str:
        """Send a frame; return its id."""
        self._next_id += 1
        frame = {"type": kind, "id": str(self._next_id), **fields}
        await self._connection.send(json.dumps(frame))
        return str(self._next_id)

    async def until(self, frame_id: str | None = None, event: str | None = None) -> dict[str, Any]:
        """Read frames until the answer to ``frame_id`` or an event of type ``event``, and return it."""
        async for text in self._connection:
            frame: dict[str, Any] = json.loads(text)
            if frame["type"] == "error":
                raise SystemExit(frame["message"])
            if frame["type"] == "event" and frame["event"]["type"] == event:
                return frame
            if frame_id is not None and frame.get("id") == frame_id:
                return frame
        raise SystemExit("the server has closed the socket")


async def measure(
    viewer: Viewer, emulator: Emulator, model: str, count: int
) -> tuple[list[float], list[float]]:
    """Cancel ``count`` runs. Return the milliseconds to the lost connection and to the final event."""
    lost, told = [], []
    chance = random.Random(count)
    for _ in range(count):
        await viewer.ask("start", model=model, input="Tell me something.")
        run_id = (await viewer.until(event="TEXT_MESSAGE_CONTENT"))["run_id"]
        exchange = emulator.exchanges[-1]
        # A random pause varies the cancel's place between two tokens and in the commit interval.
        await asyncio.sleep(chance.uniform(0, 0.04))
        begin = time.monotonic()
        await viewer.ask("cancel", run_id=run_id)
        end = await viewer.until(event="RUN_FINISHED")
        told.append((time.monotonic() - begin) * 1000)
        lost.append((await _end(emulator, exchange) - begin) * 1000)
        if end["event"]["outcome"]["type"] != "cancelled":
            raise SystemExit(f"a run was not cancelled: {end}")
    return lost, told


async def _end(emulator: Emulator, exchange: EmulatedExchange) -> float:
    await emulator.wait_for(lambda each: each is exchange and not each.is_open)
    if exchange.outcome is not ExchangeOutcome.PEER_GONE or exchange.ended is None:
        raise SystemExit(f"the upstream was not left: {exchange.outcome}")
    return exchange.ended


@asynccontextmanager
async def a_viewer(served: Served) -> AsyncIterator[Viewer]:
    """Open a socket and read its ``ready`` frame."""
    async with connect(
        served.websocket, additional_headers=served.headers, compression=None, proxy=None
    ) as connection:
        await connection.recv()
        yield Viewer(connection)


async def _crowd(served: Served, size: int) -> None:
    """Run and read ``size`` streams of 50 tokens per second until cancelled."""
    async with a_viewer(served) as viewer:
        for _ in range(size):
            await viewer.ask("start", model="openai-chat/drip", input="Go on for ever.")
        await viewer.until(event="never")


def _report(name: str, samples: list[float]) -> str:
    ordered = sorted(samples)
    p99 = ordered[min(len(ordered) - 1, round(len(ordered) * 0.99))]
    return f"{name} p50 {statistics.median(ordered):6.1f}  p99 {p99:6.1f}  max {ordered[-1]:6.1f}"


async def run(port: int, served: Served, options: argparse.Namespace) -> None:
    emulator = await Emulator.start(port=port)
    crowd = asyncio.create_task(_crowd(served, options.beside))
    if options.beside:
        await asyncio.sleep(3)
    print(f"{options.cancels} cancels each, beside {options.beside} streams; milliseconds from the frame")
    worst = []
    async with a_viewer(served) as viewer:
        for wire, provider in PROVIDERS.items():
            for name, model in MODELS.items():
                await measure(viewer, emulator, f"{provider}/{model}", 5)
                lost, told = await measure(viewer, emulator, f"{provider}/{model}", options.cancels)
                worst += lost
                print(f"{wire:19} {name:8}", _report("closed", lost), " |", _report("told", told), flush=True)
    print(f"{'all':28}", _report("closed", worst), f" | goal: p99 at most {GOAL:g}")
    crowd.cancel()
    await asyncio.gather(crowd, return_exceptions=True)
    await emulator.close()


def main() -> None:
    """Measure all wires and print the times."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cancel", description=__doc__)
    parser.add_argument("--cancels", type=int, default=200, help="for each wire, flowing and silent")
    parser.add_argument("--beside", type=int, default=0, help="streams that flow at the same time")
    options = parser.parse_args()
    port = free_port()
    with serve(providers_at(f"http://127.0.0.1:{port}")) as served:
        asyncio.run(run(port, served, options))


if __name__ == "__main__":
    main()
