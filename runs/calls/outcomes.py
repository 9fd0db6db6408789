"""Answers to function calls: the tool's result, or a sentence with the reason why there is none. No I/O.

Providers refuse a conversation in which a call has no answer, so every call gets one.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any
from uuid import UUID

import orjson
from pydantic_core import to_json

from providers.text.cleaning import clean
from providers.types import ChatMessage, Json, Role, ToolResultPart
from runs.models.tool_call import ToolCallStatus
from runs.toolbox.tool import ToolFile

#: Characters of edited arguments that an answer names.
_LONGEST_ARGUMENTS = 20_000


class NotExecuted(Enum):
    """Why a call has no result when its run ends. The value is the text for the model."""

    #: A person, or an admin, stopped the run.
    CANCELLED = "the run was cancelled by the user"
    #: The server stopped.
    SHUTDOWN = "the server was stopped"
    #: The process that drove the run died.
    WORKER_LOST = "the server stopped unexpectedly"
    #: The approval deadline has passed.
    EXPIRED = "nobody decided about it in time"
    #: The run reached its time limit.
    TIMEOUT = "the run's time was up"
    #: The run reached its maximum number of steps.
    MAX_STEPS = "the run has made as many steps as it may"
    #: The run's budget is spent.
    BUDGET = "the run's budget is spent"
    #: What the run says could not be saved for too long.
    LOG_UNAVAILABLE = "the database could not be reached for too long"
    #: The model's answer was cut after the call.
    CUT = "the answer broke off"
    #: The run failed.
    FAILED = "the run failed"


@dataclass(frozen=True, kw_only=True, slots=True)
class CallOutcome:
    """The answer to one call. ``id`` is the primary key of its ``ToolCall``."""

    id: UUID
    call_id: str
    name: str
    status: ToolCallStatus
    content: str
    is_error: bool = False
    #: Pictures and other files that the tool made, not stored yet.
    produced: tuple[ToolFile, ...] = ()
    #: The stored ones, as viewers are told of them.
    files: tuple[Json, ...] = ()
    #: Text for an admin; the model does not receive it.
    note: str = ""


def unanswered(
    *, id: UUID, call_id: str, name: str, status: ToolCallStatus, why: NotExecuted, idempotent: bool = False
) -> CallOutcome:
    """Return the answer to an open call with the status ``status``, whose run ends for the reason ``why``."""
    if status is ToolCallStatus.RUNNING:
        again = "It can be called again." if idempotent else "It may have taken effect all the same."
        content = f"Interrupted while it was being executed: {why.value}. {again}"
        status = ToolCallStatus.INTERRUPTED
    elif why is NotExecuted.EXPIRED:
        content = f"Expired and not executed: {why.value}."
        status = ToolCallStatus.EXPIRED
    elif why is NotExecuted.CANCELLED:
        content = "Cancelled by the user and not executed."
        status = ToolCallStatus.CANCELLED
    else:
        content = f"Not executed: {why.value}."
        status = ToolCallStatus.CANCELLED
    return CallOutcome(id=id, call_id=call_id, name=name, status=status, content=content, is_error=True)


def after_edit(outcome: CallOutcome, arguments: str) -> CallOutcome:
    """Return the answer to a call whose arguments a person has changed to ``arguments``.

    The model's own call keeps its arguments in the history, because it may be signed. So the answer names the others.
    """
    named = text_of(arguments, most=_LONGEST_ARGUMENTS)
    note = (
        f"[A person changed the arguments of this call before it was executed. It was executed with: {named}]"
    )
    return replace(outcome, content=f"{note}\n{outcome.content}")


#: What a model reads of a call that a standing decision denies.
DENIED_BEFOREHAND = "Denied by a standing decision of the user: calls of this tool are not executed here."


def denied(reason: str) -> str:
    """Return the text for the model about a call that a person denied."""
    return f"Denied by the user: {reason}" if reason else "Denied by the user."


def text_of(value: Any, *, most: int) -> str:
    """Return a tool's return value as text for the model: a string unchanged, any other value as JSON.

    Text of more than ``most`` characters is cut, and a line at its end says so.

    Raises:
        PydanticSerializationError: the value cannot be written as JSON.
    """
    if value is None:
        return "Done."
    text = clean(value if isinstance(value, str) else to_json(value).decode())
    if len(text) <= most:
        return text
    return f"{text[:most]}\n[Cut: these are the first {most:,} of {len(text):,} characters.]"


def handed_in(value: Any) -> str:
    """Return a client's result as text: a string unchanged, any other value as JSON."""
    return clean(value) if isinstance(value, str) else orjson.dumps(value).decode()


def message_of(outcomes: Iterable[CallOutcome]) -> ChatMessage:
    """Return the answers to a step's calls, in call order, as one message."""
    return ChatMessage(
        role=Role.TOOL,
        parts=tuple(
            ToolResultPart(
                call_id=outcome.call_id, name=outcome.name, content=outcome.content, is_error=outcome.is_error
            )
            for outcome in outcomes
        ),
    )
