"""The database's clock, by which leases and deadlines are set and judged.

Processes on several hosts have several clocks, and any of them may be set while it runs. The database has one. So a
time that another process acts on is computed and compared in the statement, never here.
"""

from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.db.models import DateTimeField, ExpressionWrapper
from django.db.models.functions import Now


def after(span: timedelta) -> Any:
    """Return an expression for the ORM: ``span`` from now, or before now if it is negative."""
    return ExpressionWrapper(Now() + span, output_field=DateTimeField())


def sql_after(span: timedelta) -> str:
    """Return the same as SQL without parameters, for ``runs.store.statements``. Exact to a millisecond."""
    seconds = f"{span.total_seconds():+.3f} seconds"
    if connection.vendor == "postgresql":
        return f"STATEMENT_TIMESTAMP() + INTERVAL '{seconds}'"
    return f"STRFTIME('%%Y-%%m-%%d %%H:%%M:%%f', 'NOW', '{seconds}')"


def read(span: timedelta = timedelta()) -> datetime:
    """Return the time that it is by the database's clock, or will be after ``span``. Reads the database."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {sql_after(span)}", [])
        (now,) = cursor.fetchone()
    if isinstance(now, datetime):
        return now
    return datetime.fromisoformat(f"{now}+00:00")
