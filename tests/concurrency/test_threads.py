"""Threads with connections of their own, and what is left of them."""

import asyncio
import threading
import time
from typing import Any

import pytest
from django.db import connections

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
