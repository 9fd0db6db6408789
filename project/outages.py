"""Answers HTTP requests while the database is away or hangs: 503 with ``Retry-After``, soon, whatever was asked for.

Static files need no database and are served all the time.
"""

import asyncio
import sys
from typing import Any

from django.conf import settings
from django.core.signals import got_request_exception
from django.db import InterfaceError, OperationalError

from concurrency.tasks import spawn
from project import unavailable
from project.application import Application
from runs.engine import supervisor

#: Seconds after which a client may ask again.
RETRY_AFTER = 2
#: Seconds between two looks whether a request waits for a database that is away.
INTERVAL = 0.25
_SENTENCE = (
    "Nothing can be read or saved at the moment: the database cannot be reached. Try again in a few seconds."
)
#: Key of a request's scope, which is copied on its way to Django: the ``_Answer`` to it.
_ANSWER = "runnel.answer_in_outages"


def connect() -> None:
    """Note which requests fail for want of a database. Called once."""
    got_request_exception.connect(_note, dispatch_uid="outages")


def _note(request: Any = None, **_: Any) -> None:
    answer = getattr(request, "scope", {}).get(_ANSWER)
    if answer is not None and isinstance(sys.exc_info()[1], OperationalError | InterfaceError):
        answer.has_failed = True


def answer_in_outages(application: Application) -> Application:
    """Answer 503 in place of an error for want of a database, and as soon as it has not answered for noticeably long."""

    async def wrapped(scope: Any, receive: Any, send: Any) -> None:
        if scope["path"].startswith(settings.STATIC_URL):
            await application(scope, receive, send)
            return
        if _is_down():
            await _refuse(scope, send)
            return
        answer = _Answer(scope, send)
        serving = spawn(
            _serve(application, scope | {_ANSWER: answer}, receive, answer.send), name="a request"
        )
        try:
            while not await _is_done(serving):
                if _is_down() and answer.take_over():
                    await _refuse(scope, send)
                    return
            await serving
        finally:
            serving.cancel()

    return wrapped


def _is_down() -> bool:
    return supervisor.current().availability.is_down


async def _serve(application: Application, scope: Any, receive: Any, send: Any) -> None:
    await application(scope, receive, send)


async def _is_done(serving: asyncio.Task[None]) -> bool:
    """Wait for ``INTERVAL`` seconds at most; return whether the task has ended."""
    await asyncio.wait({serving}, timeout=INTERVAL)
    return serving.done()


class _Answer:
    """The answer to one request."""

    def __init__(self, scope: Any, send: Any) -> None:
        self._scope = scope
        self._send = send
        self._has_begun = False
        self._is_replaced = False
        #: Whether the database could not be reached for it.
        self.has_failed = False

    def take_over(self) -> bool:
        """Send nothing of the application's answer any more. Return whether nothing was sent yet."""
        self._is_replaced = not self._has_begun
        return self._is_replaced

    async def send(self, message: Any) -> None:
        """Send a part of the application's answer, or what comes in place of it."""
        if self._is_replaced:
            return
        self._has_begun = True
        is_start = message["type"] == "http.response.start"
        if is_start and message["status"] == 500 and self.has_failed:
            self._is_replaced = True
            await _refuse(self._scope, self._send)
        else:
            await self._send(message)


async def _refuse(scope: Any, send: Any) -> None:
    await unavailable.refuse(scope, send, _SENTENCE, retry_after=RETRY_AFTER)
