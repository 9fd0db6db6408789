"""Limits of PostgreSQL sessions of processes that serve: what such a process holds, it holds for seconds only.

A process that is stopped in the middle of a transaction would keep its locks for as long as it is stopped, and so would
one whose host is gone. Commands such as ``migrate`` may take their time: they have no limits.
"""

from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created

_SET = "SELECT set_config('idle_in_transaction_session_timeout', %s, false), set_config('lock_timeout', %s, false)"


def limit_sessions(seconds: float) -> None:
    """Let PostgreSQL end sessions that do nothing inside a transaction, and waits for locks, after ``seconds``.

    It holds for connections that are opened from now on.
    """
    milliseconds = str(max(1, round(seconds * 1000)))

    def limit(connection: BaseDatabaseWrapper, **_: Any) -> None:
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute(_SET, [milliseconds, milliseconds])

    connection_created.connect(limit, weak=False, dispatch_uid="limits of sessions")
