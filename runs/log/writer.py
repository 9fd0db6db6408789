"""Writes one group of the journal in one transaction: two set-based statements, then the decisions.

The two statements bypass the ORM on purpose: one UPDATE per run is too slow at a hundred streams. An
append is refused as a whole if its run has another fence or another ``last_seq`` than expected. A failing
append does not affect the others.
"""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import orjson
from django.db import DatabaseError, OperationalError, connection, transaction

from runs.models import RunEvent

logger = logging.getLogger("runnel.journal")

#: Seconds for which a group is tried again while the database does not answer.
OUTAGE_SECONDS = 30.0
#: Seconds between two attempts.
PAUSE_SECONDS = 0.2


class Fenced(Exception):  # noqa: N818 - it names what happened
    """Another process took the run over, or its log could not be written: this process must stop the run."""


@dataclass(slots=True)
class Append:
    """Consecutive frames of one run; empty if ``last_seq`` is below ``first_seq``."""

    run_id: UUID
    fence: int
    first_seq: int
    last_seq: int
    frames: list[str]

    @property
    def key(self) -> str:
        """The run's id as 32 hexadecimal digits, which SQLite stores."""
        return self.run_id.hex


@dataclass(slots=True)
class AtomicChange:
    """An optional append and the changes of ``apply``, which are committed or rolled back together."""

    append: Append | None
    apply: Callable[[], Any]


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


def write_group(group: Group) -> Outcomes:
    """Write ``group`` in one transaction; if that fails, write each part in a transaction of its own.

    If the database cannot be reached, the group is tried again every ``PAUSE_SECONDS``, and the producers
    of events wait. After ``OUTAGE_SECONDS`` the whole group is refused. Blocks the calling thread.
    """
    refuse_at = time.monotonic() + OUTAGE_SECONDS
    while True:
        try:
            with transaction.atomic():
                outcomes = Outcomes(refused=_append_all(group.appends))
                outcomes.decisions = [_apply(decision) for decision in group.decisions]
            return outcomes
        except OperationalError as error:
            logger.exception("the database does not answer")
            if time.monotonic() > refuse_at or connection.in_atomic_block:
                return _refuse(group, error)
            connection.close()
            time.sleep(PAUSE_SECONDS)
        except DatabaseError:
            logger.exception("a group of %d failed: retrying one by one", len(group.appends))
            return _write_one_by_one(group)


def _refuse(group: Group, error: DatabaseError) -> Outcomes:
    return Outcomes(
        refused={append.key for append in group.appends}, decisions=[error] * len(group.decisions)
    )


def _write_one_by_one(group: Group) -> Outcomes:
    outcomes = Outcomes()
    for append in group.appends:
        try:
            with transaction.atomic():
                outcomes.refused |= _append_all([append])
        except DatabaseError:
            logger.exception("the log of run %s could not be written", append.run_id)
            outcomes.refused.add(append.key)
    for decision in group.decisions:
        try:
            outcomes.decisions.append(_apply(decision))
        except OperationalError as error:
            outcomes.decisions.append(error)
    return outcomes


def _apply(decision: AtomicChange) -> Any:
    """Return the result of a decision, or its exception; raise ``OperationalError`` for a database outage."""
    try:
        with transaction.atomic():
            if decision.append is not None:
                _append_one(decision.append)
            return decision.apply()
    except OperationalError:
        raise
    except Exception as error:  # noqa: BLE001 - the caller of Journal.commit gets it
        return error


def _append_one(append: Append) -> None:
    """Write one append; an empty one only checks the fence.

    Raises:
        Fenced: the append was refused.
    """
    if _append_all([append]):
        raise Fenced


def _append_all(appends: list[Append]) -> set[str]:
    """Write each append whose run has the expected fence and ``last_seq``; return the keys of the others."""
    if not appends:
        return set()
    rows = [
        [append.key, append.fence, append.first_seq, append.last_seq, "\n".join(append.frames)]
        for append in appends
    ]
    statement = _POSTGRESQL if connection.vendor == "postgresql" else _SQLITE
    with connection.cursor() as cursor:
        parameters = statement.parameters(rows)
        cursor.execute(statement.update, parameters)
        updated = {UUID(str(row[0])).hex for row in cursor.fetchall()}
        accepted = [row for row in rows if row[0] in updated and row[4]]
        if accepted:
            cursor.execute(statement.insert, statement.parameters(accepted))
    return {append.key for append in appends if append.key not in updated and not _is_written(append)}


def _is_written(append: Append) -> bool:
    """Return whether the log has this append already, because only the reply to its commit was lost."""
    if not append.frames:
        return False
    rows = RunEvent.objects.filter(run_id=append.run_id, first_seq=append.first_seq, last_seq=append.last_seq)
    return rows.filter(run__fence=append.fence, frames="\n".join(append.frames)).exists()


@dataclass(frozen=True, slots=True)
class _Statements:
    update: str
    insert: str
    parameters: Callable[[list[list[Any]]], list[Any]]


_SQLITE = _Statements(
    update="""
        UPDATE runs_run SET last_seq = json_extract(batch.value, '$[3]')
        FROM json_each(%s) AS batch
        WHERE runs_run.id = json_extract(batch.value, '$[0]')
          AND runs_run.fence = json_extract(batch.value, '$[1]')
          AND runs_run.last_seq = json_extract(batch.value, '$[2]') - 1
        RETURNING runs_run.id
    """,
    insert="""
        INSERT INTO runs_runevent (run_id, first_seq, last_seq, frames)
        SELECT json_extract(value, '$[0]'), json_extract(value, '$[2]'),
               json_extract(value, '$[3]'), json_extract(value, '$[4]')
        FROM json_each(%s)
    """,
    parameters=lambda rows: [orjson.dumps(rows).decode()],
)

_POSTGRESQL = _Statements(
    update="""
        UPDATE runs_run SET last_seq = batch.last_seq
        FROM unnest(%s::uuid[], %s::int[], %s::int[], %s::int[], %s::text[])
             AS batch (run_id, fence, first_seq, last_seq, frames)
        WHERE runs_run.id = batch.run_id
          AND runs_run.fence = batch.fence
          AND runs_run.last_seq = batch.first_seq - 1
        RETURNING runs_run.id
    """,
    insert="""
        INSERT INTO runs_runevent (run_id, first_seq, last_seq, frames)
        SELECT run_id, first_seq, last_seq, frames
        FROM unnest(%s::uuid[], %s::int[], %s::int[], %s::int[], %s::text[])
             AS batch (run_id, fence, first_seq, last_seq, frames)
    """,
    parameters=lambda rows: [list(column) for column in zip(*rows, strict=True)],
)
