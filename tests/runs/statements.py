"""Records the SQL statements of all connections, with the threads that execute them."""

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from django.db import connections
from django.db.backends.signals import connection_created


@dataclass(frozen=True, slots=True)
class Executed:
    """One statement, with the parameters of its first execution."""

    sql: str
    params: Any
    thread: str

    @property
    def is_query(self) -> bool:
        """Whether it reads or changes rows; otherwise it begins, ends or sets something."""
        return re.match(r"\s*(SELECT|INSERT|UPDATE|DELETE|WITH)\b", self.sql) is not None


@dataclass
class Statements:
    """The statements of every connection that is opened while this is connected."""

    is_on: bool = False
    executed: list[Executed] = field(default_factory=list)

    def watch(self, *, connection: Any, **_: Any) -> None:
        connection.execute_wrappers.append(self)

    def __call__(self, execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if self.is_on:
            first = next(iter(params), None) if many else params
            self.executed.append(Executed(sql, first, threading.current_thread().name))
        return execute(sql, params, many, context)


@contextmanager
def recorded() -> Iterator[Statements]:
    """Watch the connections that are opened from now on; set ``is_on`` to record."""
    watching = Statements()
    connection_created.connect(watching.watch)
    try:
        yield watching
    finally:
        watching.is_on = False
        connection_created.disconnect(watching.watch)
        for each in connections.all():
            each.execute_wrappers = [wrapper for wrapper in each.execute_wrappers if wrapper is not watching]
