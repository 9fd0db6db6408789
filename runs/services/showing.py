"""Which branch of a conversation is shown, and what its followers are told about it."""

from typing import Any
from uuid import UUID

from concurrency.threads import readers
from providers.types import Json
from runs.engine import supervisor
from runs.errors import NotFound
from runs.models import Conversation
from runs.store import statements
from runs.store.branches import Branch, Tree


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
    here.feed.conversation_changed(conversation_id)
    return await outline(owner_id, conversation_id)


async def outline(owner_id: int, conversation_id: UUID) -> Json:
    """Return what all who follow a conversation must agree about: the shown branch and its alternatives.

    Raises:
        NotFound: there is no such conversation, or it does not belong to ``owner_id``.
    """
    return await readers.run(lambda: outline_of(_own(owner_id, conversation_id)))


def outline_of(conversation: Conversation, branch: Branch | None = None) -> dict[str, Any]:
    """Return the outline of a conversation, as JSON; ``branch`` is the one that is shown unless another is given."""
    shown = branch or Tree(conversation).branch()
    forks = [
        {"after": _text(fork.after), "runs": list(map(str, fork.run_ids)), "shown": str(fork.shown)}
        for fork in shown.forks
    ]
    return {"shown": _text(shown.shown_id), "forks": forks}


def _own(owner_id: int, conversation_id: UUID) -> Conversation:
    conversation = Conversation.objects.filter(pk=conversation_id, owner_id=owner_id).first()
    if conversation is None:
        raise NotFound
    return conversation


def _text(key: UUID | None) -> str | None:
    return None if key is None else str(key)
