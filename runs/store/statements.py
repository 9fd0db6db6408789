"""INSERT and UPDATE statements that are prepared outside the writer's transaction.

The ORM takes longer to build a statement than the database to execute it, and the journal's one thread writes
for everybody. A statement is built from a model's fields, so that it stores what the ORM would store; its SQL
is built once for each set of columns.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from types import MappingProxyType
from typing import Any

from django.db import connection, models
from django.db.models.expressions import DatabaseDefault
from django.db.models.functions import Now

from runs.store import clock

#: Fields whose texts are stored as they are.
_TEXTS = (models.CharField, models.TextField)


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement with the parameters for one execution, or for several."""

    sql: str
    rows: Sequence[Sequence[Any]]

    def execute(self) -> int:
        """Execute the statement in the caller's transaction. Return how many rows it inserted or changed.

        Raises:
            DatabaseError: the database refused it.
        """
        if not self.rows:
            return 0
        with connection.cursor() as cursor:
            if len(self.rows) == 1:
                cursor.execute(self.sql, self.rows[0])
            else:
                cursor.executemany(self.sql, self.rows)
            return int(cursor.rowcount)


def insert(
    rows: Sequence[models.Model],
    *,
    or_nothing: bool = False,
    computed: Mapping[str, tuple[str, str]] = MappingProxyType({}),
    condition: str = "",
    values: Sequence[Any] = (),
) -> Statement:
    """Return the statement that inserts unsaved ``rows`` of one model, whose primary keys are set.

    Args:
        rows: the rows; an empty sequence gives a statement that does nothing.
        or_nothing: whether a row that breaks a unique constraint is left out, without an error.
        computed: by column, SQL that the database evaluates instead of the row's value, and the attribute of the
            row that stands for its one ``%s``; an empty one if the SQL has none.
        condition: SQL that must hold for a row to be inserted.
        values: what stands for each ``%s`` of ``condition``, as the database stores it.
    """
    if not rows:
        return Statement("", ())
    fields = _inserted(rows[0])
    plain = ("%s", "")
    places = tuple((field.column, computed.get(field.column, plain)[0]) for field in fields)
    attributes = [
        _field(type(rows[0]), computed[field.column][1]) if field.column in computed else field
        for field in fields
        if computed.get(field.column, plain[:1] * 2)[1]
    ]
    parameters = [
        [*(_stored(field, field.pre_save(row, add=True)) for field in attributes), *values] for row in rows
    ]
    return Statement(_insert_sql(type(rows[0]), places, condition, or_nothing), parameters)


def update(
    model: type[models.Model],
    columns: Mapping[str, Any],
    *,
    key: Any,
    key_is: str = "%s",
    condition: str = "",
    values: Sequence[Any] = (),
) -> Statement:
    """Return the statement that changes one row.

    Args:
        model: the table.
        columns: the new values, by the model's attributes; ``Now()`` for the time by the database's clock.
        key: the row's primary key.
        key_is: SQL that finds the primary key from ``key``, its one ``%s``, for the key of a related row.
        condition: further SQL of the WHERE clause.
        values: what stands for each ``%s`` of ``condition``, as the database stores it.
    """
    fields = [(_field(model, name), value) for name, value in columns.items()]
    parameters = [_stored(field, value) for field, value in fields if not isinstance(value, Now)]
    places = tuple(
        (field.column, clock.sql_after(timedelta()) if isinstance(value, Now) else "%s")
        for field, value in fields
    )
    sql = _update_sql(model, places, key_is, condition)
    return Statement(sql, [[*parameters, _stored(model._meta.pk, key), *values]])


def delete(model: type[models.Model], *, key: Any, condition: str, values: Sequence[Any] = ()) -> Statement:
    """Return the statement that deletes one row, to which no other row refers; the arguments are those of ``update``."""
    return Statement(_delete_sql(model, condition), [[_stored(model._meta.pk, key), *values]])


def stored_key(model: type[models.Model], key: Any) -> Any:
    """Return a primary key as the database stores it, for SQL of one's own."""
    return _stored(model._meta.pk, key)


def _inserted(row: models.Model) -> list[Any]:
    """Return the fields to insert: all but those that the database fills."""
    return [
        field
        for field in row._meta.local_concrete_fields
        if not field.generated and not isinstance(getattr(row, field.attname), DatabaseDefault)
    ]


def _stored(field: Any, value: Any) -> Any:
    # Most values of a new row. The ORM asks up to five functions, and returns the same.
    if value is None or (type(value) is str and type(field) in _TEXTS):
        return value
    return field.get_db_prep_save(value, connection=connection)


@cache
def _field(model: type[models.Model], attribute: str) -> Any:
    return next(field for field in model._meta.local_concrete_fields if field.attname == attribute)


@cache
def _insert_sql(
    model: type[models.Model], places: tuple[tuple[str, str], ...], condition: str, or_nothing: bool
) -> str:
    names = ", ".join(f'"{column}"' for column, _ in places)
    values = ", ".join(value for _, value in places)
    tail = " ON CONFLICT DO NOTHING" if or_nothing else ""
    return f'INSERT INTO "{model._meta.db_table}" ({names}) SELECT {values} WHERE {condition or "TRUE"}{tail}'


@cache
def _delete_sql(model: type[models.Model], condition: str) -> str:
    return f'DELETE FROM "{model._meta.db_table}" WHERE "{model._meta.pk.column}" = %s AND {condition}'  # noqa: S608 - names of models and columns only


@cache
def _update_sql(
    model: type[models.Model], places: tuple[tuple[str, str], ...], key_is: str, condition: str
) -> str:
    changes = ", ".join(f'"{column}" = {place}' for column, place in places)
    key = model._meta.pk.column
    tail = f" AND {condition}" if condition else ""
    return f'UPDATE "{model._meta.db_table}" SET {changes} WHERE "{key}" = {key_is}{tail}'  # noqa: S608 - names of models and columns only
