"""Executing a step's calls: at the same time, each within its time, none spoiling another."""

import asyncio
import gc
import threading
import time
import weakref
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from uuid6 import uuid7

from providers.errors.stop_signal import StopSignal
from runs.calls import execution
from runs.calls.execution import RunContext
from runs.calls.outcomes import CallOutcome, NotExecuted
from runs.calls.planning import PlannedCall
from runs.models.tool_call import ToolCallStatus
from runs.toolbox import ToolContext, ToolError
from runs.toolbox.tool import Tool

RUN_CONTEXT = RunContext(user_id=7, conversation_id=UUID(int=1), run_id=UUID(int=2))
STUCK = 10.0

type Body = Callable[[ToolContext], Any]


def call(body: Body, *, name: str = "tool", is_async: bool = True, **fields: Any) -> PlannedCall:
    tool = Tool(
        name=name,
        description="",
        parameters={},
        source="app",
        bind=lambda arguments, context: lambda: body(context),
        is_async=is_async,
        **fields,
    )
    return PlannedCall(id=uuid7(), call_id=name, name=name, arguments="{}", position=1, tool=tool)


class Doing:
    """Calls under way, what has come of them, and what came too late."""

    def __init__(self, *calls: PlannedCall, why: NotExecuted = NotExecuted.CANCELLED) -> None:
        self.cancel = StopSignal()
        self.outcomes: list[CallOutcome] = []
        self.late: list[tuple[UUID, str]] = []
        self._task = asyncio.create_task(self._run(calls, why))

    async def _run(self, calls: Iterable[PlannedCall], why: NotExecuted) -> None:
        async for outcome in execution.execute(
            calls,
            RUN_CONTEXT,
            cancel=self.cancel,
            why=lambda: why,
            note_abandoned=lambda call_id, note: self.late.append((call_id, note)),
        ):
            self.outcomes.append(outcome)

    async def done(self) -> list[CallOutcome]:
        await asyncio.wait_for(self._task, STUCK)
        return self.outcomes


async def answer_of(planned: PlannedCall) -> CallOutcome:
    (outcome,) = await Doing(planned).done()
    return outcome


async def at_once(_: ToolContext) -> str:
    return "at once"


async def for_ever(_: ToolContext) -> None:
    await asyncio.Event().wait()


async def test_calls_run_at_the_same_time() -> None:
    together = asyncio.Barrier(3)

    async def meet(_: ToolContext) -> str:
        async with asyncio.timeout(STUCK):
            await together.wait()
        return "met"

    outcomes = await Doing(*(call(meet) for _ in range(3))).done()
    assert [outcome.content for outcome in outcomes] == ["met"] * 3


async def test_sync_tools_run_at_the_same_time_on_threads_of_their_own() -> None:
    together = threading.Barrier(3)

    def meet(_: ToolContext) -> str:
        together.wait(STUCK)
        return threading.current_thread().name

    outcomes = await Doing(*(call(meet, is_async=False) for _ in range(3))).done()
    assert [outcome.content for outcome in outcomes] == ["tool tool"] * 3


async def test_one_that_fails_or_takes_too_long_spoils_no_other() -> None:
    async def broken(_: ToolContext) -> None:
        raise LookupError("the key is sk-secret")

    async def refuses(_: ToolContext) -> None:
        raise ToolError("There is no such city.")

    planned = [call(broken), call(refuses), call(for_ever, timeout=0.02), call(at_once)]
    by_id = {outcome.id: outcome for outcome in await Doing(*planned).done()}
    outcomes = [by_id[item.id] for item in planned]
    assert [outcome.status.value for outcome in outcomes] == ["failed", "failed", "timed_out", "succeeded"]
    assert [outcome.is_error for outcome in outcomes] == [True, True, True, False]
    assert outcomes[0].content == "The tool tool failed (LookupError)."
    assert "sk-secret" in outcomes[0].note
    assert outcomes[1].content == "There is no such city."
    assert "0.02 seconds" in outcomes[2].content


@pytest.mark.parametrize(
    ("value", "content"),
    [
        ("words", "words"),
        ("", ""),
        (None, "Done."),
        ({"a": [1, True, None]}, '{"a":[1,true,null]}'),
        ("NUL \x00 and half \ud800", "NUL � and half �"),
        (float("nan"), "NaN"),
    ],
)
async def test_what_a_tool_returns_becomes_text(value: Any, content: str) -> None:
    async def give(_: ToolContext) -> Any:
        return value

    assert (await answer_of(call(give))).content == content


async def test_a_very_long_result_is_cut_and_says_so(settings: Any) -> None:
    settings.RUNNEL_TOOL_RESULT_CHARS = 1_000

    async def give(_: ToolContext) -> str:
        return "x" * 10_000_000

    content = (await answer_of(call(give))).content
    assert content.startswith("x" * 1_000 + "\n[Cut")
    assert "10,000,000" in content
    assert len(content) < 1_100


async def test_what_has_no_text_is_a_failure() -> None:
    async def give(_: ToolContext) -> object:
        return object()

    outcome = await answer_of(call(give))
    assert (outcome.status, outcome.is_error) == (ToolCallStatus.FAILED, True)


async def test_a_call_that_nobody_can_execute_is_answered() -> None:
    unknown = PlannedCall(id=uuid7(), call_id="c", name="fly", arguments="{}", position=1)
    outcome = await answer_of(unknown)
    assert (outcome.status, outcome.content) == (ToolCallStatus.FAILED, "There is no tool named 'fly'.")


async def test_a_tool_learns_for_whom_it_works() -> None:
    async def tell(context: ToolContext) -> str:
        return f"{context.user_id} {context.conversation_id} {context.run_id} {context.call_id}"

    planned = call(tell)
    expected = f"7 {RUN_CONTEXT.conversation_id} {RUN_CONTEXT.run_id} {planned.id}"
    assert (await answer_of(planned)).content == expected


async def test_a_cancel_stops_an_async_tool() -> None:
    cleaned = asyncio.Event()
    begun = asyncio.Event()

    async def work(_: ToolContext) -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            cleaned.set()

    doing = Doing(call(work), call(for_ever))
    await asyncio.wait_for(begun.wait(), STUCK)
    doing.cancel.set()
    outcomes = await doing.done()
    assert [outcome.status for outcome in outcomes] == [ToolCallStatus.INTERRUPTED] * 2
    assert "may have taken effect" in outcomes[0].content
    assert cleaned.is_set()


async def test_a_tool_that_ends_in_time_while_it_is_cancelled_keeps_its_result() -> None:
    begun = asyncio.Event()

    async def work(_: ToolContext) -> str:
        begun.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            return "three of five rows written"
        return ""

    doing = Doing(call(work))
    await asyncio.wait_for(begun.wait(), STUCK)
    doing.cancel.set()
    (outcome,) = await doing.done()
    assert (outcome.status, outcome.content) == (ToolCallStatus.SUCCEEDED, "three of five rows written")


async def test_a_sync_tool_is_left_behind_at_once_and_its_late_result_noted() -> None:
    begun, may_end = threading.Event(), threading.Event()
    seen = []

    def work(context: ToolContext) -> str:
        begun.set()
        may_end.wait(STUCK)
        seen.append(context.cancelled.is_set())
        return "too late"

    planned = call(work, is_async=False, timeout=0.2)
    doing = Doing(planned)
    await asyncio.to_thread(begun.wait, STUCK)
    doing.cancel.set()
    before = time.monotonic()
    (outcome,) = await doing.done()
    assert time.monotonic() - before < STUCK / 2
    assert outcome.status is ToolCallStatus.INTERRUPTED
    await until(lambda: len(doing.late) == 1)
    assert "abandoned" in doing.late[0][1]
    may_end.set()
    await until(lambda: len(doing.late) == 2)
    assert doing.late[1][0] == planned.id
    assert "discarded" in doing.late[1][1]
    assert seen == [True]


async def test_no_more_threads_are_taken_than_there_may_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(execution, "_free_threads", threading.BoundedSemaphore(1))
    may_end = threading.Event()

    def work(_: ToolContext) -> str:
        may_end.wait(STUCK)
        return "done"

    doing = Doing(call(work, is_async=False), call(work, is_async=False))
    await until(lambda: len(doing.outcomes) == 1)
    assert "busy" in doing.outcomes[0].content
    may_end.set()
    assert (await doing.done())[1].content == "done"


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(STUCK):
        while not condition():
            await asyncio.sleep(0.005)


@pytest.mark.parametrize("thrown", [asyncio.CancelledError, SystemExit])
async def test_a_tool_that_ends_itself_fails_alone(thrown: type[BaseException]) -> None:
    async def ends_itself(_: ToolContext) -> None:
        raise thrown

    outcomes = await Doing(call(ends_itself, name="bad"), call(at_once, name="good")).done()
    assert {outcome.name: outcome.status for outcome in outcomes} == {
        "bad": ToolCallStatus.FAILED,
        "good": ToolCallStatus.SUCCEEDED,
    }


class _Big:
    """Stands for what a tool has in its hands."""


@pytest.mark.parametrize("is_async", [True, False])
async def test_what_a_broken_tool_held_is_free_at_once(is_async: bool) -> None:
    held: list[weakref.ref[_Big]] = []

    def breaks(_: ToolContext) -> None:
        big = _Big()
        held.append(weakref.ref(big))
        raise ValueError

    async def breaks_later(context: ToolContext) -> None:
        breaks(context)

    gc.disable()
    try:
        await answer_of(call(breaks_later if is_async else breaks, is_async=is_async))
        # The thread may be at its last line still.
        await asyncio.sleep(0.1)
        assert held[0]() is None
    finally:
        gc.enable()


async def test_a_system_without_threads_is_busy(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", refuse)
        patched.setattr(execution, "_free_threads", threading.BoundedSemaphore(1))
        for _ in range(2):
            assert "busy" in (await answer_of(call(lambda _: None, is_async=False))).content
        assert execution._free_threads.acquire(blocking=False)


EDITED = '[A person changed the arguments of this call before it was executed. It was executed with: {"path":"b"}]\n'


@pytest.mark.parametrize(
    ("body", "status", "content"),
    [
        (at_once, ToolCallStatus.SUCCEEDED, f"{EDITED}at once"),
        (for_ever, ToolCallStatus.TIMED_OUT, f"{EDITED}The tool tool took longer than"),
    ],
)
async def test_the_model_is_told_which_arguments_a_person_made_of_its_own(
    body: Body, status: ToolCallStatus, content: str
) -> None:
    planned = replace(call(body, timeout=0.2), arguments='{"path":"b"}', is_approved=True, is_edited=True)
    outcome = await answer_of(planned)
    assert outcome.status is status
    assert outcome.content.startswith(content)
    assert outcome.content.count("A person changed") == 1


def test_the_model_is_told_of_edited_arguments_when_the_run_ends_during_the_call() -> None:
    planned = replace(call(at_once), arguments='{"path":"b"}', is_edited=True, status=ToolCallStatus.RUNNING)
    assert planned.unanswered(NotExecuted.CANCELLED).content.startswith(f"{EDITED}Interrupted")
