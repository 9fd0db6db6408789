"""Waits for what is stored of a run, and keeps SQLite from storing anything."""

import asyncio
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from uuid import UUID

import pytest
from django.db import connection

from concurrency.threads import readers
from runs.models import Run

STUCK = 20.0

needs_sqlite = pytest.mark.skipif(
    "connection.vendor != 'sqlite'", reason="only SQLite has one lock for all writers"
)


@contextmanager
def locked() -> Iterator[None]:
    """Hold SQLite's write lock: nothing can be saved."""
    other = sqlite3.connect(connection.settings_dict["NAME"], isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        other.execute("ROLLBACK")
        other.close()


async def stored(run_id: UUID) -> Run:
    return await readers.run(Run.objects.select_related("log").get, pk=run_id)


async def until_stored(run_id: UUID, condition: Callable[[Run], bool]) -> Run:
    """Wait until a stored run fulfils ``condition``, and return it."""
    async with asyncio.timeout(STUCK):
        while not condition(run := await stored(run_id)):
            await asyncio.sleep(0.01)
    return run
