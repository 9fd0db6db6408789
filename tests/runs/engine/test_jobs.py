"""What a worker says of jobs that it cannot read."""

import asyncio

import psycopg
import pytest
from procrastinate.exceptions import ConnectorException

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
