"""Lets go of a client that reads nothing, under servers whose ``send`` waits for the client.

Daphne's does not wait: there the feed looks at what is unread, and the server at an answer's end. uvicorn and granian
wait without end, and for the last 64 KiB not at all. When their own pings are not answered, they close a connection
politely, which waits for the same client.
"""

import asyncio
import logging
from typing import Any

from django.conf import settings

from project.application import Application
from project.connection import ABORT, TRANSPORT, UNSENT, abort

logger = logging.getLogger("runnel.socket")


def leave_stalled_clients(application: Application) -> Application:
    """Wrap an application: a client that reads nothing for ``RUNNEL_STALLED_SECONDS`` is left, also after its end."""

    async def wrapped(scope: Any, receive: Any, send: Any) -> None:
        if UNSENT in scope:
            await application(scope, receive, send)
            return
        serving = asyncio.current_task()
        rest = _Rest(scope[TRANSPORT]) if TRANSPORT in scope else None
        is_stalled = False

        async def send_in_time(message: Any) -> None:
            nonlocal is_stalled
            if is_stalled:
                return
            try:
                async with asyncio.timeout(settings.RUNNEL_STALLED_SECONDS):
                    await send(message)
            except TimeoutError:
                is_stalled = True
                _note()
                # What is unsent would keep the connection open.
                scope[ABORT]()
                if serving is not None:
                    serving.cancel()

        try:
            await application(scope, receive, send_in_time)
            if is_stalled:
                # An application that waited for nothing more has not met its cancellation yet.
                await asyncio.sleep(0)
        except asyncio.CancelledError:
            if not is_stalled:
                raise
            # The server hears of the connection's end in the loop's next turn.
            await asyncio.sleep(0)
        finally:
            if rest is not None:
                rest.is_all = True

    return wrapped


class _Rest:
    """What a client has not read of all that it will be sent: it is looked at now and then until it is gone."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        #: Whether the application sends no more.
        self.is_all = False
        self._bytes = 0
        self._since = 0.0
        self._look()

    def _look(self) -> None:
        loop = asyncio.get_running_loop()
        left = self._transport.get_write_buffer_size()
        is_all = self.is_all or self._transport.is_closing()
        if is_all and not left:
            return
        if not is_all or left != self._bytes:
            # It reads, or there is more for it: another request's answer, too.
            self._bytes, self._since = left, loop.time()
        elif loop.time() - self._since >= settings.RUNNEL_STALLED_SECONDS:
            _note()
            abort(self._transport)
            return
        loop.call_later(settings.RUNNEL_STALLED_SECONDS / 5, self._look)


def _note() -> None:
    logger.info("A client has read nothing for %s s and is left.", settings.RUNNEL_STALLED_SECONDS)
