"""Reads what MCP servers really send, also where the library ``mcp`` would throw it away or wait for ever.

The library judges a result as a whole: one content block or one tool of an unknown form makes it drop the answer of a
call that was executed. So the library gets an empty result in place of the server's own one, which travels in the
result's ``_meta`` under ``RAW``. Lines that the library cannot parse are mended here; an answer that stays unreadable
becomes an error for the request that waits for it.
"""

import json
import re
from collections.abc import Callable
from typing import Any, Self

from pydantic import ValidationError

from providers.text.cleaning import clean_json
from providers.types import Json
from runs.toolbox.mcp.trouble import ABOUT, Kind, Trouble

#: The key in ``_meta`` under which the server's own result stands.
RAW = "runnel/raw"

_UNREADABLE = Trouble(kind=Kind.UNREADABLE).as_json()
_PARSE_ERROR = -32700
_INTERNAL_ERROR = -32603

#: An escaped backslash, a whole surrogate pair, or a half one.
_ESCAPES = re.compile(
    rb"\\\\|\\u[dD][89abAB][0-9a-fA-F]{2}(?P<low>\\u[dD][c-fC-F][0-9a-fA-F]{2})?|\\u[dD][c-fC-F][0-9a-fA-F]{2}"
)
_ID = re.compile(r'"id"\s*:\s*("(?:[^"\\]|\\.)*"|-?\d+)')


def mended(text: bytes) -> bytes:
    """Return JSON text as UTF-8 that every parser reads: wrong bytes and halves of characters become U+FFFD."""
    try:
        text.decode()
    except UnicodeDecodeError:
        text = text.decode(errors="replace").encode()
    return _ESCAPES.sub(_whole, text) if b"\\ud" in text.lower() else text


def _whole(match: re.Match[bytes]) -> bytes:
    found = match[0]
    return found if found == rb"\\" or match["low"] else rb"\ufffd"


class TolerantReader:
    """A session's incoming messages, as the library takes them.

    Also calls ``on_end`` when the server has closed its side.
    """

    def __init__(self, stream: Any, waiting: dict[Any, str], on_end: Callable[[], None]) -> None:
        """Take the stream and the methods of the requests without an answer, by id."""
        self._stream = stream
        self._waiting = waiting
        self._on_end = on_end

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    async def __aenter__(self) -> Self:
        await self._stream.__aenter__()
        return self

    async def __aexit__(self, *failure: object) -> Any:
        return await self._stream.__aexit__(*failure)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Any:
        try:
            return self._readable(await self._stream.__anext__())
        except StopAsyncIteration:
            self._on_end()
            raise

    def _readable(self, item: Any) -> Any:
        from mcp.shared.message import SessionMessage
        from mcp_types import JSONRPCError, JSONRPCResponse

        if isinstance(item, Exception):
            message = self._understood(item)
            item = item if message is None else SessionMessage(message)
        message = getattr(item, "message", None)
        if isinstance(message, JSONRPCResponse | JSONRPCError):
            request_id = self._request_id(message.id)
            message.id = message.id if request_id is None else request_id
            method = self._waiting.pop(request_id, "")
            if isinstance(message, JSONRPCResponse) and method in _WRAPPERS:
                message.result = _WRAPPERS[method](message.result)
        return item

    def _understood(self, error: Exception) -> Any:
        """Return the response in a line that the library could not parse; ``None`` if it holds none."""
        from mcp_types import ErrorData, JSONRPCError, JSONRPCResponse

        for text, value in _inputs(error):
            answer = _parsed(text) if value is None else value
            if not isinstance(answer, dict):
                if (request_id := self._named_in(text)) is not None:
                    unreadable = ErrorData(code=_PARSE_ERROR, message="unreadable", data={ABOUT: _UNREADABLE})
                    return JSONRPCError(jsonrpc="2.0", id=request_id, error=unreadable)
                continue
            if (request_id := self._request_id(answer.get("id"))) is None:
                continue
            if "error" in answer:
                return JSONRPCError(jsonrpc="2.0", id=request_id, error=ErrorData(**_error(answer["error"])))
            if "result" in answer:
                method = self._waiting.pop(request_id, "")
                result = _WRAPPERS.get(method, lambda raw: {RAW: raw})(clean_json(answer["result"]))
                return JSONRPCResponse(jsonrpc="2.0", id=request_id, result=result)
        return None

    def _request_id(self, given: Any) -> Any:
        """Return the id of the waiting request that a server names by ``given``; ``None`` if there is none.

        An answer to no id belongs to the only request that waits.
        """
        if given is None:
            return next(iter(self._waiting)) if len(self._waiting) == 1 else None
        for request_id in self._waiting:
            if given in (request_id, str(request_id)) and not isinstance(given, bool):
                return request_id
        return None

    def _named_in(self, text: str) -> Any:
        """Return the id of the waiting request that an unparsable answer names; ``None`` if it is no answer."""
        if '"jsonrpc"' not in text or not ('"result"' in text or '"error"' in text):
            return None
        match = _ID.search(text)
        return self._request_id(match[1].strip('"') if match else None)


class TolerantWriter:
    """A session's outgoing messages; notes which requests wait for an answer."""

    def __init__(self, stream: Any, waiting: dict[Any, str]) -> None:
        self._stream = stream
        self._waiting = waiting

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    async def __aenter__(self) -> Self:
        await self._stream.__aenter__()
        return self

    async def __aexit__(self, *failure: object) -> Any:
        return await self._stream.__aexit__(*failure)

    async def send(self, item: Any) -> None:
        """Send one message."""
        request_id, method = getattr(item.message, "id", None), getattr(item.message, "method", "")
        if request_id is not None and method:
            self._waiting[request_id] = method
        elif method == "notifications/cancelled":
            self._waiting.pop((item.message.params or {}).get("requestId"), None)
        await self._stream.send(item)


def tolerant(streams: tuple[Any, Any], *, on_end: Callable[[], None]) -> tuple[Any, Any]:
    """Return a transport's two streams, so that every answer is read."""
    reading, writing = streams
    waiting: dict[Any, str] = {}
    return TolerantReader(reading, waiting, on_end), TolerantWriter(writing, waiting)


def _called(raw: Any) -> Json:
    """Return the library's form of a call's result. ``isError`` spares it the check against an output schema."""
    if isinstance(raw, dict) and raw.get("resultType") == "input_required":
        return raw
    return {"content": [], "isError": True, "resultType": "complete", "_meta": {RAW: raw}}


def _listed(raw: Any) -> Json:
    """Return the library's form of a page of tools: the next page, and the tools that it needs to know itself."""
    given = raw if isinstance(raw, dict) else {}
    tools = given.get("tools")
    known = [
        _with_headers(tool)
        for tool in (tools if isinstance(tools, list) else ())
        if isinstance(tool, dict) and isinstance(tool.get("name"), str) and "x-mcp-header" in repr(tool)
    ]
    page: Json = {"tools": known, "_meta": {RAW: raw}}
    return page | {
        name: given[name]
        for name, kind in (("nextCursor", str), ("resultType", str), ("ttlMs", int), ("cacheScope", str))
        if isinstance(given.get(name), kind)
    }


def _with_headers(tool: Json) -> Json:
    """Return a tool with the arguments only, some of which the library sends as headers."""
    schema = tool.get("inputSchema")
    given = schema.get("properties") if isinstance(schema, dict) else None
    fields = (
        {name: part for name, part in given.items() if isinstance(part, dict)}
        if isinstance(given, dict)
        else {}
    )
    return {"name": tool["name"], "inputSchema": {"type": "object", "properties": fields}}


_WRAPPERS: dict[str, Callable[[Any], Json]] = {"tools/call": _called, "tools/list": _listed}


def _inputs(error: Exception) -> list[tuple[str, Any]]:
    """Return what the library could not parse: a text, or the object in it."""
    if not isinstance(error, ValidationError):
        return []
    found: list[tuple[str, Any]] = []
    for each in error.errors(include_url=False, include_context=False):
        given = each["input"]
        if each["type"] == "json_invalid" and isinstance(given, (str, bytes)):
            found.append((given if isinstance(given, str) else given.decode(errors="replace"), None))
        elif isinstance(given, dict) and "id" in given:
            found.append(("", given))
    return found[:1]


def _parsed(text: str) -> Any:
    try:
        return json.loads(mended(text.lstrip("\ufeff").encode(errors="replace")))
    except (ValueError, RecursionError):
        return None


def _error(given: Any) -> Json:
    """Return a server's error with a number and a text."""
    error = given if isinstance(given, dict) else {"message": given}
    code, message = error.get("code"), error.get("message")
    is_number = isinstance(code, int) and not isinstance(code, bool)
    if not isinstance(message, str):
        message = json.dumps(clean_json(given), ensure_ascii=False, default=str)
    return {"code": code if is_number else _INTERNAL_ERROR, "message": message, "data": error.get("data")}
