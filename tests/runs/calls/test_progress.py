"""Notes about the progress of a call: which of them viewers see."""

import asyncio
import math
import threading

import pytest

from runs.calls import progress
from runs.calls.progress import Progress, ProgressNotes


async def shown(notes: ProgressNotes, *given: tuple[float, float | None, str]) -> None:
    for each in given:
        notes.take(*each)
    await asyncio.sleep(0)


async def test_notes_that_follow_at_once_are_dropped_but_for_the_last() -> None:
    told: list[Progress] = []
    notes = ProgressNotes("call_1", told.append)
    await shown(notes, (1, 10, "one"), (2, 10, "two"), (10, 10, "all"))
    assert [note.message for note in told] == ["one", "all"]
    assert told[0] == Progress(call_id="call_1", progress=1, total=10, message="one")


async def test_notes_are_clean_and_short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "INTERVAL", 0.0)
    told: list[Progress] = []
    notes = ProgressNotes("call_1", told.append)
    await shown(notes, (1, None, "a\nb\0"), (2, math.inf, "c" * 900), (math.nan, None, "never"))
    assert [(note.total, note.message) for note in told] == [(None, "a b\ufffd"), (None, "c" * 500)]


async def test_a_call_that_has_ended_shows_nothing() -> None:
    told: list[Progress] = []
    notes = ProgressNotes("call_1", told.append)
    notes.take(1)
    notes.close()
    notes.take(2)
    await asyncio.sleep(0)
    assert told == []


async def test_a_tool_on_a_thread_may_tell() -> None:
    told: list[int] = []
    notes = ProgressNotes("call_1", lambda _: told.append(threading.get_ident()))
    await asyncio.to_thread(notes.take, 1)
    await asyncio.sleep(0.01)
    assert told == [threading.get_ident()]
