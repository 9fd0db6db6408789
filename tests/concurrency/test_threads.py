"""Threads with connections of their own, and what is left of them."""

import asyncio
import threading
import time
from typing import Any

import pytest
from django.db import connections

import concurrency.threads
from concurrency.threads import DatabaseThreads

pytestmark = pytest.mark.django_db(transaction=True)


async def test_no_connection_stays_open_however_late_its_thread_ends() -> None:
    threads = DatabaseThreads("test", workers=2)
    together = threading.Barrier(2)
    opened: list[Any] = []

    def work(seconds: float) -> None:
        opened.append(connections["default"])
        opened[-1].ensure_connection()
        together.wait(5)
        time.sleep(seconds)

    at_work = [asyncio.create_task(threads.run(work, seconds)) for seconds in (0.0, 1.2)]
    await at_work[0]
    await threads.close()
    assert [each.connection for each in opened] == [None, None]
    await at_work[1]


async def test_it_does_not_wait_for_a_call_that_never_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(concurrency.threads, "CLOSING", 0.05)
    threads = DatabaseThreads("test", workers=1)
    may_end, begun = threading.Event(), threading.Event()

    def hang() -> None:
        begun.set()
        may_end.wait()

    at_work = asyncio.create_task(threads.run(hang))
    await asyncio.to_thread(begun.wait)
    try:
        async with asyncio.timeout(20):
            await threads.close()
        assert not at_work.done()
    finally:
        may_end.set()
        await at_work
