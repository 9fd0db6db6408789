"""The SQL of the event log's writer, for each database.

It bypasses the ORM on purpose: that is too slow at a hundred streams.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.db.backends.utils import CursorWrapper

type Rows = Sequence[tuple[Any, ...]]


def _execute_many(cursor: CursorWrapper, statement: str, rows: Rows) -> int:
    """Execute ``statement`` with each row, and return how many rows of the database it changed."""
    if not rows:
        return 0
    cursor.executemany(statement, rows)
    return int(cursor.rowcount)


def _execute_columns(cursor: CursorWrapper, statement: str, rows: Rows) -> int:
    """Execute ``statement`` once with all rows, each column an array; return how many rows it changed."""
    if not rows:
        return 0
    cursor.execute(statement, [list(column) for column in zip(*rows, strict=True)])
    return int(cursor.rowcount)


@dataclass(frozen=True, slots=True)
class Statements:
    """The statements of one database, and how they are executed with many rows."""

    #: ``(last_seq, run_id)``: the log's first events.
    begin: str
    #: ``(last_seq, run_id, fence, previous last_seq)``: later events.
    advance: str
    #: ``(packed, last_seq, run_id, first_seq, previous last_seq)``: more events for a row.
    add: str
    #: ``(run_id, first_seq, last_seq, packed)``: a new row.
    insert: str
    execute: Callable[[CursorWrapper, str, Rows], int]


SQLITE = Statements(
    begin="""
        INSERT INTO runs_eventlog (run_id, last_seq) SELECT id, %s FROM runs_run WHERE id = %s
        ON CONFLICT (run_id) DO UPDATE SET last_seq = excluded.last_seq
        WHERE runs_eventlog.last_seq = 0 AND runs_eventlog.fence = 0
    """,
    advance="UPDATE runs_eventlog SET last_seq = %s WHERE run_id = %s AND fence = %s AND last_seq = %s",
    # Two blobs that are joined are text to SQLite.
    add="""
        UPDATE runs_runevent SET packed = CAST(packed || %s AS BLOB), last_seq = %s
        WHERE run_id = %s AND first_seq = %s AND last_seq = %s
    """,
    insert="INSERT INTO runs_runevent (run_id, first_seq, last_seq, packed) VALUES (%s, %s, %s, %s)",
    execute=_execute_many,
)

POSTGRESQL = Statements(
    begin="""
        INSERT INTO runs_eventlog (run_id, last_seq)
        SELECT runs_run.id, batch.last_seq
        FROM unnest(%s::int[], %s::uuid[]) AS batch (last_seq, run_id)
        JOIN runs_run ON runs_run.id = batch.run_id
        ON CONFLICT (run_id) DO UPDATE SET last_seq = excluded.last_seq
        WHERE runs_eventlog.last_seq = 0 AND runs_eventlog.fence = 0
    """,
    advance="""
        UPDATE runs_eventlog SET last_seq = batch.last_seq
        FROM unnest(%s::int[], %s::uuid[], %s::int[], %s::int[]) AS batch (last_seq, run_id, fence, previous)
        WHERE runs_eventlog.run_id = batch.run_id
          AND runs_eventlog.fence = batch.fence
          AND runs_eventlog.last_seq = batch.previous
    """,
    add="""
        UPDATE runs_runevent SET packed = runs_runevent.packed || batch.packed, last_seq = batch.last_seq
        FROM unnest(%s::bytea[], %s::int[], %s::uuid[], %s::int[], %s::int[])
             AS batch (packed, last_seq, run_id, first_seq, previous)
        WHERE runs_runevent.run_id = batch.run_id
          AND runs_runevent.first_seq = batch.first_seq
          AND runs_runevent.last_seq = batch.previous
    """,
    insert="""
        INSERT INTO runs_runevent (run_id, first_seq, last_seq, packed)
        SELECT * FROM unnest(%s::uuid[], %s::int[], %s::int[], %s::bytea[])
    """,
    execute=_execute_columns,
)


def of_connection() -> Statements:
    """Return the statements for the database of this thread's connection."""
    return POSTGRESQL if connection.vendor == "postgresql" else SQLITE
