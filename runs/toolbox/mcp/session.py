"""One open session with an MCP server, owned by one task from its begin to its end.

Calls come from any task of the loop; they are handed to the owner, which executes them at the same time. A call
that is cancelled is cancelled at the server too, and the session takes no further ones: whether that server can
still be relied on nobody knows. It ends when those that are under way have ended, and the process with it.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import anyio

from concurrency.tasks import spawn
from providers.types import Json
from runs.toolbox.mcp import errors
from runs.toolbox.mcp.connection import Aside, connect
from runs.toolbox.mcp.target import McpEndpoint
from runs.toolbox.tool import ToolError

if TYPE_CHECKING:
    from mcp import Client
    from mcp.types import CallToolResult

logger = logging.getLogger("runnel.mcp")

#: Seconds that a session is kept without a call. Starting a server again takes a second or more.
IDLE_SECONDS = 60.0
#: Seconds for the farewell; then it is cut short. Ending a process has its own seconds.
_FAREWELL_SECONDS = 3.0


@dataclass(eq=False, slots=True)
class _Call:
    name: str
    arguments: Json
    answer: "asyncio.Future[CallToolResult]"
    #: Cancelled when nobody waits for the answer any more.
    scope: anyio.CancelScope = field(default_factory=anyio.CancelScope)


class Session:
    """A session; it opens by itself when it is made."""

    def __init__(self, target: McpEndpoint, *, on_end: Callable[["Session"], None]) -> None:
        """Begin to open a session with ``target``; ``on_end`` is called when nothing of it is left."""
        self._target = target
        self._aside = Aside()
        self._scope = anyio.CancelScope()
        self._is_open = False
        #: The calls that are due; ``None`` only wakes the owner.
        self._due: asyncio.Queue[_Call | None] = asyncio.Queue()
        self._unanswered: set[_Call] = set()
        #: Whether it still takes calls.
        self.is_usable = True
        self.task = spawn(self._own(), name=f"MCP server {target.name}", is_shared=True)
        self.task.add_done_callback(lambda _: on_end(self))

    @property
    def is_idle(self) -> bool:
        """Whether nobody waits for it."""
        return not self._unanswered

    async def call(self, name: str, arguments: Json) -> "CallToolResult":
        """Return the server's answer; raise ``ToolError`` when there is none. May be cancelled at any time."""
        call = _Call(name, arguments, asyncio.get_running_loop().create_future())
        self._unanswered.add(call)
        self._due.put_nowait(call)
        try:
            return await call.answer
        except asyncio.CancelledError:
            call.scope.cancel()
            self.retire()
            raise
        finally:
            self._unanswered.discard(call)
            if not self._is_open and self.is_idle:
                self._scope.cancel()

    def retire(self) -> None:
        """Take no more calls; end when the last one has."""
        self.is_usable = False
        self._due.put_nowait(None)

    def abandon(self) -> None:
        """Cancel what is under way and end."""
        for call in self._unanswered:
            call.scope.cancel()
        self.retire()
        if not self._is_open:
            self._scope.cancel()

    async def _own(self) -> None:
        sentence = f"The MCP server {self._target.name} was stopped."
        self._scope.deadline = anyio.current_time() + self._target.patience
        try:
            with self._scope:
                async with connect(self._target, on_end=self.retire, aside=self._aside) as client:
                    self._is_open = True
                    self._scope.deadline = float("inf")
                    await self._serve(client)
                    self._scope.deadline = anyio.current_time() + _FAREWELL_SECONDS
            if not self._is_open and self._scope.deadline <= anyio.current_time():
                sentence = errors.silent(self._target)
        except Exception as error:  # noqa: BLE001 - whatever the library raises, somebody waits for a sentence
            sentence = errors.sentence(self._target, error)
            logger.warning("%s %s", sentence, self._aside.tail)
        finally:
            self.is_usable = False
            for call in self._unanswered:
                if not call.answer.done():
                    call.answer.set_exception(ToolError(sentence))

    async def _serve(self, client: "Client") -> None:
        """Execute calls until the session is retired or nobody has called for a while."""
        under_way = 0

        async def execute(call: _Call) -> None:
            nonlocal under_way
            try:
                with call.scope:
                    await self._execute(client, call)
            finally:
                under_way -= 1
                self._due.put_nowait(None)

        async with anyio.create_task_group() as group:
            while self.is_usable or under_way or not self._due.empty():
                call = None
                with anyio.move_on_after(
                    None if under_way or not self.is_usable else IDLE_SECONDS
                ) as waiting:
                    call = await self._due.get()
                if call is not None:
                    under_way += 1
                    group.start_soon(execute, call)
                elif waiting.cancelled_caught and self._due.empty():
                    self.is_usable = False

    async def _execute(self, client: "Client", call: _Call) -> None:
        try:
            answer: Any = await client.call_tool(call.name, call.arguments)
        except Exception as error:  # noqa: BLE001 - it becomes the call's answer
            if not errors.is_about_the_call(error):
                self.retire()
            if not call.answer.done():
                call.answer.set_exception(ToolError(errors.sentence(self._target, error)))
        else:
            if not call.answer.done():
                call.answer.set_result(answer)
