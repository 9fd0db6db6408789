"""The sessions of one event loop: one for each server and conversation.

Conversations share no session, because a server may keep state in it.
"""

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from concurrency.per_loop import PerLoop
from concurrency.threads import readers
from providers.types import Json
from runs.models import McpServer
from runs.toolbox.mcp.connection import load
from runs.toolbox.mcp.session import Session
from runs.toolbox.mcp.target import McpEndpoint
from runs.toolbox.tool import ToolError

if TYPE_CHECKING:
    from mcp.types import CallToolResult

#: Sessions that may be open at the same time; each may have a child process of about 60 MB.
MOST_SESSIONS = 32
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
        self, target: McpEndpoint, conversation_id: UUID, name: str, arguments: Json
    ) -> "CallToolResult":
        """Call a tool over the conversation's session with ``target``, and return the server's answer.

        Raises:
            ToolError: the server cannot be reached or gave no answer, or too many sessions are busy.
        """
        key = _Key(target, conversation_id)
        session = self._sessions.pop(key, None)
        if session is None or not session.is_usable:
            self._make_room()
            session = Session(target, on_end=self._forget)
            self._alive.add(session)
        self._sessions[key] = session
        return await session.call(name, arguments)

    async def close(self) -> None:
        """Cancel all calls and end all sessions; wait at most ``_CLOSE_SECONDS``."""
        tasks = [session.task for session in self._alive]
        for session in self._alive:
            session.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=_CLOSE_SECONDS)

    def _make_room(self) -> None:
        """End the least recently used idle session if ``MOST_SESSIONS`` are open.

        Raises:
            ToolError: none of them is idle.
        """
        # Sessions that take no more calls do not count: they end within seconds.
        usable = [session for session in self._sessions.values() if session.is_usable]
        if len(usable) < MOST_SESSIONS:
            return
        idle = next((session for session in usable if session.is_idle), None)
        if idle is None:
            raise ToolError("Too many MCP servers are at work here. Try again later.")
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
    """Import the library ``mcp`` now if a server is enabled, so that the first call does not wait for it."""
    if await readers.run(McpServer.objects.filter(is_enabled=True).exists):
        await load()


async def close_all() -> None:
    """End all sessions of the running event loop, and their child processes."""
    await current().close()
