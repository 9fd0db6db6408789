"""Stores the messages of runs, each at the end of its conversation. Runs in a transaction of its caller."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from django.db.models import Max

from providers.types import ChatMessage, Json
from runs.models import Message as MessageRow
from runs.models import Run
from runs.store import history
from runs.store.embedded import Embedded
from runs.store.made import MadeFile


def add(
    run_id: UUID,
    message: ChatMessage,
    *,
    message_id: UUID,
    files: Sequence[tuple[Embedded, MadeFile]] = (),
    result_files: Mapping[str, list[Json]] | None = None,
) -> None:
    """Append ``message`` to the run's conversation at the next position.

    Args:
        run_id: the run.
        message: the message.
        message_id: its id.
        files: the files in a model's answer; links are stored in their place.
        result_files: the files in the results of calls, as ``MadeFile.shown`` tells them, by the calls' ids.
    """
    conversation_id = Run.objects.values_list("conversation_id", flat=True).get(pk=run_id)
    origin = message.origin
    MessageRow.objects.create(
        id=message_id,
        conversation_id=conversation_id,
        run_id=run_id,
        position=next_position(conversation_id),
        role=message.role.value,
        parts=[
            history.result_with_files(history.part_with_links(part, files), result_files or {})
            for part in message.parts
        ],
        origin={"wire": origin.wire, "provider": origin.provider, "model": origin.model} if origin else None,
        native=[history.with_links(item, files) for item in message.native],
    )


def next_position(conversation_id: UUID) -> int:
    """Return the position of a conversation's next message.

    No lock is needed: a conversation has at most one active run, and only that run adds messages.
    """
    newest = MessageRow.objects.filter(conversation_id=conversation_id).aggregate(last=Max("position"))
    return (newest["last"] or 0) + 1
