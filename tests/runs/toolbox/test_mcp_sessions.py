"""Sessions with real MCP servers: over stdio as child processes, over HTTP on the loopback."""

import asyncio
import os
import re
import signal
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.db import OperationalError

from concurrency.threads import readers
from runs.toolbox.mcp import close_all, pool, results, session
from runs.toolbox.mcp.target import McpEndpoint
from runs.toolbox.tool import ToolError
from tests.runs.toolbox.mcp_servers import Log, http, serving, stdio

HERE = UUID(int=1)
ELSEWHERE = UUID(int=2)

type Call = Callable[..., Awaitable[str]]


@pytest.fixture(autouse=True)
async def loopback(settings: Any) -> AsyncIterator[None]:
    settings.RUNNEL_ALLOW_LOOPBACK_PROVIDERS = True
    yield
    await close_all()


@pytest.fixture
def log(tmp_path: Path) -> Log:
    return Log(tmp_path / "log")


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Log]]:
    log = Log(tmp_path_factory.mktemp("http") / "log")
    with serving(log) as url:
        yield url, log


@pytest.fixture(params=["stdio", "http"])
def target(request: pytest.FixtureRequest, log: Log) -> McpEndpoint:
    if request.param == "stdio":
        return stdio(log)
    url, _ = request.getfixturevalue("address")
    return http(url)


async def call(target: McpEndpoint, name: str, conversation: UUID = HERE, /, **arguments: Any) -> str:
    async with asyncio.timeout(20):
        return results.answer_in(await pool.current().call(target, conversation, name, arguments)).text


async def test_it_calls_tools_and_gives_what_they_answer(target: McpEndpoint) -> None:
    assert await call(target, "add", a=1, b=2) == "3"
    assert '"length": 1233' in await call(target, "length", river="Rhine")
    picture = await call(target, "picture")
    assert picture == "Here it is:\n[image, image/png, 4,000 bytes]"
    assert len(await call(target, "much", megabytes=1)) == 1024 * 1024


async def test_calls_of_one_session_are_executed_at_the_same_time(target: McpEndpoint) -> None:
    await call(target, "count")
    begin = time.monotonic()
    answers = await asyncio.gather(*(call(target, "pause", seconds=0.5) for _ in range(4)))
    assert answers == ["paused for 0.5"] * 4
    assert time.monotonic() - begin < 1.5


async def test_what_a_tool_says_went_wrong_is_an_error_and_the_session_goes_on(target: McpEndpoint) -> None:
    await call(target, "count")
    before = await call(target, "count")
    with pytest.raises(ToolError, match=r"The river is dry\."):
        await call(target, "fail")
    with pytest.raises(ToolError, match="Unknown tool"):
        await call(target, "nothing")
    assert int(await call(target, "count")) == int(before) + 1


async def test_conversations_do_not_share_a_process_and_a_process_is_kept(log: Log) -> None:
    target = stdio(log)
    assert [await call(target, "count", each) for each in (HERE, HERE, ELSEWHERE)] == ["1", "2", "1"]
    assert len(log.alive) == 2
    await close_all()
    assert not log.alive


async def test_a_changed_server_gets_another_process(log: Log) -> None:
    assert await call(stdio(log), "environment", name="RIVER") == "not set"
    changed = stdio(log, secrets=(("RIVER", "Rhine"),))
    assert await call(changed, "environment", name="RIVER") == "Rhine"


async def test_a_process_sees_nothing_of_our_environment(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEY", "ours")
    assert await call(stdio(log), "environment", name="SECRET_KEY") == "not set"


async def cancelled(task: "asyncio.Task[str]") -> float:
    """Cancel a call, and return the seconds until its caller was free."""
    begin = time.monotonic()
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    return time.monotonic() - begin


async def test_a_cancel_reaches_the_tool_and_leaves_no_process(log: Log) -> None:
    calling = asyncio.ensure_future(call(stdio(log), "hang"))
    await log.until("hang begins")

    assert await cancelled(calling) < 0.1

    await log.until("hang is cancelled")
    await log.until_nobody_is_left()


async def test_a_cancel_over_http_reaches_the_tool(address: tuple[str, Log]) -> None:
    url, log = address
    calling = asyncio.ensure_future(call(http(url), "hang"))
    await log.until("hang begins")

    assert await cancelled(calling) < 0.1

    await log.until("hang is cancelled")
    assert await call(http(url), "add", a=1, b=1) == "2"


async def test_a_cancel_frees_the_caller_of_a_process_that_hears_nothing_and_kills_it(log: Log) -> None:
    calling = asyncio.ensure_future(call(stdio(log), "block"))
    await log.until("block begins")

    assert await cancelled(calling) < 0.1

    await log.until_nobody_is_left()


async def test_a_cancel_spoils_no_sibling(log: Log) -> None:
    target = stdio(log)
    sibling = asyncio.ensure_future(call(target, "pause", seconds=1.5))
    calling = asyncio.ensure_future(call(target, "hang"))
    await log.until("hang begins")

    await cancelled(calling)
    assert await call(target, "count") == "1"

    assert await sibling == "paused for 1.5"
    assert len({pid for pid, _ in log.lines}) == 2


async def test_a_cancel_while_the_server_starts_leaves_no_process(tmp_path: Path) -> None:
    log = Log(tmp_path / "log")
    script = (
        f"import os, time; open({str(log.path)!r}, 'a').write(f'{{os.getpid()}} starts\\n'); time.sleep(600)"
    )
    calling = asyncio.ensure_future(call(stdio(log, command=(sys.executable, "-c", script)), "add"))
    await log.until("starts")

    assert await cancelled(calling) < 0.1

    await log.until_nobody_is_left()


async def test_the_end_of_the_server_ends_processes_and_answers_who_waits(log: Log) -> None:
    hanging = asyncio.ensure_future(call(stdio(log), "hang"))
    blocked = asyncio.ensure_future(call(stdio(log), "block", ELSEWHERE))
    await log.until("hang begins")
    await log.until("block begins")

    await close_all()

    assert not log.alive
    for waiting in (hanging, blocked):
        with pytest.raises(ToolError, match="The MCP server rivers was stopped"):
            await waiting


async def test_a_process_that_dies_is_an_error_and_the_next_call_starts_another(log: Log) -> None:
    target = stdio(log)
    with pytest.raises(
        ToolError, match=r"has ended the connection\. Whether the call took effect is not known"
    ):
        await call(target, "die")
    assert await call(target, "count") == "1"


async def test_a_process_that_died_in_between_costs_no_call(log: Log) -> None:
    target = stdio(log)
    await call(target, "count")
    (pid,) = log.alive
    os.kill(pid, signal.SIGKILL)
    await log.until_nobody_is_left()
    await asyncio.sleep(0.1)

    assert await call(target, "count") == "1"


async def test_a_session_that_nobody_uses_ends_by_itself(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "IDLE_SECONDS", 0.2)
    target = stdio(log)
    assert await call(target, "count") == "1"
    await log.until_nobody_is_left()
    assert await call(target, "count") == "1"


async def test_there_are_no_more_sessions_than_there_may_be(log: Log, settings: Any) -> None:
    settings.RUNNEL_MCP_SESSIONS = 1
    target = stdio(log)
    hanging = asyncio.ensure_future(call(target, "hang"))
    await log.until("hang begins")
    with pytest.raises(ToolError, match="works for 1 conversations, which is as many as it may"):
        await call(target, "count", ELSEWHERE)
    await cancelled(hanging)
    await log.until_nobody_is_left()

    await call(target, "count", HERE)
    assert await call(target, "count", ELSEWHERE) == "1"
    async with asyncio.timeout(10):
        while len(log.alive) > 1:
            await asyncio.sleep(0.01)


@pytest.mark.parametrize(
    ("target", "sentence"),
    [
        (
            McpEndpoint(name="gone", command=("/nowhere/program",), timeout=5.0),
            "The MCP server gone cannot be started: No such file or directory.",
        ),
        (
            McpEndpoint(name="short", command=(sys.executable, "-c", "pass"), timeout=5.0),
            "The MCP server short has ended the connection.",
        ),
        (
            McpEndpoint(name="silent", command=("sleep", "600"), timeout=0.3),
            "The MCP server silent did not answer within 0.3 seconds.",
        ),
        (
            McpEndpoint(name="noisy", command=(sys.executable, "-c", "print('hello')"), timeout=5.0),
            "The MCP server noisy has ended the connection.",
        ),
        (
            McpEndpoint(name="closed", url="http://127.0.0.1:9/mcp", timeout=5.0),
            "The MCP server closed cannot be reached.",
        ),
    ],
    ids=lambda value: value.name if isinstance(value, McpEndpoint) else "",
)
async def test_a_server_that_is_none_is_an_error_in_a_sentence(target: McpEndpoint, sentence: str) -> None:
    with pytest.raises(ToolError, match=re.escape(sentence)):
        await call(target, "add", a=1, b=2)


async def test_a_name_that_leads_to_this_machine_is_refused_at_each_connection(
    address: tuple[str, Log], settings: Any
) -> None:
    url, _ = address
    settings.RUNNEL_ALLOW_LOOPBACK_PROVIDERS = False
    with pytest.raises(ToolError, match=r"The MCP server rivers may not be called\."):
        await call(http(url), "add", a=1, b=2)


@asynccontextmanager
async def answering(answer: bytes) -> AsyncIterator[str]:
    """A server that says the same to everybody."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(answer)
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/mcp"


def response(status: str, body: bytes, **headers: str) -> bytes:
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {status}\r\ncontent-length: {len(body)}\r\n{lines}\r\n".encode() + body


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (
            response("401 Unauthorized", b"no"),
            "The MCP server rivers answered with HTTP status 401.",
        ),
        (
            response("302 Found", b"", location="http://127.0.0.1:1/"),
            "The MCP server rivers refused: Redirect",
        ),
        (response("200 OK", b"<html>", content_type="text/html"), "answered with text/html instead of JSON."),
        (response("200 OK", b"{}", content_type="application/json"), "The MCP server rivers"),
        (
            response("200 OK", b"\x1f\x8b", content_type="application/json", content_encoding="gzip"),
            "The MCP server rivers",
        ),
        (
            response("200 OK", b"a" * (2**20 + 1), content_type="application/json"),
            "The MCP server rivers answered with more than 1 MB, which is not read. Ask for less.",
        ),
        (b"nonsense\r\n\r\n", "The MCP server rivers cannot be reached."),
    ],
)
async def test_a_server_that_answers_otherwise_is_an_error_in_a_sentence(
    answer: bytes, sentence: str, settings: Any
) -> None:
    settings.RUNNEL_MCP_ANSWER_MB = 1
    async with answering(answer) as url:
        with pytest.raises(ToolError, match=re.escape(sentence)):
            await call(http(url), "add", a=1, b=2)


async def test_headers_go_along(log: Log) -> None:
    seen: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(response("403 Forbidden", b""))
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/mcp"
        with pytest.raises(ToolError):
            await call(http(url, secrets=(("Authorization", "Bearer of-rivers"),)), "add")
    assert b"Authorization: Bearer of-rivers\r\n" in seen[0]
    assert "of-rivers" not in repr(http(url, secrets=(("Authorization", "Bearer of-rivers"),)))


async def test_a_process_begins_though_it_cannot_read_whether_there_are_servers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def fail(_: object) -> bool:
        raise OperationalError("away")

    monkeypatch.setattr(readers, "run", fail)
    await pool.warm_up()
