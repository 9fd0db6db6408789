"""The sessions of one event loop: one for each server and conversation.

Conversations share no session, because a server may keep state in it.
"""

import asyncio
import logging
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import InterfaceError, OperationalError

from concurrency.per_loop import PerLoop
from concurrency.threads import readers
from providers.types import Json
from runs.models import McpServer
from runs.toolbox.mcp.connection import load
from runs.toolbox.mcp.session import Session, SessionExpired
from runs.toolbox.mcp.target import McpEndpoint
from runs.toolbox.tool import ProgressNote, ToolError, no_progress

logger = logging.getLogger("runnel.mcp")

#: Seconds to wait for all sessions to end. A child process that ignores its closed input takes 5 s.
_CLOSE_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class _Key:
    # The whole endpoint: when an admin changes it, the next call opens a new session.
    target: McpEndpoint
    conversation_id: UUID


class Pool:
    """All sessions of an event loop."""

    def __init__(self) -> None:
        #: The sessions for new calls, least recently used first.
        self._sessions: dict[_Key, Session] = {}
        #: All sessions that have not ended, including those that take no more calls.
        self._alive: set[Session] = set()

    async def call(
        self,
        target: McpEndpoint,
        conversation_id: UUID,
        name: str,
        arguments: Json,
        note_progress: ProgressNote = no_progress,
    ) -> Any:
        """Call a tool over the conversation's session with ``target``; return the server's own result.

        A session that the server has forgotten is opened again, once.

        Raises:
            ToolError: the server cannot be reached or gave no answer, or too many sessions are busy.
        """
        key = _Key(target, conversation_id)
        try:
            return await self._session(key).call(name, arguments, note_progress)
        except SessionExpired:
            return await self._session(key).call(name, arguments, note_progress)

    def _session(self, key: _Key) -> Session:
        """Return the session for a call, as the most recently used one. Raises ``ToolError``."""
        session = self._sessions.pop(key, None)
        if session is None or not session.is_usable:
            self._make_room(key.target)
            session = Session(key.target, on_end=self._forget)
            self._alive.add(session)
        self._sessions[key] = session
        return session

    async def close(self) -> None:
        """Cancel all calls and end all sessions; wait at most ``_CLOSE_SECONDS``."""
        tasks = [session.task for session in self._alive]
        for session in self._alive:
            session.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=_CLOSE_SECONDS)

    def _make_room(self, target: McpEndpoint) -> None:
        """End the least recently used idle session with ``target`` if it has as many as it may.

        Raises:
            ToolError: none of them is idle.
        """
        most = settings.RUNNEL_MCP_SESSIONS
        # Sessions that take no more calls do not count: they end within seconds.
        usable = [
            session for key, session in self._sessions.items() if key.target == target and session.is_usable
        ]
        if len(usable) < most:
            return
        idle = next((session for session in usable if session.is_idle), None)
        if idle is None:
            raise ToolError(
                f"The MCP server {target.name} works for {most} conversations, which is as many as it may. "
                "The call was not sent. Try again later."
            )
        idle.retire()

    def _forget(self, session: Session) -> None:
        self._alive.discard(session)
        for key in [key for key, known in self._sessions.items() if known is session]:
            del self._sessions[key]


_of_this_loop = PerLoop(Pool)


def current() -> Pool:
    """Return the pool of the running event loop."""
    return _of_this_loop.get()


async def warm_up() -> None:
    """Import the library ``mcp`` now if a server is enabled, so that the first call does not wait for it.

    If the database is away, the first call waits: a process begins all the same.
    """
    try:
        is_needed = await readers.run(McpServer.objects.filter(is_enabled=True).exists)
    except (OperationalError, InterfaceError):
        logger.warning("whether there are MCP servers cannot be read", exc_info=True)
        return
    if is_needed:
        await load()


async def close_all() -> None:
    """End all sessions of the running event loop, and their child processes."""
    await current().close()
