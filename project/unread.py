"""Large answers that their clients have not read yet. When there are too many, the slowest readers make room.

Such an answer stays in memory until it was read, and a client may take minutes for that. Here it is taken from Django's
response, which outlives its request: the exception that ends a request and its frames refer to each other.
"""

import time
from collections.abc import Awaitable, Callable
from inspect import iscoroutinefunction
from typing import Any

from asgiref.sync import sync_to_async
from django.db import close_old_connections
from django.http import HttpRequest
from django.utils.decorators import sync_and_async_middleware

from concurrency.per_loop import PerLoop
from project.application import Application
from project.connection import ABORT

#: Bytes of all unread answers together. A larger one may be alone.
MOST_BYTES = 32 * 1024 * 1024
#: Bytes that are sent at once. An answer of more is large.
_PIECE = 64 * 1024
#: The member of the scope that takes a large answer.
_ANSWER = "runnel.answer"


class Answer:
    """A large answer while it is sent."""

    def __init__(self) -> None:
        self.content = b""
        #: When the last piece was given to the client's connection, in seconds of a clock that is never set back.
        self.moved_at = 0.0
        self._abort: Callable[[], None] = lambda: None

    async def send(self, send: Callable[[Any], Awaitable[None]], abort: Callable[[], None]) -> None:
        """Send the content, a piece at a time. ``abort`` closes the client's connection."""
        self._abort = abort
        at = 0
        while at < len(self.content):
            self.moved_at = time.monotonic()
            piece = self.content[at : at + _PIECE]
            at += _PIECE
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body"})

    def give_up(self) -> None:
        """Free the memory, and close the connection."""
        self.content = b""
        self._abort()


class Unread:
    """The large answers of one event loop."""

    def __init__(self) -> None:
        self._answers: dict[Answer, None] = {}

    def add(self, answer: Answer) -> None:
        """Add an answer. If there is no room for it, those that have not moved for longest are given up."""
        self._answers[answer] = None
        total = sum(len(each.content) for each in self._answers)
        for other in sorted(self._answers, key=lambda each: each.moved_at):
            if total <= MOST_BYTES:
                return
            if other is not answer:
                total -= len(other.content)
                del self._answers[other]
                other.give_up()

    def remove(self, answer: Answer) -> None:
        """Forget an answer that was read, or whose client is gone."""
        answer.content = b""
        self._answers.pop(answer, None)


_unread = PerLoop(Unread)


@sync_and_async_middleware
def take_large_answers(get_response: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Any]:
    """Take the content of a large answer, and give the database's connection back before a client begins to read."""

    async def async_middleware(request: HttpRequest) -> Any:
        response = await get_response(request)
        answer: Answer | None = getattr(request, "scope", {}).get(_ANSWER)
        if answer is not None and (response.streaming or len(response.content) > _PIECE):
            await sync_to_async(close_old_connections)()
            if not response.streaming:
                # The header Content-Length is there already.
                answer.content, response.content = response.content, b""
        return response

    return async_middleware if iscoroutinefunction(get_response) else get_response


def send_large_answers(application: Application) -> Application:
    """Return ``application``, whose large answers are sent from here, as far as there is room for them."""

    async def wrapped(scope: Any, receive: Any, send: Any) -> None:
        unread, answer = _unread.get(), Answer()

        async def send_all(message: Any) -> None:
            if message["type"] == "http.response.body" and answer.content:
                unread.add(answer)
                await answer.send(send, scope[ABORT])
            else:
                await send(message)

        try:
            await application(scope | {_ANSWER: answer}, receive, send_all)
        finally:
            unread.remove(answer)

    return wrapped
