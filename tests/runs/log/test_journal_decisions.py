"""Decisions in the event log: fenced, all or nothing, after all that was written before them."""

import asyncio
from functools import partial
from uuid import UUID

import pytest
from django.db import IntegrityError

from concurrency.threads import readers
from runs.log.journal import Fenced
from runs.log.packing import frame_head, frames, pack
from runs.models import Run, RunEvent
from runs.store import transitions
from tests.runs.log.conftest import HEAD, Book, custom
from tests.runs.rows import stored_frames

pytestmark = pytest.mark.django_db(transaction=True)


def _refuse() -> None:
    raise LookupError("no")


async def test_a_run_that_was_taken_over_is_left_out_alone(book: Book) -> None:
    lost, kept = await book.open(), await book.open()
    book.journal.append(lost, custom("before"))
    await book.frames(lost)
    await readers.run(transitions.take_over, lost.run_id, fence=0)
    book.journal.append(lost, custom("after"))
    book.journal.append(kept, custom("kept"))
    assert [event["value"] for event in await book.events(kept)] == ["kept"]
    assert [event["value"] for event in await book.events(lost)] == ["before"]
    assert len(book.told(lost)) == 1
    with pytest.raises(Fenced):
        await book.journal.ready(lost)
    with pytest.raises(Fenced):
        await book.journal.commit(lost, [custom("end")], lambda: None)


async def test_a_decision_about_a_run_that_was_taken_over_changes_nothing(book: Book) -> None:
    lost, kept = await book.open(), await book.open()
    await readers.run(transitions.take_over, lost.run_id, fence=0)

    def rename() -> None:
        Run.objects.filter(pk=lost.run_id).update(model="changed")

    results = await asyncio.gather(
        book.journal.commit(lost, [custom("end")], rename),
        book.journal.commit(kept, [custom("end")], lambda: "done"),
        return_exceptions=True,
    )
    assert isinstance(results[0], Fenced)
    assert results[1] == "done"
    assert (await readers.run(Run.objects.get, pk=lost.run_id)).model == "emulator/hello"
    assert await book.frames(lost) == []
    assert len(await book.frames(kept)) == 1


async def test_a_decision_without_events_checks_the_fence_too(book: Book) -> None:
    log = await book.open()
    assert await book.journal.commit(log, [], lambda: 5) == 5
    await readers.run(transitions.take_over, log.run_id, fence=0)
    with pytest.raises(Fenced):
        await book.journal.commit(log, [], lambda: 5)


async def test_two_writers_of_one_log_never_both_write(book: Book) -> None:
    log = await book.open()
    twin = book.journal.open(log.run_id, fence=0, last_seq=0)
    book.journal.append(log, custom("first"))
    await book.frames(log)
    book.journal.append(twin, custom("second"))
    assert [event["value"] for event in await book.events(log)] == ["first"]
    assert twin.lost
    assert not log.lost


async def test_a_deleted_run_takes_no_events_and_harms_no_other(book: Book) -> None:
    gone, kept = await book.open(), await book.open()
    await readers.run(lambda: Run.objects.filter(pk=gone.run_id).delete())
    book.journal.append(gone, custom(1))
    book.journal.append(kept, custom(2))
    assert len(await book.frames(kept)) == 1
    assert gone.lost


async def test_a_log_that_cannot_be_written_fails_alone(book: Book) -> None:
    broken, kept, late = [await book.open() for _ in range(3)]
    # A batch in the way of the first one: the unique (run, first_seq) refuses it.
    packed = pack(["{}"])[0].encode()
    await readers.run(RunEvent.objects.create, run_id=broken.run_id, first_seq=1, last_seq=1, packed=packed)
    book.journal.append(broken, custom("lost"))
    book.journal.append(kept, custom("kept"))
    decided = await book.journal.commit(late, [custom("late")], lambda: "done")
    assert decided == "done"
    assert [event["value"] for event in await book.events(kept)] == ["kept"]
    assert [event["value"] for event in await book.events(late)] == ["late"]
    assert broken.lost
    assert book.told(broken) == []
    assert await readers.run(stored_frames, broken.run_id) == frames(frame_head(broken.run_id), 1, ["{}"])


async def test_a_decision_that_raises_undoes_its_own_events_and_no_others(book: Book) -> None:
    log, other = await book.open(), await book.open()
    book.journal.append(log, custom("before"))
    book.journal.append(other, custom("other"))

    def refuse() -> None:
        Run.objects.filter(pk=log.run_id).update(model="changed")
        raise LookupError("no")

    results = await asyncio.gather(
        book.journal.commit(log, [custom("undone"), custom("undone")], refuse),
        book.journal.commit(other, [custom("decided")], lambda: "done"),
        return_exceptions=True,
    )
    assert [type(result) for result in results] == [LookupError, str]
    book.journal.append(log, custom("after"))
    assert [event["value"] for event in await book.events(log)] == ["before", "after"]
    assert [event["value"] for event in await book.events(other)] == ["other", "decided"]
    assert "undone" not in "".join(book.told(log))
    assert (await readers.run(Run.objects.get, pk=log.run_id)).model == "emulator/hello"


async def test_a_decision_that_the_database_refuses_comes_back_as_its_error(book: Book) -> None:
    log = await book.open()
    run = await readers.run(Run.objects.get, pk=log.run_id)

    def second_active_run() -> None:
        Run.objects.create(conversation=run.conversation, owner=run.owner, model="emulator/echo")

    with pytest.raises(IntegrityError):
        await book.journal.commit(log, [custom(1)], second_active_run)
    book.journal.append(log, custom(2))
    assert [event["value"] for event in await book.events(log)] == [2]


async def test_a_decision_comes_after_all_that_was_written_before_it(book: Book) -> None:
    log = await book.open()
    book.journal.extend(log, HEAD, "words")
    seen = await book.journal.commit(log, [custom("end")], lambda: len(stored_frames(log.run_id)))
    assert seen == 2
    events = await book.events(log)
    assert [event["type"] for event in events] == ["TEXT_MESSAGE_CONTENT", "CUSTOM"]


async def test_decisions_are_made_in_the_order_in_which_they_were_asked_for(book: Book) -> None:
    order: list[int] = []
    await asyncio.gather(*(book.journal.execute(partial(order.append, number)) for number in range(50)))
    assert order == list(range(50))


async def test_an_answer_that_nobody_waits_for_any_more_is_still_carried_out(book: Book) -> None:
    log = await book.open()
    waiting = asyncio.create_task(book.journal.commit(log, [custom("end")], lambda: None))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert [event["value"] for event in await book.events(log)] == ["end"]


async def test_a_group_changes_runs_in_the_order_of_their_ids_so_that_processes_do_not_deadlock(
    book: Book,
) -> None:
    logs = [await book.open() for _ in range(3)]
    ids = sorted((log.run_id for log in logs), reverse=True)
    changed: list[UUID] = []
    await asyncio.gather(
        *(book.journal.execute(partial(changed.append, run_id), about=run_id) for run_id in (*ids, ids[0]))
    )
    assert changed == sorted([*ids, ids[0]])
