"""What a worker does with jobs, and what it says of those that it cannot read."""

import asyncio
from typing import Any

import psycopg
import pytest
from django.db import connection
from procrastinate.exceptions import ConnectorException
from psycopg import AsyncCursor
from psycopg.pq import TransactionStatus

from runs.engine import jobs
from runs.engine.jobs import Jobs


async def test_it_says_in_a_line_what_is_wrong(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(_: Jobs) -> None:
        said = psycopg.errors.UndefinedTable("there is no such table\nLINE 1: SELECT")
        # As the driver's error comes from a task that listens or deletes.
        async with asyncio.TaskGroup() as group:
            group.create_task(wrap(said))

    async def wrap(said: Exception) -> None:
        raise ConnectorException from said

    monkeypatch.setattr(Jobs, "_answer", fail)
    answering = asyncio.create_task(Jobs(lambda: None).keep_answering())
    async with asyncio.timeout(10):
        while not caplog.messages:
            await asyncio.sleep(0.01)
    answering.cancel()
    assert caplog.messages == ["Jobs cannot be read (UndefinedTable: there is no such table): trying again."]


@pytest.mark.skipif(connection.vendor != "postgresql", reason="only PostgreSQL has jobs")
@pytest.mark.django_db(transaction=True)
async def test_no_transaction_is_open_between_two_statements(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that is stopped between a DELETE and its COMMIT would keep the locks of the jobs."""
    sent = asyncio.Queue[TransactionStatus]()
    monkeypatch.setattr(jobs, "CLEAR", 0.01)
    # Its tables are there with RUNNEL_EXECUTOR=procrastinate only.
    monkeypatch.setattr(jobs, "_DELETE_RUNG", "DELETE FROM runs_run WHERE false")
    execute = AsyncCursor.execute

    async def note(cursor: AsyncCursor, query: Any, *arguments: Any, **options: Any) -> Any:
        result = await execute(cursor, query, *arguments, **options)
        if query == jobs._DELETE_RUNG:
            sent.put_nowait(cursor.connection.info.transaction_status)
        return result

    monkeypatch.setattr(AsyncCursor, "execute", note)
    answering = asyncio.create_task(Jobs(lambda: None).keep_answering())
    async with asyncio.timeout(20):
        for _ in range(2):
            assert await sent.get() == TransactionStatus.IDLE
    answering.cancel()
    await asyncio.gather(answering, return_exceptions=True)
