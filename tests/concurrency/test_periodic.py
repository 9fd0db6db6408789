"""A thread that repeats its work goes on after every error."""

import threading

import pytest
from django.db import InterfaceError, connection

from concurrency import periodic
from concurrency.periodic import PeriodicThread

STUCK = 10.0


class BrokenConnection:
    """A connection that can be used no more, nor closed."""

    vendor = connection.vendor
    connection = None

    def cursor(self) -> None:
        raise InterfaceError("the connection is closed")

    def close(self) -> None:
        raise InterfaceError("the connection is closed")


def test_it_survives_a_connection_that_cannot_even_be_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    began, attempts, worked = threading.Event(), threading.Event(), threading.Event()
    thread = PeriodicThread("test", worked.set, interval=0.01, patience=1.0, retry=0.01, before=began.set)

    class Noted(BrokenConnection):
        def close(self) -> None:
            attempts.set()
            super().close()

    with monkeypatch.context() as patch:
        patch.setattr(periodic, "connection", Noted())
        thread.start()
        assert attempts.wait(STUCK)
        # Who counts for how long the database is away hears of it all the same.
        assert began.is_set()
        assert not worked.is_set()
        patch.setattr(periodic, "limit_waiting", lambda seconds: None)
        assert worked.wait(STUCK)
    thread.stop()
    thread.join()
