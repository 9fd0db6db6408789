"""What happens with a step's calls, decided for all of them before anything runs."""

import json
from typing import Any

import pytest

from providers.errors import LLMMalformedToolCallError
from providers.types import FinishReason, StepResult, TextPart, ToolCallPart, ToolSpec
from providers.types.usage import Usage
from runs.calls import planning
from runs.calls.offers import OfferedTools
from runs.calls.outcomes import NotExecuted, unanswered
from runs.models.tool_call import ToolCallStatus
from runs.toolbox import ToolError
from runs.toolbox.tool import Tool


def bind(arguments: str, context: object) -> Any:
    if not isinstance(json.loads(arguments or "{}"), dict):
        raise ToolError("arguments must be an object")
    return lambda: None


def tool(name: str, **fields: Any) -> Tool:
    return Tool(name=name, description="", parameters={}, source="app", bind=bind, is_async=False, **fields)


OFFER = OfferedTools(
    tools={"free": tool("free"), "gated": tool("gated", requires_approval=True)},
    client={"clients": ToolSpec(name="clients")},
)


def said(
    *names: str, reason: FinishReason | None = FinishReason.TOOL_CALLS, arguments: str = "{}"
) -> StepResult:
    calls = [
        ToolCallPart(id=f"c{number}", name=name.rstrip("…"), arguments=arguments, complete="…" not in name)
        for number, name in enumerate(names)
    ]
    return StepResult(
        parts=(TextPart(text="Well."), *calls),
        native=(),
        stop_reason=reason,
        raw_stop_reason=None,
        usage=Usage(),
        raw_usage=None,
        response_id=None,
        model=None,
        stream_was_cancelled=False,
        response={},
    )


@pytest.mark.parametrize(
    ("names", "statuses"),
    [
        (["free", "free"], ["running", "running"]),
        (["free", "gated", "free"], ["held", "pending", "held"]),
        (["clients"], ["pending"]),
        (["unknown"], ["running"]),
        (["unknown", "clients"], ["held", "pending"]),
        (["gated", "free…"], ["pending"]),
    ],
)
def test_calls_that_wait_hold_the_others(names: list[str], statuses: list[str]) -> None:
    calls = planning.plan(said(*names), OFFER)
    assert [call.status.value for call in calls] == statuses
    assert [call.call_id for call in planning.pending(calls)] == [
        call.call_id for call in calls if call.status is ToolCallStatus.PENDING
    ]


def test_nobody_is_asked_about_a_call_that_cannot_be_executed() -> None:
    (call,) = planning.plan(said("gated", arguments="[]"), OFFER)
    assert call.status is ToolCallStatus.RUNNING
    assert call.requires_approval


@pytest.mark.parametrize(
    ("result", "waits"),
    [
        (said("free"), True),
        (said("free", reason=FinishReason.END_TURN), True),
        (said("free", "free…"), False),
        (said("free", reason=FinishReason.MAX_TOKENS_EXCEEDED), False),
        (said("free", reason=None), False),
        (said(), False),
    ],
)
def test_only_a_whole_answer_waits_for_results(result: StepResult, waits: bool) -> None:
    assert planning.is_answerable(result) is waits


def test_nothing_is_planned_where_nothing_is_offered() -> None:
    assert planning.not_executed(said("free"), OfferedTools()) == ()
    assert planning.not_executed(None, OFFER) == ()
    (call,) = planning.not_executed(said("free"), OFFER)
    assert call.unanswered(NotExecuted.CANCELLED).status is ToolCallStatus.CANCELLED


@pytest.mark.parametrize(
    ("before", "after"),
    [(None, None), ("auto", "auto"), ("none", "none"), ("required", "auto"), ("free", "auto")],
)
def test_a_model_is_forced_to_call_a_tool_only_once(before: str | None, after: str | None) -> None:
    assert planning.tool_choice_after_call(before) == after


@pytest.mark.parametrize(
    ("status", "why", "becomes", "words"),
    [
        (ToolCallStatus.RUNNING, NotExecuted.CANCELLED, ToolCallStatus.INTERRUPTED, "may have taken effect"),
        (
            ToolCallStatus.RUNNING,
            NotExecuted.WORKER_LOST,
            ToolCallStatus.INTERRUPTED,
            "may have taken effect",
        ),
        (ToolCallStatus.PENDING, NotExecuted.CANCELLED, ToolCallStatus.CANCELLED, "Cancelled by the user"),
        (ToolCallStatus.HELD, NotExecuted.CANCELLED, ToolCallStatus.CANCELLED, "Cancelled by the user"),
        (ToolCallStatus.PENDING, NotExecuted.EXPIRED, ToolCallStatus.EXPIRED, "nobody decided"),
        (ToolCallStatus.HELD, NotExecuted.MAX_STEPS, ToolCallStatus.CANCELLED, "as many steps as it may"),
        (ToolCallStatus.HELD, NotExecuted.BUDGET, ToolCallStatus.CANCELLED, "budget is spent"),
    ],
)
def test_a_call_that_is_left_is_answered_with_the_reason(
    status: ToolCallStatus, why: NotExecuted, becomes: ToolCallStatus, words: str
) -> None:
    (call,) = planning.plan(said("free"), OFFER)
    left = unanswered(id=call.id, call_id=call.call_id, name=call.name, status=status, why=why)
    assert left.status is becomes
    assert left.is_error
    assert words in left.content


@pytest.mark.parametrize("arguments", ["{", "[1]", "Rhine", '{"a": 1, "a": 2}'])
def test_a_client_gets_no_call_that_cannot_be_read(arguments: str) -> None:
    (call,) = planning.plan(said("clients", arguments=arguments), OFFER)
    assert (call.source, call.status) == (planning.CLIENT, ToolCallStatus.RUNNING)


def test_three_unreadable_steps_in_a_row_are_too_many() -> None:
    steps = planning.UnreadableSteps()
    for arguments in ("{", "[1]", "{}", '{"a": 1, "a": 2}', '{"a": "\\u0000"}'):
        steps.count(said("free", "unknown", arguments=arguments))
    # The arguments of a call that was cut say nothing about the model.
    steps.count(said("free…", arguments="{"))
    steps.count(said("free", arguments="{"))
    steps.count(said("free", arguments="{"))
    with pytest.raises(LLMMalformedToolCallError) as caught:
        steps.count(said("free", arguments="{"))
    assert caught.value.partial is not None


def test_unreadable_steps_before_a_pause_count() -> None:
    steps = planning.UnreadableSteps(before=2)
    with pytest.raises(LLMMalformedToolCallError):
        steps.count(said("free", arguments="{"))
