"""The rows of a log: few while it grows, and whole again after what was rolled back."""

from collections.abc import Callable
from itertools import count
from typing import Any

import pytest
from django.db import InterfaceError, OperationalError, connection
from django.test.utils import CaptureQueriesContext

from runs.log import agui, writer
from runs.log.packing import frame_head, frames
from runs.log.rows import read_events
from runs.log.writer import Append, AtomicChange, Fenced, Group, NewestRow, write_group
from runs.models import EventLog, Run, RunEvent
from runs.states import RunStatus
from tests.runs.conftest import Person
from tests.runs.rows import make_run, stored_frames

pytestmark = pytest.mark.django_db(transaction=True)

HEAD = agui.head("TEXT_MESSAGE_CONTENT", "messageId", "m")


class Log:
    """One process's view of a log, which it writes to."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.row = NewestRow()
        self.events: list[str] = []
        self._words = count()

    def append(self, number: int = 1) -> Append:
        events = [f'{HEAD}"a word, the {next(self._words)}th"}}' for _ in range(number)]
        return Append(self.run.pk, 0, len(self.events) + 1, events, self.row)

    def write(self, number: int = 1) -> None:
        append = self.append(number)
        assert write_group(Group([append], [])).refused == set()
        self.events += append.events

    def decide(self, apply: Callable[[], Any]) -> Any:
        append = self.append()
        (outcome,) = write_group(Group([], [AtomicChange(append, apply)])).decisions
        if not isinstance(outcome, Exception):
            self.events += append.events
        return outcome

    def assert_whole(self) -> None:
        assert list(read_events(self.run.pk)) == self.events
        assert Run.objects.get(pk=self.run.pk).last_seq == len(self.events)
        last = 0
        for row in RunEvent.objects.filter(run=self.run).order_by("first_seq"):
            assert row.first_seq == last + 1
            last = row.last_seq

    @property
    def rows(self) -> int:
        return RunEvent.objects.filter(run=self.run).count()


@pytest.fixture
def log(ada: Person) -> Log:
    return Log(make_run(owner=ada.user, status=RunStatus.RUNNING))


def refuse() -> None:
    raise ValueError


def test_commits_share_rows(log: Log) -> None:
    for _ in range(400):
        log.write()
    log.assert_whole()
    text = sum(len(event) - len(HEAD) for event in log.events)
    assert log.rows <= text / writer.ROW * 1.2
    stored = sum(len(packed) for packed in RunEvent.objects.values_list("packed", flat=True))
    assert stored < text + log.rows * 100


def test_a_commit_takes_few_statements_and_leaves_the_rows_of_runs_alone(log: Log, ada: Person) -> None:
    logs = [log, *(Log(make_run(owner=ada.user, status=RunStatus.RUNNING)) for _ in range(5))]
    statements: list[str] = []

    def note(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if not sql.startswith("BEGIN"):
            statements.append(" ".join(sql.split()))
        return execute(sql, params, many, context)

    for _ in range(3):
        appends = [each.append() for each in logs]
        with connection.execute_wrapper(note):
            assert write_group(Group(appends, [])).refused == set()
        for each, append in zip(logs, appends, strict=True):
            each.events += append.events
    # The first commit makes the rows, the others add to them.
    assert len(statements) == 6
    assert not any("UPDATE runs_run " in statement for statement in statements)
    for each in logs:
        each.assert_whole()


@pytest.mark.parametrize("table", ["runs_runevent", "runs_eventlog"])
def test_no_index_repeats_another_one(table: str) -> None:
    with connection.cursor() as cursor:
        found = connection.introspection.get_constraints(cursor, table).values()
    indexes = [each["columns"] for each in found if each["index"] or each["unique"]]
    # The one exception has a condition: it holds only the logs that are not compact.
    if table == "runs_eventlog":
        indexes.remove(["run_id"])
    for place, columns in enumerate(indexes):
        others = indexes[:place] + indexes[place + 1 :]
        assert not [other for other in others if other[: len(columns)] == columns]


def test_what_is_large_gets_a_row_of_its_own(log: Log) -> None:
    log.write()
    log.write(200)
    log.write()
    log.assert_whole()
    assert log.rows == 3


def test_any_place_in_a_row_is_a_cursor(log: Log) -> None:
    for number in (1, 3, 1, 60, 2):
        log.write(number)
    for after in range(len(log.events) + 1):
        assert list(read_events(log.run.pk, after)) == log.events[after:]
    assert stored_frames(log.run.pk) == frames(frame_head(log.run.pk), 1, log.events)


def test_a_decision_that_fails_leaves_nothing_in_the_row(log: Log) -> None:
    log.write()
    assert isinstance(log.decide(refuse), ValueError)
    log.write()
    assert log.decide(lambda: "done") == "done"
    log.write()
    log.assert_whole()


def test_a_group_that_fails_is_written_once(log: Log, ada: Person) -> None:
    other = Log(make_run(owner=ada.user, status=RunStatus.RUNNING))
    log.write()
    other.write()
    # Somebody else has written to the other log: the group's one transaction fails.
    EventLog.objects.filter(run=other.run).update(fence=1)
    append, late = log.append(2), other.append()
    assert write_group(Group([append, late], [])).refused == {late.key}
    log.events += append.events
    log.write()
    log.assert_whole()
    other.assert_whole()


def test_decisions_have_savepoints_only_once_one_of_them_has_failed(log: Log, ada: Person) -> None:
    other = Log(make_run(owner=ada.user, status=RunStatus.RUNNING))
    log.write()
    other.write()

    def decide(*applied: Callable[[], Any]) -> tuple[list[Any], int]:
        appends = [each.append() for each in (log, other)]
        decisions = [AtomicChange(append, apply) for append, apply in zip(appends, applied, strict=True)]
        with CaptureQueriesContext(connection) as queries:
            outcomes = write_group(Group([], decisions)).decisions
        for each, append, outcome in zip((log, other), appends, outcomes, strict=True):
            each.events += append.events if outcome is None else []
        return outcomes, sum("SAVEPOINT" in query["sql"] for query in queries)

    def rename_and_fail() -> None:
        Run.objects.filter(pk=other.run.pk).update(model="changed")
        raise LookupError

    assert decide(lambda: None, lambda: None) == ([None, None], 0)
    outcomes, savepoints = decide(lambda: None, rename_and_fail)
    assert [type(outcome) for outcome in outcomes] == [type(None), LookupError]
    assert savepoints
    assert Run.objects.get(pk=other.run.pk).model == "emulator/hello"
    for each in (log, other):
        each.write()
        each.assert_whole()


def test_an_outage_loses_and_doubles_nothing(log: Log) -> None:
    outages, done = [OperationalError("gone"), InterfaceError("closed")], []

    def go_away() -> None:
        if outages:
            raise outages.pop()

    log.write()
    append = log.append(2)
    # An append that is refused lets each part be written by itself; the first of them is done when the outage comes.
    refused = Append(log.run.pk, 9, append.first_seq, ["{}"])
    parts = [AtomicChange(None, lambda: done.append(1)), AtomicChange(append, go_away)]
    group = Group([refused], parts)
    for kind in (InterfaceError, OperationalError):
        with pytest.raises(kind):
            write_group(group)
    assert write_group(group).decisions == [None, None]
    log.events += append.events
    log.write()
    log.assert_whole()
    assert done == [1]


def test_what_no_database_executes_is_no_outage(log: Log) -> None:
    def ask_nonsense() -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT nothing_like_that()")

    def exceed() -> None:
        raise OperationalError("row is too big") from TooBigError()

    class TooBigError(Exception):
        sqlstate = "54000"

    log.write()
    # A group in which everything else is written.
    for nonsense in (ask_nonsense, exceed):
        append = log.append()
        outcome, done = write_group(
            Group([append], [AtomicChange(None, nonsense), AtomicChange(None, lambda: "done")])
        ).decisions
        assert isinstance(outcome, Exception)
        assert done == "done"
        log.events += append.events
    log.assert_whole()


def test_a_commit_whose_reply_was_lost_is_found_in_its_row(log: Log) -> None:
    log.write(3)
    append = log.append(2)
    for _ in range(2):
        assert write_group(Group([append], [])).refused == set()
    log.events += append.events
    log.assert_whole()
    other = Append(log.run.pk, 0, append.first_seq, ['{"type":"CUSTOM"}', '{"type":"CUSTOM"}'])
    assert write_group(Group([other], [])).refused == {append.key}
    log.assert_whole()


def test_a_row_that_is_not_as_it_was_left_is_not_continued(log: Log) -> None:
    log.write()
    RunEvent.objects.filter(run=log.run).update(last_seq=0)
    append = log.append()
    # Alone, without its row, the append is right.
    assert write_group(Group([append], [])).refused == set()
    assert RunEvent.objects.get(first_seq=2).last_seq == 2


def test_it_writes_to_no_run_that_was_deleted(log: Log) -> None:
    append = log.append()
    log.run.delete()
    assert write_group(Group([append], [])).refused == {append.key}
    assert not EventLog.objects.exists()


def test_the_first_events_need_the_fence_too(log: Log) -> None:
    EventLog.objects.create(run=log.run, fence=1)
    append = log.append()
    assert write_group(Group([append], [])).refused == {append.key}
    assert isinstance(log.decide(lambda: None), Fenced)
    assert log.rows == 0
