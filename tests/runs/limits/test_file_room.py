"""Room for the files of all runs in a process: first come, first served, and nobody waits for ever."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from providers.errors import LLMOwnLimitError
from providers.errors.stop_signal import RunCancelled, StopSignal
from runs.limits import file_room
from runs.limits.file_room import FileRoom, RunRoom

MEGABYTE = 1024 * 1024


@pytest.fixture(autouse=True)
async def room(settings: Any) -> AsyncIterator[None]:
    settings.RUNNEL_MEDIA_PROCESS_MB = 10
    file_room._of_this_loop.pop()
    yield
    file_room._of_this_loop.pop()


async def turn() -> None:
    """Let every task go as far as it can."""
    for _ in range(10):
        await asyncio.sleep(0)


def reserving(megabytes: int, cancel: StopSignal | None = None) -> tuple[RunRoom, asyncio.Task[None]]:
    run = RunRoom(cancel or StopSignal())
    return run, asyncio.create_task(run.reserve(megabytes * MEGABYTE))


async def test_runs_wait_for_their_turn() -> None:
    first, _ = reserving(8)
    second, waits = reserving(5)
    third, waits_too = reserving(1)
    await turn()
    assert (waits.done(), waits_too.done()) == (False, False)
    first.release()
    await asyncio.gather(waits, waits_too)
    second.release()
    third.release()
    await RunRoom(StopSignal()).reserve(10 * MEGABYTE)


async def test_a_run_that_has_files_never_waits_for_more() -> None:
    (first, one), (second, two) = reserving(5), reserving(5)
    await asyncio.gather(one, two)
    await first.reserve(9 * MEGABYTE)
    await second.reserve(9 * MEGABYTE)
    _, waits = reserving(1)
    first.release()
    await turn()
    assert waits.done() is True
    second.release()


async def test_what_is_larger_than_the_room_fits_into_the_empty_one() -> None:
    run, is_in = reserving(24)
    await is_in
    _, waits = reserving(1)
    await turn()
    assert not waits.done()
    run.release()
    await waits


async def test_a_run_without_files_never_waits() -> None:
    _, full = reserving(10)
    _, none = reserving(0)
    await asyncio.gather(full, none)


async def test_a_cancel_ends_the_wait_and_leaves_the_queue() -> None:
    first, _ = reserving(10)
    cancel = StopSignal()
    _, cancelled = reserving(10, cancel)
    _, waits = reserving(10)
    await turn()
    cancel.set()
    with pytest.raises(RunCancelled):
        await cancelled
    first.release()
    await waits


async def test_who_waits_for_too_long_gets_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_room, "PATIENCE", 0.01)
    first, _ = reserving(10)
    _, refused = reserving(1)
    with pytest.raises(LLMOwnLimitError, match="room for 10 MB of files") as caught:
        await refused
    assert caught.value.detail == {"limit": "RUNNEL_MEDIA_PROCESS_MB", "value": 10}
    first.release()
    await RunRoom(StopSignal()).reserve(10 * MEGABYTE)


async def test_a_ticket_that_was_granted_is_given_back() -> None:
    room = FileRoom(1)
    ticket = room.acquire(1)
    room.give_back(1, ticket)
    assert room.acquire(1).done()
