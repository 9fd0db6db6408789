"""Slots that processes share: as many as there are, also after a process has died, and without Redis."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from concurrency import redis_slots
from concurrency.redis_slots import SharedSlots, shared_slots
from tests.faults.redis_process import temporary_redis


@pytest.fixture(scope="module")
def redis() -> Iterator[str]:
    with temporary_redis() as server:
        yield server.url


@pytest.fixture
async def processes(redis: str) -> AsyncIterator[tuple[SharedSlots, SharedSlots]]:
    """The slots of two processes."""
    both = SharedSlots(redis), SharedSlots(redis)
    yield both
    for each in both:
        await each.close()


async def test_two_processes_hold_no_more_than_there_are(
    processes: tuple[SharedSlots, SharedSlots],
) -> None:
    one, two = processes
    first, second = await one.take("openai", 2), await two.take("openai", 2)
    assert None not in (first, second)
    assert await one.take("openai", 2) is None
    # Another provider has slots of its own.
    assert await one.take("mistral", 1) is not None
    await two.give_back(second or "")
    assert await one.take("openai", 2) is not None


async def test_what_a_process_holds_is_renewed_and_what_a_dead_one_held_is_free(
    processes: tuple[SharedSlots, SharedSlots], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = processes
    monkeypatch.setattr(redis_slots, "LEASE", 0.5)
    held = await one.take("held", 1)
    left = await one.take("left", 1)
    assert None not in (held, left)
    del one._held[left or ""]
    while await two.take("left", 1) is None:
        pass
    assert await two.take("held", 1) is None


async def test_who_gives_a_slot_back_after_the_connection_was_closed_need_not_know(
    processes: tuple[SharedSlots, SharedSlots],
) -> None:
    slot = await processes[0].take("openai", 100)
    await processes[0].close()
    await processes[0].give_back(slot or "")
    assert await processes[1].take("openai", 100) is not None


async def test_without_redis_each_process_counts_alone(
    settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    settings.REDIS_URL = ""
    assert shared_slots() is None
    # Nothing listens on port 1.
    away = SharedSlots("redis://127.0.0.1:1/0")
    taken = [await away.take("openai", 1) for _ in range(3)]
    assert None not in taken
    # It is asked once, not for each call.
    assert len(caplog.records) == 1
    for slot in taken:
        await away.give_back(slot or "")
    await away.close()
