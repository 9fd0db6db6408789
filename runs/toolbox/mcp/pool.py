"""The sessions of one event loop: one for each server and conversation, so that nobody meets another's state."""

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

#: Sessions that are open at the same time in this process; a process of 60 MB may be behind each.
MOST_SESSIONS = 32
#: Seconds that sessions have to end when the server stops: a process that hears of nothing takes five.
_PATIENCE = 10.0


@dataclass(frozen=True, slots=True)
class _Key:
    # With all that it is reached by: a server that was changed gets another session.
    target: McpEndpoint
    conversation_id: UUID


class Pool:
    """Every session of a loop, those included that are about to end."""

    def __init__(self) -> None:
        #: In the order of their last use.
        self._sessions: dict[_Key, Session] = {}
        self._alive: set[Session] = set()

    async def call(
        self, target: McpEndpoint, conversation_id: UUID, name: str, arguments: Json
    ) -> "CallToolResult":
        """Call a tool over the conversation's session with ``target``. Raises ``ToolError``."""
        key = _Key(target, conversation_id)
        session = self._sessions.pop(key, None)
        if session is None or not session.is_usable:
            self._make_room()
            session = Session(target, on_end=self._forget)
            self._alive.add(session)
        self._sessions[key] = session
        return await session.call(name, arguments)

    async def close(self) -> None:
        """End all sessions, with what is under way in them."""
        tasks = [session.task for session in self._alive]
        for session in self._alive:
            session.abandon()
        if tasks:
            await asyncio.wait(tasks, timeout=_PATIENCE)

    def _make_room(self) -> None:
        """End the session that was not used for longest, if there are too many."""
        # Not those that are about to end: that is a matter of seconds.
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
    """Return the running loop's sessions."""
    return _of_this_loop.get()


async def warm_up() -> None:
    """Make the first session as quick as the later ones, where there is a server: no stream runs yet."""
    if await readers.run(McpServer.objects.filter(is_enabled=True).exists):
        await load()


async def close_all() -> None:
    """End every session of the running loop, and every process behind one."""
    await current().close()
