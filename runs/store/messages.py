"""Stores the messages of runs, each at the end of its run. Runs in a transaction of its caller."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from django.db.models.functions import Now

from providers.types import ChatMessage, Json, Role
from runs.models import Conversation, Run
from runs.models import Message as MessageRow
from runs.store import branches, history, native, statements
from runs.store.embedded import Embedded
from runs.store.made import MadeFile, NotKept
from runs.store.statements import Statement

#: The conversation of a run, and the position of the conversation's next message.
_CONVERSATION = '(SELECT "conversation_id" FROM "runs_run" WHERE "id" = %s)'
_POSITION = (
    '(SELECT COALESCE(MAX("position"), 0) + 1 FROM "runs_message" WHERE "conversation_id" = '
    '(SELECT "conversation_id" FROM "runs_run" WHERE "id" = %s))'
)


def add(
    run_id: UUID,
    message: ChatMessage,
    *,
    message_id: UUID,
    files: Sequence[tuple[Embedded, MadeFile | NotKept]] = (),
    result_files: Mapping[str, list[Json]] | None = None,
    item_files: Mapping[int, list[Json]] | None = None,
    reasoning_seconds: Sequence[float | None] = (),
) -> None:
    """Append ``message`` to the run's conversation at the next position.

    Args:
        run_id: the run.
        message: the message.
        message_id: its id.
        files: the files in a model's answer; links are stored in their place.
        result_files: the files in the results of calls, as ``MadeFile.shown`` tells them, by the calls' ids.
        item_files: the files that a provider's items have links to already, by the position of their part.
        reasoning_seconds: how long each piece of reasoning took, in order, in seconds.
    """
    origin = message.origin
    parts = [
        history.result_with_files(history.part_with_links(part, files), result_files or {})
        | ({"files": item_files[position]} if item_files and position in item_files else {})
        for position, part in enumerate(message.parts)
    ]
    row = MessageRow(
        id=message_id,
        run_id=run_id,
        role=message.role.value,
        parts=history.with_seconds(parts, reasoning_seconds),
        origin={"wire": origin.wire, "provider": origin.provider, "model": origin.model} if origin else None,
        native=native.shortened([history.with_links(item, files) for item in message.native], parts),
    )
    inserting([row]).execute()


def inserting(rows: Sequence[MessageRow]) -> Statement:
    """Return the statement that appends messages of one run to its conversation, in this order.

    No lock is needed: a conversation has at most one active run, and only that run adds messages.
    """
    return _inserting(rows)


def hold_place(run_id: UUID) -> None:
    """Append an empty message to a run that has none, so that a branch can go on behind it."""
    row = MessageRow(run_id=run_id, role=Role.ASSISTANT.value)
    nothing = 'NOT EXISTS (SELECT 1 FROM "runs_message" WHERE "run_id" = %s)'
    _inserting([row], condition=nothing, values=[statements.stored_key(Run, run_id)]).execute()


def _inserting(rows: Sequence[MessageRow], **condition: Any) -> Statement:
    computed = {
        "conversation_id": (_CONVERSATION, "run_id"),
        "position": (_POSITION, "run_id"),
        "parent_id": (branches.END_OF_RUN, "run_id"),
    }
    return statements.insert(rows, computed=computed, **condition)


def touch(run_id: UUID) -> None:
    """Store that the run's conversation has changed now."""
    statements.update(Conversation, {"updated_at": Now()}, key=run_id, key_is=_CONVERSATION).execute()
