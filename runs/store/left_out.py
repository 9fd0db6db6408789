"""Decides which ended runs the later requests of their conversation leave out. The page shows and marks them.

A failed turn must not fail the next turns: the provider would refuse a text that is too long, a refused
question or an invalid request again in each later request. This module is called inside the transaction that
ends the run.
"""

from collections.abc import Iterator
from uuid import UUID

from providers.errors import (
    LLMBadRequestError,
    LLMContentFilterError,
    LLMError,
    LLMUnprocessableEntityError,
    LLMUnsupportedError,
)
from providers.types import Json, Role
from runs.models import Message, Run, Step
from runs.models.run import LEFT_OUT_OF_ALL
from runs.states import RunStatus, StopReason
from runs.store import branches


def _codes(error: type[LLMError]) -> Iterator[str]:
    yield error.code
    for each in error.__subclasses__():
        yield from _codes(each)


#: Codes of errors that the same messages would cause again, even if the model had begun to answer.
_REFUSED_AGAIN = frozenset(
    code
    for error in (LLMBadRequestError, LLMUnprocessableEntityError, LLMUnsupportedError)
    for code in _codes(error)
)


def mark(run_id: UUID, *, status: RunStatus, stop_reason: StopReason, error_code: str) -> None:
    """Store which later requests leave out the messages of a run that has just ended.

    A failed run without an answer is left out of all requests. A failed run with an answer is left out of
    all requests if the provider refused its request, and of requests over the same wire if the provider
    refused its content.
    """
    if status is RunStatus.FAILED:
        left_out_of = _after_failure(run_id, error_code)
    elif status is RunStatus.COMPLETED and stop_reason is StopReason.CONTENT_FILTER:
        # A refusal in the model's own words may be sent again. Text that a filter cut would be cut again.
        left_out_of = "" if _has_refusal(run_id) else _wire(run_id)
    else:
        return
    if left_out_of:
        Run.objects.filter(pk=run_id).update(left_out_of=left_out_of)


def _after_failure(run_id: UUID, error_code: str) -> str:
    if error_code in _REFUSED_AGAIN:
        _mark_unanswered_before(run_id)
        return LEFT_OUT_OF_ALL
    if not _has_answer(run_id):
        return LEFT_OUT_OF_ALL
    return _wire(run_id) if error_code == LLMContentFilterError.code else ""


def _mark_unanswered_before(run_id: UUID) -> None:
    """Leave out the cancelled runs without an answer just before a refused run: theirs may be the fault."""
    key: UUID | None = run_id
    while key is not None and (before := branches.run_before(key)) is not None:
        key, status, left_out_of = before
        if left_out_of:
            continue
        if status != RunStatus.CANCELLED or _has_answer(key):
            return
        Run.objects.filter(pk=key).update(left_out_of=LEFT_OUT_OF_ALL)


def _has_answer(run_id: UUID) -> bool:
    """Return whether a run has text or a file from the model, or a tool's answer."""
    rows = Message.objects.filter(run_id=run_id).exclude(role=Role.USER.value)
    return any(
        role == Role.TOOL.value or any(map(_is_answer, parts))
        for role, parts in rows.values_list("role", "parts")
    )


def _is_answer(part: Json) -> bool:
    return bool(part["kind"] == "text" and part["text"].strip()) or "files" in part


def _has_refusal(run_id: UUID) -> bool:
    rows = Message.objects.filter(run_id=run_id, role=Role.ASSISTANT.value)
    return any(part.get("refusal") for parts in rows.values_list("parts", flat=True) for part in parts)


def _wire(run_id: UUID) -> str:
    """Return the wire of the run's last step; empty if it has none."""
    return Step.objects.filter(run_id=run_id).order_by("-index").values_list("wire", flat=True).first() or ""
