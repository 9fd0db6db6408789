"""Writes one group of the journal in one transaction: a few statements for all appends, then the decisions.

An append is refused as a whole if its run has another fence or another ``last_seq`` than expected. A failing
append does not affect the others. The SQL is in ``runs.log.statements``.
"""

import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db import DatabaseError, InterfaceError, OperationalError, connection, transaction
from django.db.backends.utils import CursorWrapper

from runs.log import statements
from runs.log.packing import pack
from runs.log.rows import read_events
from runs.log.statements import Statements
from runs.models import EventLog

logger = logging.getLogger("runnel.journal")

#: Characters up to which events are added to a row. Of 500 to 4,000, this costs the least processor time on SQLite
#: (``benchmarks/storage.py``), and PostgreSQL does not move such a row out of its table.
ROW = 1000


#: SQLite's code of an error in a statement.
_SQLITE_ERROR = 1
#: Classes of PostgreSQL's errors (its manual, appendix A): connection, a server that only reads, rollback, resources,
#: state of an object, intervention of an operator, system.
_STATES_OF_OUTAGES = frozenset({"08", "25", "40", "53", "55", "57", "58"})


class Fenced(Exception):  # noqa: N818 - it names what happened
    """Another process took the run over, or its log could not be written: this process must stop the run."""


@dataclass(slots=True)
class NewestRow:
    """The newest row of a log that one process appends to, as far as that process knows it."""

    #: 0 if the next events begin a new row, which is always right.
    first_seq: int = 0
    #: Characters in the row.
    size: int = 0
    #: What ``pack`` returned about the last event.
    head: str = ""

    def forget(self) -> None:
        """Begin a new row with the next events."""
        self.first_seq = 0


@dataclass(slots=True)
class Append:
    """Consecutive events of one run, as JSON texts; may be empty."""

    run_id: UUID
    fence: int
    first_seq: int
    events: list[str]
    newest_row: NewestRow = field(default_factory=NewestRow)

    @property
    def last_seq(self) -> int:
        """The seq of the last event, or of the one before the first if there are no events."""
        return self.first_seq + len(self.events) - 1

    @property
    def key(self) -> str:
        """The run's id as 32 hexadecimal digits, which SQLite stores."""
        return self.run_id.hex

    def keep(self, count: int) -> None:
        """Drop the events after the first ``count``."""
        del self.events[count:]


@dataclass(slots=True)
class AtomicChange:
    """An optional append and the changes of ``apply``, which are committed or rolled back together."""

    append: Append | None
    apply: Callable[[], Any]
    #: Whether ``apply`` makes the run, so that the append follows it, and returns how many events are kept.
    makes_run: bool = False
    #: The result of ``apply``, or its exception, once it was committed or rolled back by itself.
    outcome: Any = None
    is_over: bool = False

    def settle(self, outcome: Any) -> Any:
        """Keep and return the outcome: a group that is written again does nothing of it again."""
        self.outcome, self.is_over = outcome, True
        return outcome


@dataclass(slots=True)
class Group:
    """The appends and decisions of one commit."""

    appends: list[Append]
    decisions: list[AtomicChange]


@dataclass(slots=True)
class Outcomes:
    """The results of a group."""

    #: Keys of the appends that were not written.
    refused: set[str] = field(default_factory=set)
    #: For each decision its result, or the exception that rolled it back.
    decisions: list[Any] = field(default_factory=list)


class _Mismatch(Exception):  # noqa: N818 - it names what happened
    """At least one append of a group found another fence or another ``last_seq`` than expected."""


class _Refused(Exception):  # noqa: N818 - it names what happened
    """At least one decision of a group failed, and none of it has a savepoint to go back to."""


def write_group(group: Group) -> Outcomes:
    """Write ``group`` in one transaction; if that fails, write each part in a transaction of its own.

    Decisions have savepoints only once one of them has failed: then the group is written again. Blocks the thread.

    Raises:
        OperationalError, InterfaceError: the database cannot be reached. The same group can be written again: what was
            written already is found and not written twice.
    """
    try:
        if not group.appends and len(group.decisions) == 1:
            # Alone it needs no savepoint.
            return Outcomes(decisions=[_apply(group.decisions[0])])
        try:
            return _write_together(group, _apply_unguarded)
        except _Refused:
            _forget_rows(group)
            return _write_together(group, _apply)
    except (OperationalError, InterfaceError) as error:
        _forget_rows(group)
        if not is_outage(error):
            logger.exception("a group of %d failed: retrying one by one", len(group.appends))
            return _write_one_by_one(group)
        if not connection.in_atomic_block:
            with suppress(Exception):
                connection.close()
        raise
    except _Mismatch:
        _forget_rows(group)
        return _write_one_by_one(group)
    except DatabaseError:
        _forget_rows(group)
        logger.exception("a group of %d failed: retrying one by one", len(group.appends))
        return _write_one_by_one(group)


def _write_together(group: Group, apply: Callable[[AtomicChange], Any]) -> Outcomes:
    with transaction.atomic():
        if not _append_all(group.appends):
            raise _Mismatch
        return Outcomes(decisions=[apply(decision) for decision in group.decisions])


def is_outage(error: Exception) -> bool:
    """Return whether an error says that the database is away, full or busy, and not that a statement cannot be executed.

    A statement that no database would execute may be tried again for ever.
    """
    if not isinstance(error, OperationalError | InterfaceError):
        return False
    cause = error.__cause__
    if (code := getattr(cause, "sqlite_errorcode", None)) is not None:
        # https://sqlite.org/rescode.html: an extended code has the primary one in its lowest byte.
        return bool(code & 0xFF != _SQLITE_ERROR)
    state = getattr(cause, "sqlstate", None)
    return state is None or state[:2] in _STATES_OF_OUTAGES


def _forget_rows(group: Group) -> None:
    """Begin new rows: those that the group began or continued may have been rolled back."""
    for append in (*group.appends, *(each.append for each in group.decisions if each.append)):
        append.newest_row.forget()


def _write_one_by_one(group: Group) -> Outcomes:
    outcomes = Outcomes()
    for append in group.appends:
        try:
            with transaction.atomic():
                _append_one(append)
        except Fenced:
            outcomes.refused.add(append.key)
        except (DatabaseError, InterfaceError) as error:
            if is_outage(error):
                raise
            logger.exception("the log of run %s could not be written", append.run_id)
            outcomes.refused.add(append.key)
    outcomes.decisions = [decision.settle(_apply(decision)) for decision in group.decisions]
    return outcomes


def _apply(decision: AtomicChange) -> Any:
    """Return the result of a decision, or its exception; raise ``OperationalError`` for a database outage."""
    if decision.is_over:
        return decision.outcome
    try:
        with transaction.atomic():
            return _carry_out(decision)
    except Exception as error:
        if decision.append is not None:
            decision.append.newest_row.forget()
        if is_outage(error):
            raise
        # The caller of Journal.commit gets it.
        return error


def _apply_unguarded(decision: AtomicChange) -> Any:
    """Do the same without a savepoint, which costs two statements. Raise ``_Refused`` if it fails."""
    if decision.is_over:
        return decision.outcome
    try:
        return _carry_out(decision)
    except Exception as error:
        raise error if is_outage(error) else _Refused from error


def _carry_out(decision: AtomicChange) -> Any:
    if decision.append is not None and not decision.makes_run:
        _append_one(decision.append)
    result = decision.apply()
    if decision.append is not None and decision.makes_run:
        decision.append.keep(result)
        _append_one(decision.append)
    return result


def _append_one(append: Append) -> None:
    """Write one append; an empty one only checks the fence.

    Raises:
        Fenced: the append was refused.
    """
    if not _append_all([append]) and not _is_written(append):
        raise Fenced


def _is_written(append: Append) -> bool:
    """Return whether the log has this append already, because only the reply to its commit was lost."""
    if not append.events:
        return False
    log = EventLog.objects.filter(run_id=append.run_id, fence=append.fence, last_seq=append.last_seq)
    return log.exists() and list(read_events(append.run_id, append.first_seq - 1)) == append.events


def _append_all(appends: list[Append]) -> bool:
    """Write the appends; return False if at least one run has another fence or ``last_seq`` than expected.

    Then the others may be written or not: the caller must roll back, unless it gave only one.
    """
    if not appends:
        return True
    sql = statements.of_connection()
    # A run that was never resumed or taken over gets its row in the log with its first events.
    first = [append for append in appends if append.first_seq == 1 and append.fence == 0]
    later = [append for append in appends if append.first_seq > 1 or append.fence > 0]
    with connection.cursor() as cursor:
        changed = sql.execute(cursor, sql.begin, [(each.last_seq, each.key) for each in first])
        changed += sql.execute(
            cursor,
            sql.advance,
            [(each.last_seq, each.key, each.fence, each.first_seq - 1) for each in later],
        )
        if changed < len(appends):
            return False
        _write_events(cursor, sql, [append for append in appends if append.events])
    return True


def _write_events(cursor: CursorWrapper, sql: Statements, appends: list[Append]) -> None:
    """Add the events to the newest rows of their logs, or to new rows where these are large enough."""
    added, new = [], []
    for each in appends:
        row = each.newest_row
        packed, head = pack(each.events, row.head if row.first_seq else "")
        if row.first_seq and row.size + len(packed) <= ROW:
            added.append((packed.encode(), each.last_seq, each.key, row.first_seq, each.first_seq - 1))
            row.size += len(packed)
        else:
            packed, head = pack(each.events)
            new.append((each.key, each.first_seq, each.last_seq, packed.encode()))
            row.first_seq, row.size = each.first_seq, len(packed)
        row.head = head
    if sql.execute(cursor, sql.add, added) < len(added):
        raise DatabaseError("a row of the event log is not as this process has left it")
    sql.execute(cursor, sql.insert, new)
