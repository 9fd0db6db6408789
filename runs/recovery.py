"""Runs whose worker died: they end ``failed``/``worker_lost`` with what they had said.

Nothing is run again. The fence moves on first, so that a worker that was only slow can write
nothing more; a stored cancel wins over ``worker_lost``. What was said is read from the log, which
is what viewers saw.
"""

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

import orjson
from django.db import transaction
from django.utils import timezone

from providers.types import Message, Part, ReasoningPart, Role, TextPart, ToolCallPart
from runs import agui, transitions
from runs.log_writer import Append, Decision, Group, write_group
from runs.models import Run, RunEvent, Step
from runs.states import ACTIVE, RunStatus, StopReason
from runs.transitions import Ending

logger = logging.getLogger("runnel.recovery")

WORKER_LOST = "The server stopped while this answer was being written. What was said until then is kept."


@dataclass(slots=True)
class _Spoken:
    """What one step said, as its events tell."""

    parts: list[Part]
    message_id: str | None = None


def reap(*, everything: bool) -> int:
    """End the runs that nobody drives any more and return how many there were.

    ``everything`` takes all active runs, for a process that knows it is alone (the embedded
    server holds the data folder's lock); otherwise those whose lease has run out.
    """
    orphans = Run.objects.filter(status__in=ACTIVE - {RunStatus.AWAITING_APPROVAL})
    if not everything:
        orphans = orphans.filter(lease_until__lt=timezone.now())
    return sum(_try_to_end(run) for run in orphans)


def _try_to_end(run: Run) -> bool:
    """End one orphan; one that cannot be ended must not keep the others, or the server, from it."""
    try:
        return _end_orphan(run)
    except Exception:
        logger.exception("run %s was left active by a dead worker and could not be ended", run.id)
        return False


def _end_orphan(run: Run) -> bool:
    with transaction.atomic():
        if not transitions.take_over(run.id, fence=run.fence):
            return False
        run.refresh_from_db()
        events = list(_events(run.id))
        tail = [] if events else [_run_started(run)]
        tail += agui.closing(events)
        ending = _ending(run)
        tail.append(_terminal(run, ending))
        _keep_what_was_said(run, events)
        log = Append(run.id, run.fence, run.last_seq + 1, run.last_seq + len(tail), _frames(run, tail))
        outcomes = write_group(Group([], [Decision(log, lambda: transitions.end(run.id, ending, []))]))
        if isinstance(failure := outcomes.decisions[0], BaseException):
            raise failure
    logger.warning("run %s was left active by a dead worker: it is %s now", run.id, ending.status)
    return True


def _ending(run: Run) -> Ending:
    if run.cancel_requested_at is not None:
        return Ending(
            status=RunStatus.CANCELLED,
            stop_reason=StopReason.CANCELLED,
            cancelled_by=run.cancelled_by,
            cancel_reason=run.cancel_reason,
        )
    return Ending(
        status=RunStatus.FAILED,
        stop_reason=StopReason.WORKER_LOST,
        error_code="worker_lost",
        error_message=WORKER_LOST,
    )


def _terminal(run: Run, ending: Ending) -> agui.Event:
    metadata = {"stop_reason": ending.stop_reason.value, "usage_source": run.usage_source}
    if ending.status is RunStatus.FAILED:
        return agui.run_error(
            code=ending.error_code,
            message=ending.error_message,
            usage=[],
            metadata={**metadata, "retryable": True, "retry_after": None},
        )
    return agui.run_finished(
        conversation_id=run.conversation_id,
        run_id=run.id,
        outcome={"type": "cancelled"},
        usage=[],
        metadata={
            **metadata,
            "stream_was_cancelled": False,
            "cancelled_by": ending.cancelled_by,
            "upstream_closed_ms": None,
            "run_usage": {},
        },
    )


def _run_started(run: Run) -> agui.Event:
    return agui.run_started(conversation_id=run.conversation_id, run_id=run.id, messages=run.input)


def _events(run_id: UUID) -> Iterable[agui.Event]:
    for text in RunEvent.objects.filter(run_id=run_id).order_by("first_seq").values_list("frames", flat=True):
        for frame in text.split("\n"):
            yield orjson.loads(frame)["event"]


def _frames(run: Run, events: list[agui.Event]) -> list[str]:
    return [
        orjson.dumps({"type": "event", "run_id": str(run.id), "seq": seq, "event": event}).decode()
        for seq, event in enumerate(events, run.last_seq + 1)
    ]


def _keep_what_was_said(run: Run, events: list[agui.Event]) -> None:
    """Store the words of the log as the conversation's next message, and close the step's row."""
    Step.objects.filter(run=run, finished_at=None).update(
        finished_at=timezone.now(), error_code="worker_lost"
    )
    spoken = _spoken(events)
    if spoken.parts and spoken.message_id:
        message = Message(role=Role.ASSISTANT, parts=tuple(spoken.parts))
        transitions.add_message(run.id, message, message_id=UUID(spoken.message_id))


def _spoken(events: list[agui.Event]) -> _Spoken:
    pieces: dict[str, list[str]] = {}
    opened: list[tuple[str, str, str]] = []
    complete = set()
    spoken = _Spoken([])
    for event in events:
        match event["type"]:
            case "TEXT_MESSAGE_START" | "REASONING_MESSAGE_START":
                opened.append((event["type"], event["messageId"], ""))
                spoken.message_id = spoken.message_id or event["messageId"]
            case "TOOL_CALL_START":
                opened.append((event["type"], event["toolCallId"], event["toolCallName"]))
                spoken.message_id = spoken.message_id or event["parentMessageId"]
            case "TEXT_MESSAGE_CONTENT" | "REASONING_MESSAGE_CONTENT":
                pieces.setdefault(event["messageId"], []).append(event["delta"])
            case "TOOL_CALL_ARGS":
                pieces.setdefault(event["toolCallId"], []).append(event["delta"])
            case "TOOL_CALL_END":
                complete.add(event["toolCallId"])
    for kind, key, name in opened:
        text = "".join(pieces.get(key, ()))
        match kind:
            case "TEXT_MESSAGE_START":
                spoken.parts.append(TextPart(text=text))
            case "REASONING_MESSAGE_START":
                spoken.parts.append(ReasoningPart(text=text))
            case _:
                spoken.parts.append(ToolCallPart(id=key, name=name, arguments=text, complete=key in complete))
    return spoken
