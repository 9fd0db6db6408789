"""Which turns a later request leaves out, and whose request that is."""

from typing import Any
from uuid import uuid4

import pytest

from providers.types import ModelRequest, Origin
from providers.types.quirks import NONE
from runs.models import Message, Run
from runs.states import RunStatus, StopReason
from runs.store import history, left_out
from tests.runs.rows import make_run, make_step, make_user

pytestmark = pytest.mark.django_db

type Parts = list[dict[str, Any]]

WORDS: Parts = [{"kind": "text", "text": "Three ferries cross the fjord."}]
THOUGHT: Parts = [{"kind": "reasoning", "text": "Ferries, then.", "sealed": None}]
BLANKS: Parts = [{"kind": "text", "text": " \n"}]
REFUSAL: Parts = [{"kind": "text", "text": "I would rather not.", "refusal": True}]
CALL: Parts = [{"kind": "tool_call", "id": "c", "name": "clock", "arguments": "{}", "complete": True}]
RESULT: Parts = [
    {"kind": "tool_result", "call_id": "c", "name": "clock", "content": "Noon", "is_error": False}
]

ASKED: Parts = [{"kind": "text", "text": "Which ferries?"}]
#: The wire of every step of these tests.
WIRE = "openai-responses"


def say(run: Run, *messages: tuple[str, Parts]) -> Run:
    """Store messages of a run, behind those of its conversation."""
    before = Message.objects.filter(conversation=run.conversation).order_by("position").last()
    run.parent_id = parent_id = None if before is None else before.pk
    run.save()
    for offset, (role, parts) in enumerate(
        (("user", ASKED), *messages), (before.position if before else 0) + 1
    ):
        parent_id = Message.objects.create(
            conversation=run.conversation,
            run=run,
            position=offset,
            role=role,
            parts=parts,
            parent_id=parent_id,
        ).pk
    return run


def ended(status: RunStatus, *messages: tuple[str, Parts], code: str = "", reason: str = "") -> Run:
    """Return a run that has ended in this way, read again after the decision about it."""
    run = say(make_run(owner=make_user(f"user-{uuid4()}"), status=status), *messages)
    make_step(run)
    left_out.mark(run.pk, status=status, stop_reason=StopReason(reason or "error"), error_code=code)
    run.refresh_from_db()
    return run


@pytest.mark.parametrize(
    ("code", "messages", "left_out_of"),
    [
        pytest.param("llm_authentication", (), "*", id="a wrong key"),
        pytest.param("llm_not_found", (), "*", id="a model that is not there"),
        pytest.param("llm_context_window_exceeded", (), "*", id="a text that is too long"),
        pytest.param("llm_content_filter", (), "*", id="a question that was blocked"),
        pytest.param("llm_server", (), "*", id="an outage"),
        pytest.param("worker_lost", (), "*", id="a crash before the first word"),
        pytest.param("llm_timeout", (("assistant", THOUGHT),), "*", id="thoughts only"),
        pytest.param("invalid_llm_response", (("assistant", BLANKS),), "*", id="blanks only"),
        pytest.param("invalid_tool_call", (("assistant", CALL),), "*", id="a call that nobody answered"),
        pytest.param("llm_connection", (("assistant", WORDS),), "", id="cut after words"),
        pytest.param(
            "llm_server", (("assistant", CALL), ("tool", RESULT)), "", id="cut after a tool's result"
        ),
        pytest.param("llm_content_filter", (("assistant", WORDS),), WIRE, id="refused after words"),
        pytest.param("llm_bad_request", (("assistant", WORDS),), "*", id="a mistake after words"),
        pytest.param(
            "llm_context_window_exceeded",
            (("assistant", CALL), ("tool", RESULT)),
            "*",
            id="a tool's result that is too long",
        ),
    ],
)
def test_a_failed_turn_is_left_out_where_it_would_fail_again(
    code: str, messages: tuple[tuple[str, Parts], ...], left_out_of: str
) -> None:
    assert ended(RunStatus.FAILED, *messages, code=code).left_out_of == left_out_of


@pytest.mark.parametrize(
    ("status", "reason", "parts", "left_out_of"),
    [
        (RunStatus.COMPLETED, "end_turn", WORDS, ""),
        (RunStatus.COMPLETED, "content_filter", WORDS, WIRE),
        (RunStatus.COMPLETED, "content_filter", REFUSAL, ""),
        (RunStatus.CANCELLED, "cancelled", THOUGHT, ""),
    ],
)
def test_other_ends_keep_a_turn_unless_a_filter_has_cut_it(
    status: RunStatus, reason: str, parts: Parts, left_out_of: str
) -> None:
    assert ended(status, ("assistant", parts), reason=reason).left_out_of == left_out_of


def test_what_was_stopped_before_its_answer_goes_with_what_is_refused_after_it() -> None:
    answered = say(make_run(owner=make_user(), status=RunStatus.CANCELLED), ("assistant", WORDS))
    runs = [answered]
    for status in (RunStatus.CANCELLED, RunStatus.CANCELLED, RunStatus.FAILED):
        other = make_run(owner=answered.owner, status=status)
        Run.objects.filter(pk=other.pk).update(conversation=answered.conversation)
        other.refresh_from_db()
        runs.append(say(other))
    left_out.mark(
        runs[-1].pk,
        status=RunStatus.FAILED,
        stop_reason=StopReason.CONTEXT_WINDOW_EXCEEDED,
        error_code="llm_context_window_exceeded",
    )
    for run in runs:
        run.refresh_from_db()
    assert [run.left_out_of for run in runs] == ["", "*", "*", "*"]
    assert len(history.of_branch(runs[-1].pk)) == 2


def test_a_request_lacks_what_its_wire_has_refused_and_no_other() -> None:
    run = ended(RunStatus.FAILED, ("assistant", WORDS), code="llm_content_filter")
    messages = history.of_branch(run.pk)
    assert [message.refused_by for message in messages] == [WIRE, WIRE]
    here, there = (Origin(wire=wire, provider="p", model="m") for wire in (WIRE, "openai-chat"))
    request = ModelRequest(origin=there, messages=messages)
    assert request.made_for(here, NONE).messages == ()
    assert request.made_for(there, NONE).messages == messages


def test_a_turn_that_is_left_out_of_all_is_in_no_request() -> None:
    run = ended(RunStatus.FAILED, code="llm_authentication")
    assert history.of_branch(run.pk) == ()
