"""One session with an MCP server. One task owns it: that task opens, uses and closes the connection.

Any task of the event loop may call a tool: the call is queued, and the owner executes queued calls
concurrently. A cancelled call is cancelled at the server too. The session then takes no new calls, because
the server may be in a bad state; the session and the server's process end after the calls in progress.
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
from runs.toolbox.mcp.connection import Diagnostics, connect
from runs.toolbox.mcp.messages import RAW
from runs.toolbox.mcp.target import McpEndpoint
from runs.toolbox.tool import ProgressNote, ToolError

if TYPE_CHECKING:
    from mcp import Client

logger = logging.getLogger("runnel.mcp")

#: Seconds for which a session stays open without a call. Starting a server again takes a second or more.
IDLE_SECONDS = 60.0
#: Seconds to close the connection; the library has its own limit for ending the process.
_CLOSE_SECONDS = 3.0


class SessionExpired(ToolError):  # noqa: N818 - it names what happened
    """The server no longer knows the session. It has not executed the call."""


@dataclass(eq=False, slots=True)
class _Call:
    name: str
    arguments: Json
    #: The server's own result, of whatever form.
    answer: "asyncio.Future[Any]"
    #: Called with the server's notes about the progress of the call.
    note_progress: ProgressNote
    #: Whether the call was handed to the connection, so that it may take effect.
    was_sent: bool = False
    #: Cancelled when the caller is cancelled.
    scope: anyio.CancelScope = field(default_factory=anyio.CancelScope)


class Session:
    """A session with one MCP server; creating the object begins to open it."""

    def __init__(self, target: McpEndpoint, *, on_end: Callable[["Session"], None]) -> None:
        """Begin to open a session with ``target``; ``on_end`` is called after the session has ended."""
        self._target = target
        self._diagnostics = Diagnostics()
        self._scope = anyio.CancelScope()
        self._is_open = False
        #: The calls to execute; ``None`` only wakes the owner.
        self._queue: asyncio.Queue[_Call | None] = asyncio.Queue()
        self._unanswered: set[_Call] = set()
        #: Whether the session takes new calls.
        self.is_usable = True
        self.task = spawn(self._own(), name=f"MCP server {target.name}", is_shared=True)
        self.task.add_done_callback(lambda _: on_end(self))

    @property
    def is_idle(self) -> bool:
        """Whether no call is waiting or in progress."""
        return not self._unanswered

    async def call(self, name: str, arguments: Json, note_progress: ProgressNote) -> Any:
        """Call a tool and return the server's own result, unchecked. May be cancelled at any time.

        Raises:
            SessionExpired: the call must be repeated in a new session.
            ToolError: the connection or the call failed; the message is for the model.
        """
        call = _Call(name, arguments, asyncio.get_running_loop().create_future(), note_progress)
        self._unanswered.add(call)
        self._queue.put_nowait(call)
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
        """Take no new calls, and end after the last call in progress."""
        self.is_usable = False
        self._queue.put_nowait(None)

    def cancel(self) -> None:
        """Cancel all calls and end."""
        for call in self._unanswered:
            call.scope.cancel()
        self.retire()
        if not self._is_open:
            self._scope.cancel()

    async def _own(self) -> None:
        failure: Exception | None = None
        sentence = f"The MCP server {self._target.name} was stopped."
        self._scope.deadline = anyio.current_time() + self._target.timeout
        try:
            with self._scope:
                async with connect(self._target, on_end=self.retire, diagnostics=self._diagnostics) as client:
                    self._is_open = True
                    self._scope.deadline = float("inf")
                    try:
                        await self._serve(client)
                    finally:
                        # A call that comes while the connection is closed needs another session.
                        self.is_usable = False
                    self._scope.deadline = anyio.current_time() + _CLOSE_SECONDS
            if not self._is_open and self._scope.deadline <= anyio.current_time():
                sentence = errors.no_answer(self._target)
        except Exception as error:  # noqa: BLE001 - every call in progress needs a sentence
            failure = error
            sentence = errors.sentence(self._target, error)
            logger.warning("%s %s", sentence, self._diagnostics.tail)
        finally:
            self.is_usable = False
            for call in self._unanswered:
                if not call.answer.done():
                    call.answer.set_exception(ToolError(self._why_unanswered(call, failure) or sentence))

    def _why_unanswered(self, call: _Call, failure: Exception | None) -> str | None:
        """Return the sentence for a call that was sent before ``failure``; ``None`` for any other."""
        if failure is None or not call.was_sent:
            return None
        return errors.sentence(self._target, failure, was_sent=True)

    async def _serve(self, client: "Client") -> None:
        """Execute calls until the session is retired or was idle for ``IDLE_SECONDS``."""
        in_progress = 0

        async def execute(call: _Call) -> None:
            nonlocal in_progress
            try:
                with call.scope:
                    await self._execute(client, call)
            finally:
                in_progress -= 1
                self._queue.put_nowait(None)

        async with anyio.create_task_group() as group:
            while self.is_usable or in_progress or not self._queue.empty():
                call = None
                with anyio.move_on_after(
                    None if in_progress or not self.is_usable else IDLE_SECONDS
                ) as waiting:
                    call = await self._queue.get()
                if call is not None:
                    in_progress += 1
                    group.start_soon(execute, call)
                elif waiting.cancelled_caught and self._queue.empty():
                    self.is_usable = False

    async def _execute(self, client: "Client", call: _Call) -> None:
        async def note_progress(progress: float, total: float | None, message: str | None) -> None:
            call.note_progress(progress, total, message or "")

        call.was_sent = True
        try:
            answer = await client.call_tool(call.name, call.arguments, progress_callback=note_progress)
        except Exception as error:  # noqa: BLE001 - it becomes the call's answer
            is_expired = errors.is_expired(error)
            if is_expired or errors.ends_session(error):
                self.retire()
            failure = SessionExpired if is_expired else ToolError
            if not call.answer.done():
                call.answer.set_exception(failure(errors.sentence(self._target, error, was_sent=True)))
        else:
            if not call.answer.done():
                call.answer.set_result((answer.meta or {}).get(RAW))
