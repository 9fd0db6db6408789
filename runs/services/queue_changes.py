"""What a user changes in the queue of a conversation: a message's words and place, when it is sent, and the pause."""

from collections.abc import Callable
from dataclasses import replace
from uuid import UUID

from concurrency.threads import readers
from providers.types import Json
from runs.engine import supervisor
from runs.errors import NotFound, NotQueued
from runs.models import Conversation, Run
from runs.models.conversation import QueuePause
from runs.services import launching, new_run, queueing, storing
from runs.services.cancelling import cancel
from runs.services.new_run import PreparedStart, Started
from runs.states import RunStatus
from runs.store import queue


async def edit_queued(
    owner_id: int, run_id: UUID, *, messages: list[Json] | None = None, model: str | None = None
) -> Started:
    """Replace the words or the model of a queued run. Checks what ``start`` checks.

    Raises:
        NotFound: there is no such run, or it belongs to another user.
        NotQueued: the run is not queued any more.
        ServiceError: the new words or the model cannot be used; ``new_run.prepare`` lists why. So does ``CatalogError``.
    """
    row = await readers.run(_find, owner_id, run_id)
    request = queueing.request_of(row)
    request = replace(request, messages=messages or request.messages, model=model or request.model)
    targets = await launching.targets_of(request)
    prepared = await readers.run(new_run.prepare, owner_id, request, targets)
    await _change(owner_id, run_id, lambda row: _store_edit(row, prepared))
    return _started(row, "queued")


def _store_edit(row: Run, prepared: PreparedStart) -> None:
    Run.objects.filter(pk=row.pk).update(input=prepared.run.input, model=prepared.run.model)
    if prepared.uploads:
        storing.show_uploads(prepared)


async def move_queued(owner_id: int, run_id: UUID, index: int) -> Started:
    """Move a queued run to a place among the others of its conversation, from 0. Raises as ``edit_queued`` does."""

    def move(row: Run) -> None:
        order = list(queue.queued(conversation_id=row.conversation_id).values_list("pk", flat=True))
        order.remove(run_id)
        order.insert(index, run_id)
        queue.arrange(row.conversation_id, order)

    return _started(await _change(owner_id, run_id, move), "queued")


async def remove_queued(owner_id: int, run_id: UUID) -> Started:
    """Remove a run from the queue: it is cancelled before it begins. Raises as ``edit_queued`` does."""
    row = await readers.run(_find, owner_id, run_id)
    await cancel(owner_id, run_id, reason="it was removed from the queue")
    return _started(row, "removed")


async def send_queued(owner_id: int, run_id: UUID) -> Started:
    """Cancel the run under way and begin with a queued run. Raises as ``edit_queued`` does.

    Returns:
        With the state ``created``; ``queued`` if the run before takes long to end.
    """

    def make_next(row: Run) -> None:
        Run.objects.filter(pk=row.pk).update(queue_place=queue.NEXT)

    row = await _change(owner_id, run_id, make_next)
    has_begun = await queueing.stop_and_begin(run_id, row.conversation_id)
    return _started(row, "created" if has_begun else "queued")


async def pause_queue(owner_id: int, conversation_id: UUID) -> None:
    """Let nothing begin by itself in a conversation.

    Raises:
        NotFound: there is no such conversation, or it belongs to another user.
    """
    await _set_pause(owner_id, conversation_id, QueuePause.PAUSED)


async def resume_queue(owner_id: int, conversation_id: UUID) -> None:
    """Let the queue of a conversation go on. Raises as ``pause_queue`` does."""
    await _set_pause(owner_id, conversation_id, "")
    await queueing.begin_next(conversation_id)


async def _set_pause(owner_id: int, conversation_id: UUID, why: str) -> None:
    here = supervisor.current()

    def store() -> None:
        own = Conversation.objects.filter(pk=conversation_id, owner_id=owner_id)
        is_known = own.exists() and queue.changed(conversation_id, queue_paused=why, queue_note="")
        if not is_known:
            raise NotFound

    here.note_queue(conversation_id)
    await here.journal.execute(store)
    here.feed.followers.changed(conversation_id)


async def _change(owner_id: int, run_id: UUID, change: Callable[[Run], None]) -> Run:
    """Change a queued run in a transaction that nobody else changes the queue in. Return its row from before."""
    here = supervisor.current()

    def store() -> Run:
        row = _find(owner_id, run_id)
        # Read again: until here it may have begun, in another process.
        if not queue.changed(row.conversation_id) or not queue.queued(pk=run_id).exists():
            raise NotQueued
        change(row)
        return row

    row = await here.journal.execute(store)
    here.feed.followers.changed(row.conversation_id, run_id)
    return row


def _find(owner_id: int, run_id: UUID) -> Run:
    row = Run.objects.filter(pk=run_id, owner_id=owner_id, conversation__erased_at=None).first()
    if row is None:
        raise NotFound
    if row.status != RunStatus.QUEUED or row.cancel_requested_at is not None:
        raise NotQueued
    return row


def _started(row: Run, state: str) -> Started:
    return Started(run_id=row.pk, conversation_id=row.conversation_id, state=state, status=row.status)
