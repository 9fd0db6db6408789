"""Which branch of a conversation is shown, and what its followers are told about it."""

from typing import Any
from uuid import UUID

import orjson

from concurrency.threads import readers
from providers.types import Json
from runs.engine import supervisor
from runs.errors import NotFound
from runs.models import Conversation, Run
from runs.models.conversation import QueuePause
from runs.services.sharing import Onlooker, share_for
from runs.states import ACTIVE
from runs.store import queue, statements
from runs.store.branches import Branch, Tree

#: Bytes of all queued messages in one frame.
_FRAME = 256 * 1024
#: Characters of a queued message that are shown at least.
_SHOWN = 2_000

_PAUSED = {
    QueuePause.CANCELLED: "Paused, because an answer was stopped.",
    QueuePause.PAUSED: "Paused.",
    QueuePause.NOT_BEGUN: "Paused, because the next message could not be sent.",
}


async def show(owner_id: int, conversation_id: UUID, run_id: UUID) -> Json:
    """Show the newest branch that has a run. Return what ``outline`` returns then.

    Raises:
        NotFound: there is no such conversation or run, or they belong to another user.
    """
    here = supervisor.current()
    end = await readers.run(lambda: Tree(_own(owner_id, conversation_id)).newest_end(run_id))
    if end is None:
        raise NotFound
    chosen = statements.update(Conversation, {"shown_run_id": end}, key=conversation_id)
    await here.journal.execute(chosen.execute)
    here.feed.followers.changed(conversation_id)
    return await outline(Onlooker(user_id=owner_id), conversation_id)


async def outline(onlooker: Onlooker, conversation_id: UUID) -> Json:
    """Return what all who follow a conversation must agree about: the shown branch and its alternatives.

    The owner is told the queue, too.

    Raises:
        NotFound: there is no such conversation, or ``onlooker`` may not look at it.
    """

    def read() -> Json:
        own = Conversation.objects.filter(pk=conversation_id, owner_id=onlooker.user_id).first()
        if own is not None:
            return outline_of(own)
        if (share := share_for(onlooker, conversation_id)) is None:
            raise NotFound
        return outline_of(share.conversation, with_queue=False)

    return await readers.run(read)


def outline_of(
    conversation: Conversation,
    branch: Branch | None = None,
    *,
    is_whole: bool = False,
    with_queue: bool = True,
) -> dict[str, Any]:
    """Return the outline of a conversation, as JSON.

    Args:
        conversation: the conversation.
        branch: the branch to describe, if not the one that is shown.
        is_whole: whether queued messages may be longer than fits into a frame.
        with_queue: whether what waits to be said is told; it is the owner's only.
    """
    shown = branch or Tree(conversation).branch()
    forks = [
        {"after": _text(fork.after), "runs": list(map(str, fork.run_ids)), "shown": str(fork.shown)}
        for fork in shown.forks
    ]
    waiting = {"queue": _queue(conversation, is_whole=is_whole)} if with_queue else {}
    return {"shown": _text(shown.shown_id), "forks": forks, **waiting}


def _queue(conversation: Conversation, *, is_whole: bool) -> Json:
    rows = list(queue.queued(conversation_id=conversation.pk))
    active = Run.objects.filter(conversation=conversation, status__in=ACTIVE) if rows else Run.objects.none()
    steered = {run.pk: str(run.shown_id) for run in active.only("pk", "chosen_id")}
    why = QueuePause(conversation.queue_paused) if conversation.queue_paused and rows else None
    longest = _FRAME // max(len(rows), 1)
    return {
        "paused": why and {"why": why.value, "message": conversation.queue_note or _PAUSED[why]},
        "items": [
            {
                "run_id": str(row.shown_id),
                "input": row.input if is_whole or len(orjson.dumps(row.input)) <= longest else None,
                "text": text_of(row.input)[:_SHOWN],
                "model": row.model,
                "steers": steered.get(row.steers_id) if row.steers_id else None,
                "created_at": row.created_at.isoformat(),
            }
            for row in rows
        ],
    }


def text_of(messages: list[Json]) -> str:
    """Return the text of AG-UI user messages, without their files."""
    contents = (message["content"] for message in messages)
    parts = (
        content if isinstance(content, list) else [{"type": "text", "text": content}] for content in contents
    )
    return "\n".join(part["text"] for its in parts for part in its if part["type"] == "text")


def _own(owner_id: int, conversation_id: UUID) -> Conversation:
    conversation = Conversation.objects.filter(pk=conversation_id, owner_id=owner_id).first()
    if conversation is None:
        raise NotFound
    return conversation


def _text(key: UUID | None) -> str | None:
    return None if key is None else str(key)
