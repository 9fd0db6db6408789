"""Where a new run begins in its conversation, and which messages it adds. Reads the database."""

from dataclasses import dataclass
from uuid import UUID

from providers.types import Json, Role
from runs.errors import NoSuchMessage
from runs.models import Message
from runs.models.run import Beginning

#: What the model is told where it goes on behind its own words. Not every provider goes on without a question.
CONTINUE = "Continue exactly where you stopped. Do not repeat what you have said."


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """The beginning of a run."""

    #: The message behind which it begins, unless it begins behind the branch that is shown.
    parent_id: UUID | None = None
    #: A ``Beginning``; empty for a run behind the branch that is shown.
    begins: str = ""
    #: The new user messages, as AG-UI messages.
    messages: list[Json]


def behind(parent_id: UUID | None, messages: list[Json], *, conversation_id: UUID, run_id: UUID) -> Place:
    """Return the place of a run that begins behind a message.

    Without ``messages`` it answers a user's message again, or goes on behind an answer. The results of a call belong
    to the answer that called.

    Args:
        parent_id: the message; ``None`` for the beginning of the conversation.
        messages: the new user messages.
        conversation_id: the conversation in which the message must be.
        run_id: the run.

    Raises:
        NoSuchMessage: there is no such message in the conversation.
    """
    parent = None if parent_id is None else _message(parent_id, conversation_id)
    if messages or parent is None:
        key = None if parent is None else _with_results(parent).pk
        return Place(parent_id=key, begins=Beginning.BRANCH, messages=messages)
    if parent.role == Role.ASSISTANT and not parent.parts and parent.parent_id is not None:
        # It holds the place of an answer that never came.
        parent = _message(parent.parent_id, conversation_id)
    if parent.role == Role.USER:
        return Place(parent_id=parent.pk, begins=Beginning.AGAIN, messages=[])
    parent = _with_results(parent)
    words: Json = {"id": str(run_id), "role": "user", "content": CONTINUE}
    needed = [words] if parent.role == Role.ASSISTANT else []
    return Place(parent_id=parent.pk, begins=Beginning.CONTINUE, messages=needed)


def _message(key: UUID, conversation_id: UUID) -> Message:
    found = Message.objects.filter(pk=key, conversation_id=conversation_id)
    message = found.only("role", "parts", "run_id", "position", "parent_id").first()
    if message is None:
        raise NoSuchMessage
    return message


def _with_results(message: Message) -> Message:
    """Return the message with the results of a message's calls, or the message itself."""
    if message.role != Role.ASSISTANT:
        return message
    later = Message.objects.filter(run_id=message.run_id, position__gt=message.position).order_by("position")
    following = later.only("role", "run_id").first()
    return following if following is not None and following.role == Role.TOOL else message
