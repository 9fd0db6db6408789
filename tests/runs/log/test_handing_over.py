"""A run that is stored here and driven elsewhere: its first events are there for the viewer that its start brings."""

import pytest

from concurrency.threads import readers
from runs.log import feed as feeds
from runs.log.journal import Journal
from runs.log.run_log import RunLog
from runs.models import EventLog, Run
from runs.states import RunStatus
from tests.runs.log.test_feed import Reader, Stage, stage, until

__all__ = ["stage"]

pytestmark = pytest.mark.django_db(transaction=True)


async def end_elsewhere(log: RunLog, reader: Reader) -> None:
    """Let another process write one more event and end the run, and ``reader`` see both."""
    elsewhere = Journal(interval=0.001, on_commit=lambda _: None)
    its = elsewhere.open(log.run_id, fence=0, last_seq=1)
    elsewhere.append(its, {"type": "CUSTOM", "name": "2", "value": "x"})
    await elsewhere.execute(lambda: None)
    await until(lambda: reader.seqs == [1, 2])
    await readers.run(Run.objects.filter(pk=log.run_id).update, status=RunStatus.COMPLETED)
    await until(lambda: reader.has_ended)
    await elsewhere.close()


async def test_its_viewer_gets_what_was_stored_and_then_what_another_process_writes(stage: Stage) -> None:
    log, reader = await stage.open(), Reader()
    stage.feed.expect(log.run_id)
    await stage.write(log)
    stage.feed.hand_over(log.run_id)
    # Nothing of it has to be read again.
    viewer = stage.feed.watch(log.run_id, reader, after=0, last_seq=0, finished=False)
    viewer.start()
    await until(lambda: reader.seqs == [1])
    await end_elsewhere(log, reader)
    assert (await readers.run(EventLog.objects.get, run_id=log.run_id)).last_seq == 2


async def test_without_a_viewer_it_is_forgotten(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeds, "KEPT_OPENING", 0.01)
    log = await stage.open()
    await stage.write(log)
    stage.feed.hand_over(log.run_id)
    assert len(stage.feed) == 1
    await until(lambda: len(stage.feed) == 0)


async def test_a_bell_that_names_events_that_are_not_there_takes_nothing_from_a_viewer(stage: Stage) -> None:
    log, reader = await stage.open(), Reader()
    stage.feed.expect(log.run_id)
    await stage.write(log)
    stage.feed.hand_over(log.run_id)
    stage.feed.watch(log.run_id, reader, after=0, last_seq=0, finished=False).start()
    await until(lambda: reader.seqs == [1])
    stage.feed.ring(log.run_id, 10**15)
    await end_elsewhere(log, reader)
