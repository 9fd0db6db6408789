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
from runs.toolbox.mcp.messages import RAW, error_in
from runs.toolbox.mcp.trouble import ABOUT, Kind, Trouble

_UNREADABLE = Trouble(kind=Kind.UNREADABLE).as_json()
_PARSE_ERROR = -32700

#: An escaped backslash, a whole surrogate pair, or a half one.
_ESCAPES = re.compile(
    rb"\\\\|\\u[dD][89abAB][0-9a-fA-F]{2}(?P<low>\\u[dD][c-fC-F][0-9a-fA-F]{2})?|\\u[dD][c-fC-F][0-9a-fA-F]{2}"
)
#: The beginning of a message, and the members of an answer.
_OBJECT = re.compile(r'\{\s*"(?:jsonrpc|id|result|error)"\s*:')
_ANSWER = frozenset({"jsonrpc", "result", "error"})
_DECODER = json.JSONDecoder(strict=False)
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

        text, answers = _input(error)
        if not answers and (request_id := self._named_in(text)) is not None:
            unreadable = ErrorData(code=_PARSE_ERROR, message="unreadable", data={ABOUT: _UNREADABLE})
            return JSONRPCError(jsonrpc="2.0", id=request_id, error=unreadable)
        for answer in answers:
            if (request_id := self._request_id(answer.get("id"))) is None:
                continue
            if "error" in answer:
                return JSONRPCError(
                    jsonrpc="2.0", id=request_id, error=ErrorData(**clean_json(error_in(answer["error"])))
                )
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
    raw = _own(raw)
    return {"content": [], "isError": True, "resultType": "complete", "_meta": {RAW: raw}}


def _listed(raw: Any) -> Json:
    """Return the library's form of a page of tools: the next page, and the tools that it needs to know itself."""
    raw = _own(raw)
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


def _own(raw: Any) -> Any:
    """Return a server's own result, which travels in ``_meta`` if it is no object."""
    meta = raw.get("_meta") if isinstance(raw, dict) and len(raw) == 1 else None
    return meta[RAW] if isinstance(meta, dict) and RAW in meta else raw


def _introduced(raw: Any) -> Json:
    """Return what a server says of itself in the library's form; a version that nobody knows is taken for ours."""
    from mcp_types import version

    given = raw if isinstance(raw, dict) else {}
    abilities, info = given.get("capabilities"), given.get("serverInfo")
    about = info if isinstance(info, dict) else {"name": info}
    known = {
        "protocolVersion": given.get("protocolVersion"),
        "capabilities": {
            name: value if isinstance(value, dict) else {}
            for name, value in (abilities if isinstance(abilities, dict) else {"tools": {}}).items()
            if value not in (None, False)
        },
        "serverInfo": {
            **about,
            **{
                name: text if isinstance(text := about.get(name), str) else "unknown"
                for name in ("name", "version")
            },
        },
    }
    if known["protocolVersion"] not in version.HANDSHAKE_PROTOCOL_VERSIONS:
        known["protocolVersion"] = version.LATEST_HANDSHAKE_VERSION
    return known | ({"_meta": given["_meta"]} if isinstance(given.get("_meta"), dict) else {})


_WRAPPERS: dict[str, Callable[[Any], Json]] = {
    "tools/call": _called,
    "tools/list": _listed,
    "initialize": _introduced,
}


def _input(error: Exception) -> tuple[str, list[Json]]:
    """Return what the library could not parse: the text, and the objects in it that may be messages."""
    if not isinstance(error, ValidationError):
        return "", []
    for each in error.errors(include_url=False, include_context=False):
        given = each["input"]
        if each["type"] == "json_invalid" and isinstance(given, (str, bytes)):
            text = given if isinstance(given, str) else given.decode(errors="replace")
            return text, _objects_in(text)
        if isinstance(given, list):
            return "", [item for item in given if isinstance(item, dict)]
        if isinstance(given, dict) and ("id" in given or given.keys() <= _ANSWER):
            return "", [given]
    return "", []


def _objects_in(text: str) -> list[Json]:
    """Return the objects in a line that may be messages: servers write words or colours before them, or several in a line."""
    text = mended(text.encode(errors="replace")).decode()
    found: list[Json] = []
    at = 0
    while begun := _OBJECT.search(text, at):
        try:
            value, at = _DECODER.raw_decode(text, begun.start())
        except (ValueError, RecursionError):
            break
        found.append(value)
    return found
