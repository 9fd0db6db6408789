"""Servers that do not keep to the protocol: an answer that came is used, and what is known of a call is said."""

import asyncio
import json
import re
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from runs.toolbox.mcp import close_all, pool, results
from runs.toolbox.mcp.target import McpEndpoint
from runs.toolbox.mcp.tolerance import mended
from runs.toolbox.tool import ToolError
from tests.runs.toolbox import odd_server

HERE = UUID(int=1)
#: Seconds for which a call that gets no answer waits here.
PATIENCE = 20.0


@pytest.fixture(autouse=True)
async def loopback(settings: Any) -> AsyncIterator[None]:
    settings.RUNNEL_ALLOW_LOOPBACK_PROVIDERS = True
    yield
    await close_all()


async def call(target: McpEndpoint, name: str, **arguments: Any) -> str:
    async with asyncio.timeout(PATIENCE):
        return results.answer_in(await pool.current().call(target, HERE, name, arguments)).text


def program() -> McpEndpoint:
    path = str(Path(odd_server.__file__))
    return McpEndpoint(name="odd", command=(sys.executable, path), timeout=PATIENCE)


NOT_KNOWN = "Whether the call took effect is not known."


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("half", "cut \ufffd, and more"),
        ("low_half", "\\ud83d \ufffd!"),
        ("latin", "Stra\ufffde"),
        ("text_id", "named by text"),
        ("whole_float", "a float"),
        ("marked", "marked"),
        ("noise", "after noise"),
        ("late", ""),
        ("unstructured", "no number"),
        ("prefixed", "after words"),
        ("coloured", "in colour"),
        ("two_in_a_line", "second"),
        ("batch", "in a batch"),
        ("control", "a\tb"),
        ("plain_text", "plain"),
    ],
)
async def test_an_answer_in_an_odd_line_is_used(name: str, expected: str) -> None:
    target = program()
    assert await call(target, name) == expected


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("no_object", 'The tool was executed, but its server answered with what is no result: ["a list"]'),
        ("text_code", "The MCP server odd refused: The pump is broken."),
        ("text_error", "The MCP server odd refused: The pump is broken."),
        ("nobodys_error", "The MCP server odd refused: The pump is broken."),
        ("bare_error", "The MCP server odd refused: The pump is broken."),
        ("detailed", "The MCP server odd refused: Internal error: The pump is broken."),
        ("broken_off", f"The MCP server odd answered in a form that cannot be read. {NOT_KNOWN}"),
        ("broken_without_id", f"The MCP server odd answered in a form that cannot be read. {NOT_KNOWN}"),
    ],
)
async def test_an_unreadable_answer_is_an_error_at_once_and_the_session_goes_on(
    name: str, sentence: str
) -> None:
    target = program()
    await call(target, "count")
    began = time.monotonic()
    with pytest.raises(ToolError) as caught:
        await call(target, name)
    assert str(caught.value) == sentence
    assert time.monotonic() - began < 2
    assert await call(target, "count") == "2"


@pytest.mark.parametrize("id_stands", ["first", "last", "nowhere"])
async def test_a_line_beyond_the_limit_is_an_error_for_its_request_and_the_session_goes_on(
    id_stands: str, settings: Any
) -> None:
    settings.RUNNEL_MCP_ANSWER_MB = 1
    target = program()
    await call(target, "count")
    with pytest.raises(ToolError) as caught:
        await call(target, "flood", megabytes=3, id_stands=id_stands)
    assert str(caught.value) == (
        f"The MCP server odd answered with more than 1 MB, which is not read. Ask for less. {NOT_KNOWN}"
    )
    assert await call(target, "count") == "2"


async def test_a_note_beyond_the_limit_fails_no_call(settings: Any) -> None:
    settings.RUNNEL_MCP_ANSWER_MB = 1
    answer = await call(program(), "flood", megabytes=3, id_stands="in a note before")
    assert answer == "after the note"


type Respond = Callable[[dict[str, Any]], bytes | None]


def response(status: str, body: bytes = b"", kind: str = "application/json", **headers: str) -> bytes:
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    head = (
        f"HTTP/1.1 {status}\r\ncontent-length: {len(body)}\r\nconnection: close\r\ncontent-type: {kind}\r\n"
    )
    return f"{head}{lines}\r\n".encode() + body


def told(number: Any, **fields: Any) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "id": number, **fields}).encode()


def said(number: Any, words: str) -> bytes:
    return told(number, result={"content": [{"type": "text", "text": words}]})


@asynccontextmanager
async def serving(respond: Respond, *, about: dict[str, Any] | None = None) -> AsyncIterator[McpEndpoint]:
    """A server whose calls ``respond`` answers with bytes; ``None`` breaks the connection off.

    ``about``: what it says of itself in other words than usual.
    """
    sessions: list[str] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
            length = re.search(r"content-length: (\d+)", head)
            message = json.loads(await reader.readexactly(int(length[1]))) if length else {}
            writer.write(answer(message, head) or b"")
            await writer.drain()
        writer.close()

    def answer(message: dict[str, Any], head: str) -> bytes | None:
        match message.get("method"):
            case "initialize":
                sessions.append(f"session-{len(sessions) + 1}")
                version = message["params"]["protocolVersion"]
                info = {"name": "odd", "version": "1"}
                result = {"protocolVersion": version, "capabilities": {"tools": {}}, "serverInfo": info}
                result |= about or {}
                return response("200 OK", told(message["id"], result=result), mcp_session_id=sessions[-1])
            case "tools/call":
                message["session"] = next((each for each in sessions if each in head), "")
                return respond(message)
            case None | "notifications/initialized" | "notifications/cancelled":
                return response("405 Method Not Allowed" if head.startswith("get") else "202 Accepted")
            case _:
                return response("200 OK", told(message["id"], error={"code": -32601, "message": "Unknown."}))

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/mcp"
        yield McpEndpoint(name="odd", url=url, timeout=PATIENCE)


def events(*lines: bytes) -> bytes:
    return response("200 OK", b"".join(b"data: %s\n\n" % line for line in lines), "text/event-stream")


HALF = rb'{"jsonrpc":"2.0","id":%d,"result":{"content":[{"type":"text","text":"cut \ud83d"}]}}'


@pytest.mark.parametrize(
    ("respond", "expected"),
    [
        (lambda asked: response("200 OK", HALF % asked["id"]), "cut \ufffd"),
        (lambda asked: events(HALF % asked["id"]), "cut \ufffd"),
        (lambda asked: response("200 OK", b"\xef\xbb\xbf" + said(asked["id"], "marked")), "marked"),
        (lambda asked: response("200 OK", b"[%s]" % said(asked["id"], "in a batch")), "in a batch"),
        (lambda asked: response("200 OK", said(asked["id"], "as text"), "text/plain"), "as text"),
        (
            lambda asked: response("200 OK", said(asked["id"], "Stra-e").replace(b"-e", b"\xdfe")),
            "Stra\ufffde",
        ),
        (
            lambda asked: response("200 OK", told(asked["id"], result={"content": [{"type": "smell"}]})),
            "[smell: not shown]",
        ),
        (lambda asked: response("200 OK", said(asked["id"], "json"), "text/event-stream"), "json"),
        (lambda asked: response("200 OK", b"data: " + said(asked["id"], "event") + b"\n\n"), "event"),
        (
            lambda asked: response("200 OK", b"data: " + said(asked["id"], "no end"), "text/event-stream"),
            "no end",
        ),
        (
            lambda asked: events(
                b'{"jsonrpc":"2.0","method":"notifications/progress","params":"x"}', said(asked["id"], "note")
            ),
            "note",
        ),
    ],
    ids=[
        *("half", "half in events", "mark", "batch", "text", "latin", "unknown"),
        *("JSON as events", "events as JSON", "events without an end", "an unreadable note"),
    ],
)
async def test_an_odd_answer_over_http_is_used(respond: Respond, expected: str) -> None:
    async with serving(respond) as target:
        assert await call(target, "look") == expected


@pytest.mark.parametrize(
    ("respond", "sentence"),
    [
        (lambda asked: None, f"broke the connection off. {NOT_KNOWN}"),
        (lambda asked: b"HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\n{", f"broke the connection off. {NOT_KNOWN}"),
        (lambda asked: events(), f"has ended the connection. {NOT_KNOWN}"),
        (lambda asked: response("202 Accepted"), f"promised no answer (HTTP status 202). {NOT_KNOWN}"),
        (lambda asked: response("200 OK", b"<p>", "text/html"), f"answered with text/html instead of JSON. {NOT_KNOWN}"),
        (lambda asked: response("200 OK", b"{nope"), f"answered in a form that cannot be read. {NOT_KNOWN}"),
        (lambda asked: response("500 Internal Server Error", b"boom"), f"with HTTP status 500. {NOT_KNOWN}"),
        (lambda asked: response("503 Service Unavailable", retry_after="7"), f"HTTP status 503. It asks to wait 7 s. {NOT_KNOWN}"),
        (lambda asked: response("401 Unauthorized", b"{}"), "The MCP server odd answered with HTTP status 401."),
        (lambda asked: response("429 Too Many Requests", retry_after="3"), "answered with HTTP status 429. It asks to wait 3 s."),
        (
            lambda asked: response("400 Bad Request", told(asked["id"], error={"code": -32602, "message": "No city."})),
            "The MCP server odd refused with HTTP status 400: No city.",
        ),
        (lambda asked: response("403 Forbidden", b'{"message": "Not in your plan."}'), "with HTTP status 403: Not in your plan."),
        (lambda asked: response("400 Bad Request", b"No city", "text/plain"), "with HTTP status 400: No city"),
        (
            lambda asked: response("200 OK", told(asked["id"], error={"code": -32000, "message": "No pump."})),
            "The MCP server odd refused: No pump.",
        ),
    ],
)  # fmt: skip
async def test_what_is_known_of_a_failed_call_is_said_and_the_session_goes_on(
    respond: Respond, sentence: str
) -> None:
    def respond_once(asked: dict[str, Any]) -> bytes | None:
        if asked["params"]["name"] == "who":
            return response("200 OK", said(asked["id"], asked["session"]))
        return respond(asked)

    async with serving(respond_once) as target:
        with pytest.raises(ToolError) as caught:
            await call(target, "look")
        assert str(caught.value).endswith(sentence)
        assert await call(target, "who") == "session-1"


@pytest.mark.parametrize(
    "gone",
    [
        response("404 Not Found"),
        response("404 Not Found", told(None, error={"code": -32600, "message": "Session not found"})),
        response("400 Bad Request", told(None, error={"code": -32000, "message": "No valid session ID provided"})),
        response("503 Service Unavailable", told("x", error={"code": 1, "message": "The session has expired."})),
        response("400 Bad Request", told(None, error={"code": -32000, "message": "Bad Request: Server not initialized"})),
        response("410 Gone"),
        response("404 Not Found", b'{"detail": "Not Found"}'),
        response("400 Bad Request", b"Unknown Mcp-Session-Id header: no such session", "text/plain"),
        response("200 OK", told(None, error={"code": -32600, "message": "Invalid Request: session not found"})),
        events(b'{"error": "Session not found"}'),
    ],
)  # fmt: skip
async def test_a_session_that_the_server_has_forgotten_is_opened_again(gone: bytes) -> None:
    async with serving(
        lambda asked: (
            gone
            if asked["session"] == "session-1"
            else response("200 OK", said(asked["id"], asked["session"]))
        )
    ) as target:
        assert await call(target, "who") == "session-2"


async def test_a_server_that_always_forgets_is_asked_twice_at_most() -> None:
    calls: list[str] = []

    def respond(asked: dict[str, Any]) -> bytes:
        calls.append(asked["session"])
        return response("404 Not Found")

    async with serving(respond) as target:
        with pytest.raises(ToolError, match="HTTP status 404"):
            await call(target, "who")
    assert calls == ["session-1", "session-2"]


@pytest.mark.parametrize(
    "odd",
    [
        {"protocolVersion": "2099-01-01"},
        {"protocolVersion": None, "capabilities": None, "serverInfo": None},
        {
            "capabilities": {"tools": True, "logging": None},
            "serverInfo": {"name": "odd"},
            "instructions": ["a"],
        },
    ],
)
async def test_a_server_may_introduce_itself_oddly(odd: dict[str, Any]) -> None:
    async with serving(lambda asked: response("200 OK", said(asked["id"], "here")), about=odd) as target:
        assert await call(target, "look") == "here"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (rb'"\ud83d"', rb'"\ufffd"'),
        (rb'"\uD83D\uDE00"', rb'"\uD83D\uDE00"'),
        (rb'"\ud83d\ud83d\ude00"', rb'"\ufffd\ud83d\ude00"'),
        (rb'"\\ud83d"', rb'"\\ud83d"'),
        (rb'"\\\ud83d"', rb'"\\\ufffd"'),
        (rb'"\ude00\u0041"', rb'"\ufffd\u0041"'),
        (b'"\xff"', b'"\xef\xbf\xbd"'),
        (b'"plain"', b'"plain"'),
    ],
)
def test_text_is_mended_where_no_parser_would_read_it(text: bytes, expected: bytes) -> None:
    assert mended(text) == expected
    json.loads(mended(text)).encode()
