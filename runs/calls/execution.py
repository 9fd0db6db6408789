"""Executes the calls of a step concurrently, each with its own time limit, until all are answered or the run stops.

A call that fails, takes too long or returns nonsense is answered with an error and spoils no other. When the
run is cancelled async tools are cancelled; a sync one cannot be, so it is left behind on its thread, and what it
returns later is noted and discarded. Knows no database and no log.
"""

import asyncio
import contextlib
import threading
import time
import traceback
from collections.abc import AsyncGenerator, Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connections

from concurrency.log_context import fresh_context
from concurrency.tasks import spawn
from providers.errors.cancellation import RunCancelled, StopSignal, wait_for
from providers.text import clean
from runs.calls.outcomes import CallOutcome, NotExecuted, text_of
from runs.calls.planning import PlannedCall
from runs.models.tool_call import ToolCallStatus
from runs.toolbox.tool import Tool, ToolContext, ToolError

#: Seconds that a cancelled async tool has to clean up before it is left behind.
GRACE = 0.5
#: Characters of a traceback that are kept.
_STORY = 8_000

#: Threads that sync tools may hold at the same time in this process, those that were left behind included.
MAX_THREADS = 64
_free_threads = threading.BoundedSemaphore(MAX_THREADS)

#: Hears of what a tool that was left behind did in the end: its call's id, and a sentence for an admin.
type LateNote = Callable[[UUID, str], None]


@dataclass(frozen=True, kw_only=True, slots=True)
class RunContext:
    """The user, conversation and run that calls are executed for."""

    user_id: int
    conversation_id: UUID
    run_id: UUID


async def execute(
    calls: Iterable[PlannedCall],
    whom: RunContext,
    *,
    cancel: StopSignal,
    why: Callable[[], NotExecuted],
    late: LateNote,
) -> AsyncGenerator[CallOutcome]:
    """Yield the answer to every call as it arrives. When ``cancel`` is set, yield the remaining answers at once.

    ``why`` tells then what the run was stopped for.
    """
    tasks = {spawn(_answer(call, whom, cancel, why, late), name=f"tool {call.name}") for call in calls}
    try:
        for done in asyncio.as_completed(tasks):
            yield await done
    finally:
        for task in tasks:
            task.cancel()


async def _answer(
    call: PlannedCall, whom: RunContext, cancel: StopSignal, why: Callable[[], NotExecuted], late: LateNote
) -> CallOutcome:
    tool = call.tool
    if tool is None:
        return _failed(call, f"There is no tool named {call.name!r}.")
    context = ToolContext(
        user_id=whom.user_id, conversation_id=whom.conversation_id, run_id=whom.run_id, call_id=call.id
    )
    work = _work(call, tool, context)
    if isinstance(work, CallOutcome):
        return work
    # From here on it may take effect.
    call = replace(call, status=ToolCallStatus.RUNNING)
    started_at = time.monotonic()
    doing: asyncio.Future[Any]
    if tool.is_async:
        doing = spawn(_result(work), name=f"call {call.name}")
    elif (begun := _on_thread(work, call.name)) is not None:
        doing = begun
    else:
        return _failed(call, "The server is busy with other tools. Try again later.")
    try:
        if await wait_for(doing, cancel=cancel, seconds=tool.timeout):
            return _outcome(call, _result_of(doing))
        stopped = _timed_out(call, tool.timeout)
    except RunCancelled:
        stopped = call.unanswered(why())
    finally:
        context.cancelled.set()
        if tool.is_async:
            doing.cancel()
    if tool.is_async:
        await asyncio.wait({doing}, timeout=GRACE)
    if not doing.done():
        _watch(doing, call, late, left=tool.timeout - (time.monotonic() - started_at))
    elif stopped.status is ToolCallStatus.INTERRUPTED and not doing.cancelled():
        # It came to its end all the same: better known than guessed.
        return _outcome(call, doing.result())
    return stopped


def _work(call: PlannedCall, tool: Tool, context: ToolContext) -> Callable[[], Any] | CallOutcome:
    """Return a function that executes the call, or the call's answer if it must not be executed."""
    try:
        work = tool.bind(call.arguments, context)
    except ToolError as error:
        return _failed(call, str(error))
    except Exception as error:  # noqa: BLE001 - a tool that cannot be bound is a tool that failed
        return _crashed(call, _Raised.of(error))
    if (call.requires_approval or tool.requires_approval) and not call.is_approved:
        # Planned as one about which nobody need be asked: while it waited for its siblings the tool has changed.
        return _failed(call, f"{call.name} has changed, and nobody was asked about this call. Call it again.")
    return work


@dataclass(frozen=True, slots=True)
class _Raised:
    """An exception of a tool, in words.

    In words: an exception leads to the frames that it came through, and these to whoever keeps it. Such a ring
    would keep all that the tool had in its hands.
    """

    name: str
    story: str
    #: What a ``ToolError`` says.
    said: str | None = None

    @classmethod
    def of(cls, error: BaseException) -> "_Raised":
        """Return ``error`` in words."""
        story = clean("".join(traceback.format_exception(error)))[-_STORY:]
        said = None
        if isinstance(error, ToolError):
            with contextlib.suppress(Exception):
                said = str(error)
        return cls(type(error).__name__, story, said)


async def _result(work: Callable[[], Any]) -> Any:
    try:
        return await work()
    except (Exception, SystemExit) as error:  # noqa: BLE001 - it becomes the call's answer
        return _Raised.of(error)


def _result_of(doing: asyncio.Future[Any]) -> Any:
    """Return the task's result. A task that cancelled itself counts as a tool error."""
    return _Raised.of(asyncio.CancelledError()) if doing.cancelled() else doing.result()


def _on_thread(work: Callable[[], Any], name: str) -> asyncio.Future[Any] | None:
    """Run ``work`` on a thread of its own, so that it delays neither other tools nor the server's end.

    ``None`` when there is none left, of ours or of the system's.
    """
    if not _free_threads.acquire(blocking=False):
        return None
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[Any] = loop.create_future()

    def settle(value: Any) -> None:
        if not answer.done():
            answer.set_result(value)

    def run() -> None:
        try:
            value = work()
        except BaseException as error:  # noqa: BLE001 - it becomes the call's answer
            value = _Raised.of(error)
        finally:
            connections.close_all()
            _free_threads.release()
        # Nobody waits any more when the loop has ended meanwhile.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(settle, value)

    try:
        threading.Thread(target=fresh_context().run, args=(run,), name=f"tool {name}", daemon=True).start()
    except RuntimeError:
        _free_threads.release()
        return None
    return answer


def _watch(doing: asyncio.Future[Any], call: PlannedCall, late: LateNote, *, left: float) -> None:
    """Note how an abandoned call ends. ``left`` is the rest of its time limit, in seconds."""
    left_at = time.monotonic()

    def time_is_up() -> None:
        late(call.id, "Still at work when its time was up: abandoned.")

    def came(_: object) -> None:
        timer.cancel()
        late(call.id, f"Its result came {time.monotonic() - left_at:.1f} s too late and was discarded.")

    timer = asyncio.get_running_loop().call_later(max(left, 0.0), time_is_up)
    doing.add_done_callback(came)


def _outcome(call: PlannedCall, value: Any) -> CallOutcome:
    match value:
        case _Raised(said=str() as said):
            return _failed(call, said)
        case _Raised() as raised:
            return _crashed(call, raised)
    try:
        content = text_of(value, most=settings.RUNNEL_TOOL_RESULT_CHARS)
    except Exception as error:  # noqa: BLE001 - whatever a tool returns must not fail the run
        return _crashed(call, _Raised.of(error))
    return _answered(call, ToolCallStatus.SUCCEEDED, content, is_error=False)


def _failed(call: PlannedCall, sentence: str, *, note: str = "") -> CallOutcome:
    most = settings.RUNNEL_TOOL_RESULT_CHARS
    return _answered(call, ToolCallStatus.FAILED, text_of(sentence, most=most), note=note)


def _timed_out(call: PlannedCall, seconds: float) -> CallOutcome:
    sentence = (
        f"The tool {call.name} took longer than the {seconds:g} seconds that it may take, and was stopped. "
        "It may have taken effect all the same."
    )
    return _answered(call, ToolCallStatus.TIMED_OUT, sentence)


def _crashed(call: PlannedCall, raised: _Raised) -> CallOutcome:
    """Return the answer to a call whose tool raised an error. The model reads its type, an admin the traceback."""
    return _failed(call, f"The tool {call.name} failed ({raised.name}).", note=raised.story)


def _answered(
    call: PlannedCall, status: ToolCallStatus, content: str, *, is_error: bool = True, note: str = ""
) -> CallOutcome:
    return CallOutcome(
        id=call.id,
        call_id=call.call_id,
        name=call.name,
        status=status,
        content=content,
        is_error=is_error,
        note=note,
    )
