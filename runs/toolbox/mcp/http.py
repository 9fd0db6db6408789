"""The HTTP connection to an MCP server: checked addresses, limited answers, and failures of one request only.

The library ends a whole session when a connection breaks, and drops the status of an error answer. So each request's
failure is turned into a JSON-RPC error for that request, whose ``data`` says what is known (see ``trouble``).
"""

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx2
from django.conf import settings

from providers.security.addresses import AddressRefused
from providers.security.pinned import PinnedTransport
from providers.types import Json
from runs.toolbox.mcp.messages import Asked, mended_messages, messages_in, words_in
from runs.toolbox.mcp.tolerance import mended
from runs.toolbox.mcp.trouble import ABOUT, Kind, Trouble

#: Bytes of an error answer that are read.
_LONGEST_ERROR = 64 * 1024

#: Bytes of an error's plain words that are repeated.
_LONGEST_WORDS = 500

_JSON = "application/json"
_TEXT = "text/plain"
_EVENTS = "text/event-stream"
_SESSION = "mcp-session-id"


class McpTransport(PinnedTransport):
    """Connects to checked addresses only, limits the size of answers, and keeps a failure to its request."""

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send the request; return the answer, or a JSON-RPC error in its place.

        Raises:
            httpx2.TransportError: the connection failed and the request is not a tool call.
            httpx2.DecodingError: the answer is compressed, so its unpacked size could not be limited.
        """
        asked = _asked(request)
        try:
            response = await super().handle_async_request(request)
        except httpx2.TransportError as error:
            if asked is None or not asked.is_call or isinstance(error.__cause__, AddressRefused):
                raise
            return _refused(request, asked, Trouble(kind=_kind(error)))
        if response.headers.get("content-encoding", "identity").lower() != "identity":
            await response.aclose()
            raise httpx2.DecodingError("the answer is compressed, which was not asked for", request=request)
        stream = response.stream
        response.stream = LimitedStream(stream)
        if asked is None or response.has_redirect_location:
            return response
        return await self._answer(request, asked, response)

    async def _answer(
        self, request: httpx2.Request, asked: Asked, response: httpx2.Response
    ) -> httpx2.Response:
        kind = response.headers.get("content-type", "").lower().partition(";")[0].strip()
        if response.is_error:
            return _refused(request, asked, *await _error_in(request, response, kind))
        if response.status_code == httpx2.codes.ACCEPTED:
            return _refused(request, asked, Trouble(kind=Kind.UNANSWERED))
        if kind == _EVENTS:
            response.stream = MendedStream(response.stream, asked)
            return response
        try:
            body = mended(b"".join([piece async for piece in response.aiter_raw()]))
        except AnswerTooLong:
            limit = f"{settings.RUNNEL_MCP_ANSWER_MB} MB"
            return _refused(request, asked, Trouble(kind=Kind.TOO_LONG, detail=limit))
        except httpx2.TransportError:
            if not asked.is_call:
                raise
            return _refused(request, asked, Trouble(kind=Kind.LOST))
        finally:
            await response.aclose()
        return _reply_in(request, asked, body, kind, session=response.headers.get(_SESSION))


class AnswerTooLong(httpx2.ReadError):
    """An answer is longer than ``RUNNEL_MCP_ANSWER_MB``."""


def longest_answer() -> int:
    """Return how many bytes of one answer are read. A model reads only a small part of a long one."""
    return settings.RUNNEL_MCP_ANSWER_MB * 2**20


class LimitedStream(httpx2.AsyncByteStream):
    """Passes on an answer's bytes; raises ``AnswerTooLong`` above the limit."""

    def __init__(self, stream: Any) -> None:
        """Take the stream to limit."""
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        read, longest = 0, longest_answer()
        async for piece in self._stream:
            read += len(piece)
            if read > longest:
                raise AnswerTooLong(f"the answer is longer than {longest} bytes")
            yield piece

    async def aclose(self) -> None:
        """Close the connection's side of the answer."""
        await self._stream.aclose()


class MendedStream(httpx2.AsyncByteStream):
    """Passes on the events of a stream, the messages in them mended, the last one also without its end."""

    def __init__(self, stream: Any, asked: Asked) -> None:
        """Take the stream to mend, and the request that it answers."""
        self._stream = stream
        self._asked = asked

    async def __aiter__(self) -> AsyncIterator[bytes]:
        rest: list[bytes] = []
        event: list[bytes] = []
        async for piece in self._stream:
            end = piece.rfind(b"\n") + 1
            if not end:
                rest.append(piece)
                continue
            for line in b"".join([*rest, piece[:end]]).splitlines():
                if line:
                    event.append(line)
                elif event:
                    yield self._event(event)
                    event = []
            rest = [piece[end:]]
        event += b"".join(rest).splitlines()
        if event:
            yield self._event(event)

    def _event(self, lines: list[bytes]) -> bytes:
        """Return an event of the messages in ``lines``; of the other fields, those that a reconnection needs."""
        kept = [line for line in lines if line.startswith((b"id:", b"retry:"))]
        data = [line[5:].removeprefix(b" ") for line in lines if line.startswith(b"data:")]
        if not data:
            # A server that sends plain JSON under the name of events.
            data = [line for line in lines if not line.startswith((b":", b"event:", b"id:", b"retry:"))]
        text = mended(b"\n".join(data))
        if not text.strip():
            return b"\n".join([*lines, b"", b""])
        try:
            messages = list(mended_messages(messages_in(text), self._asked))
        except (ValueError, RecursionError):
            return b"\n".join([*lines, b"", b""])
        framed = [b"data: " + json.dumps(message).encode() for message in messages]
        return b"".join(b"\n".join([*kept, line, b"", b""]) for line in framed or [b":"])

    async def aclose(self) -> None:
        """Close the connection's side of the answer."""
        await self._stream.aclose()


def _asked(request: httpx2.Request) -> Asked | None:
    """Return the JSON-RPC request in ``request``; ``None`` for a notification and for what is no POST."""
    if request.method != "POST":
        return None
    try:
        message = json.loads(request.content)
    except (ValueError, httpx2.RequestNotRead):
        return None
    if not isinstance(message, dict) or message.get("id") is None or "method" not in message:
        return None
    return Asked(message["id"], message["method"], in_session=_SESSION in request.headers)


def _kind(error: httpx2.TransportError) -> Kind:
    """Return what is known after ``error``: the request was sent only over an open connection."""
    unsent = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout, httpx2.UnsupportedProtocol)
    return Kind.UNREACHED if isinstance(error, unsent) else Kind.LOST


async def _error_in(
    request: httpx2.Request, response: httpx2.Response, kind: str
) -> tuple[Trouble, Json | None]:
    """Return what an error answer says: its status, and the JSON-RPC error in it if there is one."""
    pieces: list[bytes] = []
    try:
        async for piece in response.aiter_raw():
            pieces.append(piece)
            if sum(map(len, pieces)) > _LONGEST_ERROR:
                break
    except httpx2.TransportError:
        pieces = []
    finally:
        await response.aclose()
    value = _said(b"".join(pieces), kind)
    error = value.get("error") if isinstance(value, dict) else None
    is_rpc = isinstance(error, dict) and "message" in error
    trouble = Trouble(
        kind=Kind.STATUS,
        status=response.status_code,
        detail=response.headers.get("retry-after", ""),
        said="" if is_rpc else words_in(value),
        in_session=_SESSION in request.headers,
    )
    return trouble, error if is_rpc else None


def _said(body: bytes, kind: str) -> Any:
    """Return the value in an error answer: JSON, or short words that are no page; ``None`` for all else."""
    if kind == _TEXT and len(body) <= _LONGEST_WORDS and not body.lstrip().startswith(b"<"):
        return body.decode(errors="replace")
    try:
        return json.loads(mended(body)) if kind == _JSON else None
    except (ValueError, RecursionError):
        return None


def _reply_in(
    request: httpx2.Request, asked: Asked, body: bytes, kind: str, *, session: str | None
) -> httpx2.Response:
    """Return the answer to ``asked`` in a body that has come whole."""
    try:
        messages = list(mended_messages(messages_in(body), asked))
    except (ValueError, RecursionError):
        messages = []
    answer = (
        next((each for each in messages if each.get("id") == asked.id and "method" not in each), None)
        if messages
        else None
    )
    if answer is not None:
        return _reply(request, json.dumps(answer).encode(), session=session)
    if kind != _JSON:
        return _refused(request, asked, Trouble(kind=Kind.WRONG_TYPE, detail=kind or "nothing"))
    return _refused(request, asked, Trouble(kind=Kind.UNREADABLE))


def _refused(
    request: httpx2.Request, asked: Asked, trouble: Trouble, error: Json | None = None
) -> httpx2.Response:
    code = error.get("code") if error else None
    message = str(error["message"]) if error else ""
    about = {"code": code if isinstance(code, int) else -32603, "message": message}
    body = {"jsonrpc": "2.0", "id": asked.id, "error": about | {"data": {ABOUT: trouble.as_json()}}}
    return _reply(request, json.dumps(body).encode())


def _reply(request: httpx2.Request, body: bytes, *, session: str | None = None) -> httpx2.Response:
    headers = {"content-type": _JSON} | ({_SESSION: session} if session else {})
    return httpx2.Response(200, headers=headers, content=body, request=request)
