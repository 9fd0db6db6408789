"""Measures what another user notices while one user or stranger attacks the server.

Run it with ``python -m benchmarks.neighbours``. Alice reads a stream, starts short runs and asks for her
conversations; beside her runs each attack of ``benchmarks.attacks`` in turn, with the same seed.
"""

import argparse
import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

from benchmarks import machine
from benchmarks.attacks import ATTACKS
from benchmarks.server import PROJECT, Served, serve

#: What may be noticed: milliseconds to the first token, of silence on a socket, and to an answer over HTTP; MB.
GOALS = {"first token": 1000.0, "silence": 250.0, "request": 1000.0, "memory": 50.0}
#: Seconds between two short runs, and between two requests.
PAUSE = 0.25
#: Seconds that a lost answer is waited for.
PATIENCE = 30.0
#: The usual limit of open descriptors.
DESCRIPTORS = 1024

_USERS = """
from django.contrib.auth import get_user_model
from runs.models import ApiToken
for name in ("alice", "mallory"):
    print(ApiToken.issue(get_user_model().objects.create_user(name, password="secret-words"))[1])
"""


@dataclass(slots=True)
class Noticed:
    """What alice has noticed, each in milliseconds."""

    first_tokens: list[float] = field(default_factory=list)
    silences: list[float] = field(default_factory=list)
    requests: list[float] = field(default_factory=list)


class Alice:
    """A user with one long stream, short runs beside it, and requests over HTTP."""

    def __init__(self, served: Served, token: str) -> None:
        self._served = served
        self._headers = {"Authorization": f"Bearer {token}"}
        self.noticed = Noticed()

    async def live(self) -> None:
        """Read, start and ask until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._read())
            group.create_task(self._start())
            group.create_task(self._ask())

    async def _read(self) -> None:
        async with self._socket() as socket:
            while True:
                await _send(socket, model="emulator/drip", input="Go on.", id="1")
                last: float | None = None
                async for text in socket:
                    now = time.monotonic()
                    # Silence is between two tokens: how long a start takes is told by the first tokens.
                    if last is not None:
                        self.noticed.silences.append((now - last) * 1000)
                    last = now if '"TEXT_MESSAGE_CONTENT"' in str(text) else None
                    if '"RUN_FINISHED"' in str(text) or '"error"' in str(text):
                        break

    async def _start(self) -> None:
        async with self._socket() as socket:
            while True:
                begin = time.monotonic()
                await _send(socket, model="emulator/echo", input="hello", id="1")
                await _until(socket, '"TEXT_MESSAGE_CONTENT"')
                self.noticed.first_tokens.append((time.monotonic() - begin) * 1000)
                await _until(socket, '"RUN_FINISHED"')
                await asyncio.sleep(PAUSE)

    async def _ask(self) -> None:
        head = "\r\n".join(
            [
                "GET /api/conversations/ HTTP/1.1",
                f"Host: 127.0.0.1:{self._served.port}",
                "Connection: close",
                *(f"{name}: {value}" for name, value in self._headers.items()),
                "",
                "",
            ]
        )
        while True:
            begin = time.monotonic()
            try:
                async with asyncio.timeout(PATIENCE):
                    reader, writer = await asyncio.open_connection("127.0.0.1", self._served.port)
                    writer.write(head.encode())
                    answer = await reader.read()
                    writer.close()
                    if not answer.startswith(b"HTTP/1.1 200"):
                        raise ConnectionError(answer[:60])
            except (OSError, TimeoutError) as error:
                print("  a request failed:", repr(error), file=sys.stderr)
                self.noticed.requests.append(PATIENCE * 1000)
            else:
                self.noticed.requests.append((time.monotonic() - begin) * 1000)
            await asyncio.sleep(PAUSE)

    def _socket(self) -> Any:
        return connect(
            self._served.websocket,
            additional_headers=self._headers,
            compression=None,
            proxy=None,
            open_timeout=PATIENCE,
            ping_interval=None,
        )


async def _send(socket: ClientConnection, **fields: str) -> None:
    await socket.send(json.dumps({"type": "start", **fields}))


async def _until(socket: ClientConnection, mark: str) -> None:
    async for text in socket:
        if mark in str(text):
            return
        if '"type":"error"' in str(text):
            raise RuntimeError(str(text))


async def measure(served: Served, alice_token: str, attack: str | None, options: argparse.Namespace) -> None:
    """Let alice live beside one attack, and print what she has noticed."""
    alice = Alice(served, alice_token)
    living = asyncio.create_task(alice.live())
    await asyncio.sleep(2)
    alice.noticed = noticed = Noticed()
    before, cpu = machine.resident_bytes(served.pid), machine.cpu_seconds(served.pid)
    counts: Mapping[str, int] = {}
    peak = before
    begin = time.monotonic()
    if attack is None:
        await asyncio.sleep(options.seconds)
    else:
        command = [sys.executable, "-m", "benchmarks.attacks", attack, "--port", str(served.port)]
        command += ["--token", options.token, "--seconds", str(options.seconds), "--seed", str(options.seed)]
        process = await asyncio.create_subprocess_exec(*command, cwd=PROJECT, stdout=asyncio.subprocess.PIPE)
        attacking = asyncio.create_task(process.communicate())
        while not attacking.done() and time.monotonic() - begin < options.seconds * 3 + PATIENCE:
            peak = max(peak, machine.resident_bytes(served.pid))
            await asyncio.sleep(0.1)
        if not attacking.done():
            process.kill()
        output, _ = await attacking
        counts = json.loads(output or b"{}")
    # What was never answered counts as well.
    if noticed.first_tokens == []:
        noticed.first_tokens.append((time.monotonic() - begin) * 1000)
    living.cancel()
    await asyncio.gather(living, return_exceptions=True)
    figures = {
        "first token": max(noticed.first_tokens),
        "silence": max(noticed.silences, default=0.0),
        "request": max(noticed.requests, default=0.0),
        "memory": (peak - before) / 2**20,
    }
    cells = [f"{name} {value:7.0f}{'!' if value > GOALS[name] else ' '}" for name, value in figures.items()]
    share = (machine.cpu_seconds(served.pid) - cpu) / (time.monotonic() - begin)
    print(f"{attack or 'nothing':20}", " ".join(cells), f"cores {share:.2f}", dict(counts) or "", flush=True)


def main() -> None:
    """Run the attacks in turn, each beside alice on the same server, and print one line for each."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.neighbours", description=__doc__)
    parser.add_argument("--attack", action="append", choices=ATTACKS, help="only this one; may be repeated")
    parser.add_argument("--seconds", type=float, default=8.0, help="of each attack")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    print("longest times in milliseconds, growth of memory in MB, cores in use; ! is beyond the goal", GOALS)
    for attack in [None, *(options.attack or ATTACKS)]:
        # A server for each, so that no attack pays for the one before.
        with serve({"RUNNEL_EMULATOR": "true"}, is_pinned=False, descriptors=DESCRIPTORS) as served:
            issue = [sys.executable, "manage.py", "shell", "--no-imports", "-c", _USERS]
            done = subprocess.run(issue, cwd=PROJECT, env=served.environment, capture_output=True, check=True)
            alice, options.token = done.stdout.decode().split()
            asyncio.run(measure(served, alice, attack, options))


if __name__ == "__main__":
    main()
