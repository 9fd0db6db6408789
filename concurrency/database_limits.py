"""Sessions of processes that serve, on PostgreSQL: what such a process holds, it holds for seconds only.

A process that is stopped in the middle of a transaction would keep its locks for as long as it is stopped, and so would
one whose host is gone. Commands such as ``migrate`` may take their time: they have no limits.

A server that only reads for now, as during a failover, counts as away: psycopg calls it an internal error.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

from django.db import InternalError, OperationalError
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created

#: PostgreSQL's codes (its manual, appendix A): a write to a server that only reads; a session that idled for too long.
AWAY = frozenset({"25006", "25P03"})
#: Whatever the server's own default is: an UPDATE of a row that another process changes now must wait, and not fail.
_ISOLATION = "set_config('default_transaction_isolation', 'read committed', false)"
_SET = (
    "SELECT set_config('idle_in_transaction_session_timeout', %s, false), set_config('lock_timeout', %s, false),"
    f" {_ISOLATION}"
)


def limit_sessions(seconds: float) -> None:
    """Let PostgreSQL end sessions that do nothing inside a transaction, and waits for locks, after ``seconds``.

    It holds for connections that are opened from now on.
    """
    milliseconds = str(max(1, round(seconds * 1000)))

    def limit(connection: BaseDatabaseWrapper, **_: Any) -> None:
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute(_SET, [milliseconds, milliseconds])
            if _tell_that_it_is_away not in connection.execute_wrappers:
                connection.execute_wrappers.append(_tell_that_it_is_away)
                # No wrapper sees a COMMIT.
                vars(connection)["commit"] = partial(_tell_that_it_is_away, connection.commit)

    connection_created.connect(limit, weak=False, dispatch_uid="limits of sessions")


def _tell_that_it_is_away(execute: Callable[..., Any], *statement: Any) -> Any:
    """Execute a statement, or commit.

    Raises:
        OperationalError: the server only reads, or has ended the session, beside what says so anyway.
    """
    try:
        return execute(*statement)
    except InternalError as error:
        if getattr(error.__cause__, "sqlstate", None) in AWAY:
            raise OperationalError(*error.args) from error.__cause__
        raise
