"""Measures the CPU time per token while every token travels alone.

Each stream sends its next token 20 ms after its own viewer has read the last one, so a busy server cannot merge
tokens and look cheaper for it. ``python -m benchmarks.closed_loop`` compares Runnel with the raw SDK in one run;
``--help`` lists the options.
"""

import argparse
import asyncio
import contextlib
import json
import re
import statistics
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from functools import partial
from typing import Any

from websockets.asyncio.client import connect

from benchmarks import machine
from benchmarks.server import PROJECT, PROVIDERS, SERVERS, Served, providers_at, serve

#: Seconds between the moment when a token was read and the next token.
PAUSE = 0.02

#: The number of a stream, in the prompt and in each of its tokens.
_STREAM = re.compile(rb"#(\d{4})")
_HEAD = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n"
    b"x-request-id: loop\r\n\r\n"
)


class Upstream:
    """A Chat Completions provider that sends a token whenever the one before it has been read.

    It listens for readers in other processes too: they connect and write the bytes that they have read.
    """

    def __init__(self) -> None:
        self._read: dict[int, asyncio.Event] = {}
        #: Tokens that were read, of all streams.
        self.tokens = 0

    async def start(self) -> None:
        """Listen on two free ports of the loopback interface."""
        self._provider = await asyncio.start_server(self._answer, "127.0.0.1", 0)
        self._readers = await asyncio.start_server(self._hear, "127.0.0.1", 0)

    async def close(self) -> None:
        """Stop listening, and wait for the connections to end."""
        for server in (self._provider, self._readers):
            server.close()
            await server.wait_closed()

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self._provider.sockets[0].getsockname()[1]}"

    @property
    def readers_port(self) -> int:
        port: int = self._readers.sockets[0].getsockname()[1]
        return port

    def note(self, seen: bytes) -> None:
        """Note that the tokens in ``seen`` were read."""
        for number in _STREAM.findall(seen):
            if (event := self._read.get(int(number))) is not None:
                self.tokens += 1
                event.set()

    async def _hear(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while line := await reader.readline():
                self.note(line)
        writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            head = await reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"content-length: *(\d+)", head, re.IGNORECASE)
            body = await reader.readexactly(int(length[1]) if length else 0)
            found = _STREAM.search(body)
            if found is None:
                writer.write(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n")
            else:
                await self._stream(int(found[1]), reader, writer)
        writer.close()

    async def _stream(self, number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        event = self._read[number] = asyncio.Event()
        flow = asyncio.create_task(_flow(number, event, writer))
        try:
            # The peer sends nothing more: the end of its bytes is the end of the connection.
            await reader.read()
        finally:
            await _end([flow])


async def _flow(number: int, event: asyncio.Event, writer: asyncio.StreamWriter) -> None:
    writer.write(_HEAD)
    while True:
        writer.write(_chunk(f"#{number:04d} word "))
        await event.wait()
        event.clear()
        await asyncio.sleep(PAUSE)


def _chunk(text: str) -> bytes:
    delta = {"index": 0, "delta": {"content": text}, "finish_reason": None}
    event = {"id": "loop", "object": "chat.completion.chunk", "model": "loop", "choices": [delta]}
    data = f"data: {json.dumps(event)}\n\n".encode()
    return b"%x\r\n%b\r\n" % (len(data), data)


async def rate(upstream: Upstream, pid: int, seconds: float) -> tuple[float, float]:
    """Return the microseconds of CPU time per token of process ``pid``, and the tokens per second."""
    tokens, cpu, begin = upstream.tokens, machine.cpu_nanoseconds(pid), time.monotonic()
    await asyncio.sleep(seconds)
    read = upstream.tokens - tokens
    passed = time.monotonic() - begin
    return (machine.cpu_nanoseconds(pid) - cpu) / 1e3 / max(read, 1), read / passed


async def _view(served: Served, upstream: Upstream, number: int) -> None:
    frame = {
        "type": "start",
        "id": "1",
        "model": f"{PROVIDERS['openai-chat']}/loop",
        "input": f"#{number:04d}",
    }
    async with connect(
        served.websocket, additional_headers=served.headers, compression=None, proxy=None
    ) as socket:
        await socket.recv()
        await socket.send(json.dumps(frame))
        async for text in socket:
            if isinstance(text, str) and '"TEXT_MESSAGE_CONTENT"' in text:
                upstream.note(text.encode())


async def through_runnel(
    upstream: Upstream, streams: int, seconds: float, *, kind: str
) -> tuple[float, float]:
    """Measure a server of a kind with ``streams`` viewers."""
    with serve(providers_at(upstream.origin), kind=kind) as served:
        viewers = [asyncio.create_task(_view(served, upstream, number)) for number in range(streams)]
        figures = await _once_flowing(upstream, served.pid, seconds)
        await _end(viewers)
    return figures


async def through_sdk(upstream: Upstream, streams: int, seconds: float) -> tuple[float, float]:
    """Measure a process that reads the same streams with the raw SDK."""
    command = [sys.executable, "-m", "benchmarks.closed_loop", "--read", upstream.origin]
    process = await asyncio.create_subprocess_exec(
        *command, str(upstream.readers_port), str(streams), cwd=PROJECT
    )
    machine.pin(process.pid, (machine.cores() or (None,))[0])
    try:
        return await _once_flowing(upstream, process.pid, seconds)
    finally:
        process.kill()
        await process.wait()


async def _once_flowing(upstream: Upstream, pid: int, seconds: float) -> tuple[float, float]:
    before = upstream.tokens
    while upstream.tokens < before + 500:  # noqa: ASYNC110 - the count is all there is to wait for
        await asyncio.sleep(0.1)
    return await rate(upstream, pid, seconds)


async def _end(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def read_with_sdk(origin: str, port: int, streams: int) -> None:
    """Read ``streams`` streams with the raw SDK, and write the text of each token to ``port``."""
    from openai import AsyncOpenAI

    client = AsyncOpenAI(api_key="nobody", base_url=f"{origin}/v1", max_retries=0)
    await asyncio.gather(*(_read_one(client, port, number) for number in range(streams)))


async def _read_one(client: Any, port: int, number: int) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    async for text in _texts(client, f"#{number:04d}"):
        writer.write(text.encode() + b"\n")


async def _texts(client: Any, prompt: str) -> AsyncIterator[str]:
    from openai import AsyncStream

    body = {"model": "loop", "messages": [{"role": "user", "content": prompt}], "stream": True}
    stream = await client.post(
        "/chat/completions", cast_to=object, body=body, stream=True, stream_cls=AsyncStream[object]
    )
    async for event in stream:
        yield event["choices"][0]["delta"]["content"]


type Way = Callable[[Upstream, int, float], Awaitable[tuple[float, float]]]

#: The floor of what is compared.
SDK = "SDK alone"


async def compare(kinds: Sequence[str], streams: int, seconds: float, rounds: int) -> None:
    """Measure the raw SDK and each kind of server ``rounds`` times in turn; print the medians and their ratios."""
    ways: dict[str, Way] = {SDK: through_sdk, **{kind: partial(through_runnel, kind=kind) for kind in kinds}}
    upstream = Upstream()
    await upstream.start()
    costs: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            cost, per_second = await way(upstream, streams, seconds)
            costs[name].append(cost)
            print(f"{name:10} {cost:7.0f} µs CPU/token at {per_second:6.0f} tokens/s", flush=True)
    medians = {name: statistics.median(measured) for name, measured in costs.items()}
    print("median    ", "  ".join(f"{name} {cost:.0f} µs" for name, cost in medians.items()))
    await upstream.close()
    for kind in kinds:
        print(f"Runnel on {kind} : {SDK} = {medians[kind] / medians[SDK]:.2f} × the CPU per token")


def main() -> None:
    """Measure, or be the process that reads with the SDK."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.closed_loop", description=__doc__)
    parser.add_argument("--streams", type=int, default=25)
    parser.add_argument("--seconds", type=float, default=6.0, help="how long each measurement lasts")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--servers", nargs="+", choices=SERVERS, default=["daphne"], help="what serves Runnel"
    )
    parser.add_argument("--read", nargs=3, metavar=("ORIGIN", "PORT", "STREAMS"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.read:
        origin, port, streams = options.read
        asyncio.run(read_with_sdk(origin, int(port), int(streams)))
        return
    machine.pin(0, (machine.cores() or (None, None))[1])
    asyncio.run(compare(options.servers, options.streams, options.seconds, options.rounds))


if __name__ == "__main__":
    main()
