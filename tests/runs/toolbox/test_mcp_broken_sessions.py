"""What callers hear when a session breaks, by a connection that breaks when it is told to."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest

from runs.toolbox.mcp import session
from runs.toolbox.tool import no_progress
from tests.runs.toolbox.mcp_servers import Log, stdio


async def test_what_is_known_of_a_call_is_said_of_that_call_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arrived, broken, closing, may_close = (asyncio.Event() for _ in range(4))

    class Client:
        async def call_tool(self, *args: Any, **options: Any) -> None:
            arrived.set()
            await asyncio.Event().wait()

    @asynccontextmanager
    async def breaking(*args: Any, **options: Any) -> AsyncIterator[Client]:
        async def break_off() -> None:
            await broken.wait()
            raise OSError("gone")

        try:
            async with anyio.create_task_group() as group:
                group.start_soon(break_off)
                yield Client()
        finally:
            closing.set()
            await may_close.wait()

    monkeypatch.setattr(session, "connect", breaking)
    ended = session.Session(stdio(Log(tmp_path / "log")), on_end=lambda _: None)
    sent = asyncio.create_task(ended.call("add", {}, no_progress))
    await arrived.wait()
    broken.set()
    await closing.wait()
    # The pool opens another session for these; they were on their way to this one.
    assert not ended.is_usable
    unsent = [asyncio.create_task(ended.call("add", {}, no_progress)) for _ in range(10)]
    await asyncio.sleep(0)
    may_close.set()
    said = await asyncio.gather(sent, *unsent, return_exceptions=True)
    assert ["not known" in str(each) for each in said] == [True, *[False] * 10]
