"""The emulator as a process of its own: ``python -m emulator --port N``."""

import argparse
import asyncio
import signal
import sys
from pathlib import Path

from emulator.server import Emulator


async def main() -> None:
    """Serve in the foreground until SIGINT or SIGTERM."""
    parser = argparse.ArgumentParser(prog="python -m emulator", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="the port on 127.0.0.1; 0 takes a free one")
    parser.add_argument("--recordings", type=Path, default=None, help="a folder of recorded streams")
    options = parser.parse_args()
    emulator = await Emulator.start(port=options.port, recordings=options.recordings, inspectable=True)
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    sys.stdout.write(f"listening on {emulator.origin}\n")
    sys.stdout.flush()
    await stopped.wait()
    await emulator.close()


if __name__ == "__main__":
    asyncio.run(main())
