"""What one user or stranger may do to a server, each attack for some seconds; ``benchmarks.neighbours`` runs them.

Each attack runs in a process of its own (``python -m benchmarks.attacks NAME``) and prints what it counted, as JSON.
To add one, write a function and name it in ``ATTACKS``.
"""

import argparse
import asyncio
import contextlib
import json
import os
import random
import re
import resource
import sys
from collections.abc import Awaitable, Callable
from urllib.parse import urlencode

from benchmarks import strangers
from benchmarks.attacker import Attacker

#: Seconds for which an attack may go on beyond its time.
_GRACE = 5.0
#: Descriptors that this process needs.
_DESCRIPTORS = 4096


def masked(text: str) -> bytes:
    """Return a text frame, masked with zeros (RFC 6455, section 5.3)."""
    payload = text.encode()
    length = bytes([0x80 | len(payload)]) if len(payload) < 126 else b"\xfe" + len(payload).to_bytes(2)
    return b"\x81" + length + bytes(4) + payload


async def pings(attacker: Attacker) -> None:
    """Pings over one socket, as many as are taken."""
    ping = masked('{"type":"ping"}')
    await attacker.flood(ping * 1000, 1000)


async def starts(attacker: Attacker) -> None:
    """190 starts of 28 KB in a second over one socket, of a model that answers at once."""
    frame = {"type": "start", "id": "1", "model": "emulator/nope", "input": "x" * 28_000}
    await attacker.flood(masked(json.dumps(frame)), 1, per_second=190)


async def large_frames(attacker: Attacker) -> None:
    """Frames of 64 KiB over one socket, as many as are taken, of the kind that takes longest to parse."""
    tools = [{"name": "a", "parameters": {"a": [{}] * 120}}] * 120
    frame = {"type": "start", "id": "1", "model": "emulator/nope", "input": "x", "tools": tools}
    await attacker.flood(masked(json.dumps(frame)), 1)


async def bad_frames(attacker: Attacker) -> None:
    """Frames of 60 KiB that are refused, each nineteen followed by a ping, so that the socket stays open."""
    bad = masked('{"type":"ping","a":[' + ",".join(["{}"] * 20_000) + "]}")
    await attacker.flood(bad * 19 + masked('{"type":"ping"}'), 20)


async def sockets(attacker: Attacker) -> None:
    """1,500 sockets of one user, which stay open and send pings."""
    held = []
    with contextlib.suppress(OSError, asyncio.IncompleteReadError):
        for _ in range(1500):
            if not attacker.is_on():
                break
            held.append(await attacker.socket())
    await asyncio.sleep(attacker.left())
    for _, writer in held:
        writer.close()


async def sign_ins(attacker: Attacker) -> None:
    """50 connections that sign in with wrong passwords, one after the other."""

    async def guess(name: str) -> None:
        while attacker.is_on():
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                status = await _post_sign_in(attacker, name)
                attacker.counts[f"status {status}"] += 1

    await asyncio.gather(*(guess(f"user{attacker.chance.randrange(10**9)}") for _ in range(50)))


async def tokens(attacker: Attacker) -> None:
    """10 connections that ask the API with wrong tokens, one after the other."""

    async def guess() -> None:
        while attacker.is_on():
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                token = attacker.chance.randbytes(24).hex()
                answer = await _request(
                    attacker, "GET /api/conversations/ HTTP/1.1", f"Authorization: Bearer rnl_{token}"
                )
                attacker.counts[f"status {answer.split()[1].decode()}"] += 1

    await asyncio.gather(*(guess() for _ in range(10)))


async def _request(attacker: Attacker, line: str, *headers: str, body: bytes = b"") -> bytes:
    reader, writer = await attacker.connect()
    head = [line, f"Host: 127.0.0.1:{attacker.port}", "Connection: close", *headers]
    if body:
        head.append(f"Content-Length: {len(body)}")
    writer.write("\r\n".join([*head, "", ""]).encode() + body)
    answer = await reader.read()
    writer.close()
    return answer


async def _post_sign_in(attacker: Attacker, name: str) -> str:
    page = await _request(attacker, "GET /login/ HTTP/1.1")
    cookie = re.search(rb"csrftoken=(\w+)", page)
    field = re.search(rb'name="csrfmiddlewaretoken" value="(\w+)"', page)
    if cookie is None or field is None:
        return page.split()[1].decode()
    form = {"username": name, "password": "wrong", "csrfmiddlewaretoken": field[1].decode()}
    answer = await _request(
        attacker,
        "POST /login/ HTTP/1.1",
        f"Cookie: csrftoken={cookie[1].decode()}",
        "Content-Type: application/x-www-form-urlencoded",
        f"Origin: http://127.0.0.1:{attacker.port}",
        body=urlencode(form).encode(),
    )
    return answer.split()[1].decode()


ATTACKS: dict[str, Callable[[Attacker], Awaitable[None]]] = {
    "starts": starts,
    "pings": pings,
    "large_frames": large_frames,
    "bad_frames": bad_frames,
    "sockets": sockets,
    "sign_ins": sign_ins,
    "tokens": tokens,
    "half_open": strangers.half_open,
    "bodies": strangers.bodies,
    "drops": strangers.drops,
    "half_open_and_bodies": strangers.half_open_and_bodies,
}


def main() -> None:
    """Run one attack and print its counts."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.attacks", description=__doc__)
    parser.add_argument("name", choices=ATTACKS)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--token", default="")
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    # The measuring process must not wait for this one.
    os.nice(10)
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(_DESCRIPTORS, most), most))
    chance = random.Random(options.seed)
    attacker = Attacker(port=options.port, token=options.token, seconds=options.seconds, chance=chance)
    asyncio.run(_run(attacker, options.name))
    json.dump(dict(attacker.counts), sys.stdout)


async def _run(attacker: Attacker, name: str) -> None:
    # What the server has not answered a little later is not waited for.
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(attacker.seconds + _GRACE):
            await ATTACKS[name](attacker)


if __name__ == "__main__":
    main()
