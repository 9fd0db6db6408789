"""The command."""

import argparse
import asyncio
import random
import tempfile
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import benchmarks.faults
from benchmarks.faults.cancels import cancels
from benchmarks.faults.ends import kills, stops
from benchmarks.faults.installation import PATIENCE, Installation, apart, one
from benchmarks.faults.queue import queue
from benchmarks.faults.viewers import cuts
from benchmarks.server import free_port, providers_at
from emulator import Emulator
from tests.faults import server_process


async def run(options: argparse.Namespace, here: Installation, upstream_port: int) -> None:
    """Break what the options name."""
    async with AsyncExitStack() as left:
        upstream = await Emulator.start(port=upstream_port)
        left.push_async_callback(upstream.close)
        chance = random.Random(options.seed)
        parts: list[tuple[int, Callable[[], Awaitable[None]]]] = [
            (options.starts, lambda: queue(here, options.starts)),
            (options.cancels, lambda: cancels(here, options.cancels, chance, upstream)),
            (options.cuts, lambda: cuts(here, options.cuts, chance)),
            (options.stops, lambda: stops(here, options.stops, chance)),
            (options.kills, lambda: kills(here, options.kills, chance)),
        ]
        for number, part in parts:
            if number:
                await part()


def main() -> None:
    """Break an installation and print what was noticed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.faults", description=benchmarks.faults.__doc__)
    parser.add_argument("--one", action="store_true", help="one process on SQLite")
    parser.add_argument("--seed", type=int, default=1)
    for name, default in (("kills", 20), ("stops", 5), ("cancels", 200), ("cuts", 20), ("starts", 200)):
        parser.add_argument(f"--{name}", type=int, default=default)
    options = parser.parse_args()
    server_process.STUCK = PATIENCE
    port = free_port()
    settings = providers_at(f"http://127.0.0.1:{port}") | {"RUNNEL_STARTS_PER_MINUTE": "1000000"}
    print(
        f"seed {options.seed}, {'one process on SQLite' if options.one else '2 web processes and 2 workers'}"
    )
    with tempfile.TemporaryDirectory(prefix="runnel-faults-") as folder:
        # PostgreSQL's user passes through it.
        Path(folder).chmod(0o711)
        with (one if options.one else apart)(Path(folder), **settings) as here:
            asyncio.run(run(options, here, port))


if __name__ == "__main__":
    main()
