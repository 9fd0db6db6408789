"""Executes the calls of a step concurrently, each with its own time limit, until all are answered.

A call gets an error as its answer if it fails, exceeds its time limit or returns a value that JSON cannot
hold; the other calls continue. When the run stops, async tools are cancelled. A sync tool cannot be
cancelled: it is abandoned on its thread, and its late result is noted and discarded. This module writes
neither to the database nor to the log.
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
from django.utils import timezone

from concurrency.log_context import fresh_context
from concurrency.tasks import spawn
from providers.errors.stop_signal import RunCancelled, StopSignal, wait_for
from providers.text.cleaning import clean
from runs.calls.outcomes import DENIED_BEFOREHAND, CallOutcome, NotExecuted, text_of
from runs.calls.planning import CLIENT, PlannedCall
from runs.calls.progress import Progress, ProgressNotes
from runs.models.tool_call import ToolCallStatus
from runs.telemetry import spans
from runs.toolbox.binding import why_not_readable
from runs.toolbox.tool import Tool, ToolAnswer, ToolContext, ToolError

#: Seconds that a cancelled async tool has to clean up before it is abandoned.
GRACE = 0.5
#: Characters of a traceback that are kept: the last ones.
_TRACEBACK_CHARS = 8_000

#: Threads that sync tools may hold at the same time in this process, abandoned tools included.
MAX_THREADS = 64
_free_threads = threading.BoundedSemaphore(MAX_THREADS)

#: Called about an abandoned tool, with the id of its call and a sentence for an admin.
type AbandonedNote = Callable[[UUID, str], None]


@dataclass(frozen=True, kw_only=True, slots=True)
class RunContext:
    """The user, conversation and run that calls are executed for."""

    user_id: int
    conversation_id: UUID
    run_id: UUID


async def execute(
    calls: Iterable[PlannedCall],
    run_context: RunContext,
    *,
    cancel: StopSignal,
    why: Callable[[], NotExecuted],
    note_abandoned: AbandonedNote,
    tell_progress: Callable[[Progress], None] = lambda _: None,
) -> AsyncGenerator[CallOutcome]:
    """Yield each call's answer as it arrives. When ``cancel`` is set, yield the remaining answers at once.

    Args:
        calls: the calls to execute.
        run_context: the user, conversation and run, for the tools.
        cancel: the run's stop signal.
        why: returns the reason of the stop. It is called only after ``cancel`` is set.
        note_abandoned: called when an abandoned tool reaches its time limit, and when it ends.
        tell_progress: called on the event loop with notes about the progress of calls.
    """
    tasks = {
        spawn(_told(call, tell_progress, run_context, cancel, why, note_abandoned), name=f"tool {call.name}")
        for call in calls
    }
    try:
        for done in asyncio.as_completed(tasks):
            yield await done
    finally:
        for task in tasks:
            task.cancel()


async def _told(
    call: PlannedCall,
    tell_progress: Callable[[Progress], None],
    run_context: RunContext,
    *surroundings: Any,
) -> CallOutcome:
    """Return the answer to a call. After it, viewers get no more notes about its progress."""
    notes, began_at = ProgressNotes(call.call_id, tell_progress), timezone.now()
    try:
        outcome = await _answer(replace(call, is_edited=False), notes, run_context, *surroundings)
    finally:
        notes.close()
    spans.add_tool(
        run_context.run_id,
        name=call.name,
        call_id=call.call_id,
        arguments=call.arguments,
        result=outcome.content,
        is_error=outcome.is_error,
        status=outcome.status.value,
        began_at=began_at,
    )
    return call.told_of_edit(outcome)


async def _answer(
    call: PlannedCall,
    notes: ProgressNotes,
    run_context: RunContext,
    cancel: StopSignal,
    why: Callable[[], NotExecuted],
    note_abandoned: AbandonedNote,
) -> CallOutcome:
    if call.is_denied:
        return _answered(call, ToolCallStatus.DENIED, DENIED_BEFOREHAND)
    tool = call.tool
    if tool is None:
        unreadable = why_not_readable(call.arguments) if call.source == CLIENT else None
        return _failed(call, unreadable or f"There is no tool named {call.name!r}.")
    context = ToolContext(
        user_id=run_context.user_id,
        conversation_id=run_context.conversation_id,
        run_id=run_context.run_id,
        call_id=call.id,
        is_approved=call.is_approved,
        note_progress=notes.take,
    )
    work = _bind(call, tool, context)
    if isinstance(work, CallOutcome):
        return work
    # From here on the call may take effect.
    call = replace(call, status=ToolCallStatus.RUNNING)
    started_at = time.monotonic()
    doing: asyncio.Future[Any]
    if tool.is_async:
        doing = spawn(_run_async(work), name=f"call {call.name}")
    elif (on_thread := _run_on_thread(work, call.name)) is not None:
        doing = on_thread
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
        _note_late_end(doing, call, note_abandoned, left=tool.timeout - (time.monotonic() - started_at))
    elif stopped.status is ToolCallStatus.INTERRUPTED and not doing.cancelled():
        # The tool ended within the grace period, so its result replaces "may have taken effect".
        return _outcome(call, doing.result())
    return stopped


def _bind(call: PlannedCall, tool: Tool, context: ToolContext) -> Callable[[], Any] | CallOutcome:
    """Return a function that executes the call, or the call's answer if it must not be executed."""
    try:
        work = tool.bind(call.arguments, context)
    except ToolError as error:
        return _failed(call, str(error))
    except Exception as error:  # noqa: BLE001 - a tool that cannot be bound is a tool that failed
        return _crashed(call, _Raised.of(error))
    if (call.requires_approval or tool.requires_approval) and not call.is_approved:
        # The plan required no approval. The tool has changed while the call was held.
        return _failed(call, f"{call.name} has changed, and nobody was asked about this call. Call it again.")
    return work


@dataclass(frozen=True, slots=True)
class _Raised:
    """An exception of a tool, as text.

    The exception object itself is not kept. Its traceback refers to frames, and a frame that holds the
    exception closes a reference cycle. That cycle would keep the tool's local variables in memory.
    """

    name: str
    traceback: str
    #: The message of a ``ToolError``; ``None`` for any other exception.
    message: str | None = None

    @classmethod
    def of(cls, error: BaseException) -> "_Raised":
        """Return ``error`` as text."""
        text = clean("".join(traceback.format_exception(error)))[-_TRACEBACK_CHARS:]
        message = None
        if isinstance(error, ToolError):
            with contextlib.suppress(Exception):
                message = str(error)
        return cls(type(error).__name__, text, message)


async def _run_async(work: Callable[[], Any]) -> Any:
    try:
        return await work()
    except (Exception, SystemExit) as error:  # noqa: BLE001 - it becomes the call's answer
        return _Raised.of(error)


def _result_of(doing: asyncio.Future[Any]) -> Any:
    """Return the task's result. A task that cancelled itself counts as a tool error."""
    return _Raised.of(asyncio.CancelledError()) if doing.cancelled() else doing.result()


def _run_on_thread(work: Callable[[], Any], name: str) -> asyncio.Future[Any] | None:
    """Run ``work`` on a thread of its own, so that it delays neither other tools nor the server's end.

    Return a future for its result; ``None`` when ``MAX_THREADS`` are in use or the system has no thread left.
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
        # The loop is closed if the server ended before the tool.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(settle, value)

    try:
        threading.Thread(target=fresh_context().run, args=(run,), name=f"tool {name}", daemon=True).start()
    except RuntimeError:
        _free_threads.release()
        return None
    return answer


def _note_late_end(
    doing: asyncio.Future[Any], call: PlannedCall, note_abandoned: AbandonedNote, *, left: float
) -> None:
    """Note how an abandoned call ends. ``left`` is the rest of its time limit, in seconds."""
    abandoned_at = time.monotonic()

    def note_time_limit() -> None:
        note_abandoned(call.id, "Still at work when its time was up: abandoned.")

    def note_discarded(_: object) -> None:
        timer.cancel()
        seconds = time.monotonic() - abandoned_at
        note_abandoned(call.id, f"Its result came {seconds:.1f} s too late and was discarded.")

    timer = asyncio.get_running_loop().call_later(max(left, 0.0), note_time_limit)
    doing.add_done_callback(note_discarded)


def _outcome(call: PlannedCall, value: Any) -> CallOutcome:
    match value:
        case _Raised(message=str() as message):
            return _failed(call, message)
        case _Raised() as raised:
            return _crashed(call, raised)
    answer = value if isinstance(value, ToolAnswer) else None
    try:
        content = text_of(answer.text if answer else value, most=settings.RUNNEL_TOOL_RESULT_CHARS)
    except Exception as error:  # noqa: BLE001 - a tool's return value must not fail the run
        return _crashed(call, _Raised.of(error))
    outcome = _answered(call, ToolCallStatus.SUCCEEDED, content, is_error=False)
    return replace(outcome, produced=answer.files) if answer else outcome


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
    """Return the answer after an error of the tool: its type for the model, the traceback for an admin."""
    return _failed(call, f"The tool {call.name} failed ({raised.name}).", note=raised.traceback)


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
