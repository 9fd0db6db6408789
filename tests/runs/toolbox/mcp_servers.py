"""Starts real MCP servers for tests, and reads their log."""

import asyncio
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from runs.toolbox.mcp.target import McpEndpoint

CHILD = Path(__file__).with_name("mcp_child.py")

#: Seconds after which a missing event counts as stuck.
STUCK = 20.0


class Log:
    """The log that the servers write."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def lines(self) -> list[tuple[int, str]]:
        if not self.path.exists():
            return []
        split = (line.partition(" ") for line in self.path.read_text().splitlines())
        return [(int(pid), what) for pid, _, what in split]

    @property
    def events(self) -> list[str]:
        return [what for _, what in self.lines]

    @property
    def alive(self) -> set[int]:
        """Return the ids of the servers' processes that still exist, zombies included."""
        found = set()
        for pid, _ in self.lines:
            with suppress(ProcessLookupError):
                os.kill(pid, 0)
                found.add(pid)
        return found

    async def until(self, event: str) -> None:
        async with asyncio.timeout(STUCK):
            while event not in self.events:
                await asyncio.sleep(0.01)

    async def until_nobody_is_left(self) -> None:
        async with asyncio.timeout(STUCK):
            while self.alive:
                await asyncio.sleep(0.01)


def command(log: Log) -> tuple[str, ...]:
    return (sys.executable, str(CHILD), "stdio", str(log.path))


def stdio(log: Log, **fields: object) -> McpEndpoint:
    values = {"name": "rivers", "command": command(log), "timeout": STUCK}
    return McpEndpoint(**values | fields)  # type: ignore[arg-type]


def http(url: str, **fields: object) -> McpEndpoint:
    return McpEndpoint(**{"name": "rivers", "url": url, "timeout": STUCK} | fields)  # type: ignore[arg-type]


@contextmanager
def serving(log: Log, *options: str) -> Iterator[str]:
    """Start a server over Streamable HTTP in its own process; yield its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, str(CHILD), "http", str(log.path), str(port), *options],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + STUCK
        while time.monotonic() < deadline and process.poll() is None:
            with suppress(OSError):
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}/mcp"
    finally:
        process.kill()
        process.wait()
