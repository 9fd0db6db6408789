"""Lets go of a client that reads nothing, under servers whose ``send`` waits for the client.

Daphne's does not wait: there the feed looks at what is unread, and the server at an answer's end. uvicorn and granian
wait without end; when their own pings are not answered, they close a connection politely, which waits for the same client.
"""

import asyncio
import logging
from typing import Any

from django.conf import settings

from project.application import Application
from project.connection import ABORT, UNSENT

logger = logging.getLogger("runnel.socket")


def leave_stalled_clients(application: Application) -> Application:
    """Wrap an application: it ends when a message was not sent within ``RUNNEL_STALLED_SECONDS``."""

    async def wrapped(scope: Any, receive: Any, send: Any) -> None:
        if UNSENT in scope:
            await application(scope, receive, send)
            return
        serving = asyncio.current_task()
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
                logger.info(
                    "A client has read nothing for %s s and is left.", settings.RUNNEL_STALLED_SECONDS
                )
                if serving is not None:
                    serving.cancel()

        try:
            await application(scope, receive, send_in_time)
        except asyncio.CancelledError:
            if not is_stalled:
                raise
            # What is unsent would keep the connection open. The server hears of its end in the loop's next turn.
            scope[ABORT]()
            await asyncio.sleep(0)

    return wrapped
