"""A careless provider: passes on the emulator's answers and inserts the caller's key wherever it can."""

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx2

_CREDENTIALS = ("authorization", "x-api-key", "x-goog-api-key", "api-key")
_HOP_BY_HOP = ("host", "content-length", "connection", "accept-encoding", "transfer-encoding")

#: The places of an answer whose text may be stored or shown with a failure.
_PLACES = re.compile(rb'"message":\s*"|<h1>|: keep-alive|<title>')


class Echo:
    """A proxy before the emulator at ``behind``."""

    def __init__(self, behind: str, http: httpx2.AsyncClient) -> None:
        self.origin = ""
        #: How often each key was inserted into a body. Every answer has the key in its headers.
        self.quoted: Counter[str] = Counter()
        self._behind = behind
        self._http = http

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._pass_on(reader, writer)
        except (httpx2.HTTPError, OSError, asyncio.IncompleteReadError):
            writer.transport.abort()
        finally:
            writer.close()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        method, path, _ = first.split(" ")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines if line)}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        key = next(headers[name] for name in _CREDENTIALS if name in headers).removeprefix("Bearer ")
        passed_on = {name: value for name, value in headers.items() if name not in _HOP_BY_HOP}
        request = self._http.stream(method, self._behind + path, headers=passed_on, content=body)
        async with request as response:
            head = [
                f"HTTP/1.1 {response.status_code} {key}",
                *(f"{name}: {value}" for name, value in response.headers.items() if name not in _HOP_BY_HOP),
                *(f"{name}: {key}" for name in ("x-request-id", "request-id", "www-authenticate", "x-echo")),
                "connection: close",
            ]
            writer.write("\r\n".join(head).encode() + b"\r\n\r\n")
            async for piece in response.aiter_raw():
                quoting, times = _PLACES.subn(rb"\g<0> You sent %b: " % key.encode(), piece)
                self.quoted[key] += times
                writer.write(quoting)
                await writer.drain()


@asynccontextmanager
async def echoing(behind: str) -> AsyncIterator[Echo]:
    """Serve on loopback until the context ends."""
    async with httpx2.AsyncClient(timeout=None, trust_env=False) as http:
        echo = Echo(behind, http)
        listener = await asyncio.start_server(echo.serve, "127.0.0.1", 0)
        host, port = listener.sockets[0].getsockname()
        echo.origin = f"http://{host}:{port}"
        async with listener:
            yield echo
