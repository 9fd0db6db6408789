"""What a stranger without credentials may do with plain connections; ``benchmarks.attacks`` runs it."""

import asyncio
import contextlib

from benchmarks.attacker import PIECE, Attacker

#: Connections, those that send a byte now and then, and those that send bodies.
_HALF_OPEN, _DROPPING, _SENDING = 1_100, 900, 8
#: Bytes of all bodies together, and what each of them says to have.
_ALL_BODIES = 2 * 1024**3
_BODY = 300 * 1024**2
#: Seconds between two bytes, and before a connection that was closed is opened again.
_DROP, _AGAIN = 5.0, 1.0

_HALF_A_HEAD = b"GET / HTTP/1.1\r\nHost: x\r\n"


async def half_open(attacker: Attacker) -> None:
    """1,100 connections that send half a head and wait; what the server closes is opened again."""
    await asyncio.gather(*(_hold(attacker) for _ in range(_HALF_OPEN)))


async def drops(attacker: Attacker) -> None:
    """900 connections that send a byte every five seconds."""
    await asyncio.gather(*(_hold(attacker, drop=b"x") for _ in range(_DROPPING)))


async def bodies(attacker: Attacker) -> None:
    """Bodies of 300 MB, with and without a length, as fast as they are taken, until 2 GB are sent."""
    await asyncio.gather(*(_send_bodies(attacker, is_chunked=bool(each % 2)) for each in range(_SENDING)))


async def half_open_and_bodies(attacker: Attacker) -> None:
    """Both at the same time."""
    await asyncio.gather(half_open(attacker), bodies(attacker))


async def _hold(attacker: Attacker, *, drop: bytes = b"") -> None:
    while attacker.is_on():
        with contextlib.suppress(OSError):
            reader, writer = await attacker.connect()
            attacker.counts["connections"] += 1
            writer.write(_HALF_A_HEAD)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(attacker.left()):
                    dropping = asyncio.create_task(_drop(writer, drop))
                    try:
                        while await reader.read(PIECE):
                            pass
                        attacker.counts["closed"] += 1
                    finally:
                        dropping.cancel()
            writer.close()
        await asyncio.sleep(min(_AGAIN, attacker.left()))


async def _drop(writer: asyncio.StreamWriter, drop: bytes) -> None:
    while drop:
        await asyncio.sleep(_DROP)
        writer.write(drop)


async def _send_bodies(attacker: Attacker, *, is_chunked: bool) -> None:
    how = "Transfer-Encoding: chunked" if is_chunked else f"Content-Length: {_BODY}"
    head = f"POST /login/ HTTP/1.1\r\nHost: 127.0.0.1:{attacker.port}\r\n{how}\r\n\r\n".encode()
    plain = bytes(PIECE)
    piece = b"%x\r\n%b\r\n" % (PIECE, plain) if is_chunked else plain
    while attacker.is_on() and attacker.counts["bytes sent"] < _ALL_BODIES:
        with contextlib.suppress(OSError, TimeoutError):
            _, writer = await attacker.connect()
            writer.write(head)
            attacker.counts["bodies"] += 1
            try:
                for _ in range(_BODY // PIECE):
                    writer.write(piece)
                    async with asyncio.timeout(attacker.left()):
                        await writer.drain()
                    attacker.counts["bytes sent"] += PIECE
            finally:
                writer.close()
