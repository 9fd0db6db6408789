"""The queue of a conversation: what waits in it, and how the next one begins. One door for all that begin it."""

import asyncio
import logging
from contextlib import suppress
from dataclasses import replace
from uuid import UUID

from django.conf import settings

from concurrency.threads import readers
from providers import catalog
from runs import limits
from runs.engine import stop_signals, supervisor
from runs.engine.cancel_request import CancelRequest
from runs.engine.supervisor import Draining
from runs.errors import (
    ConversationBusy,
    Forbidden,
    NotFound,
    QueueFull,
    ServiceError,
    TooManyRuns,
)
from runs.models import ApiToken, Run
from runs.models.conversation import QueuePause
from runs.models.run import Beginning
from runs.services import launching, new_run, storing
from runs.services.launching import Launch
from runs.services.new_run import PreparedStart, Repeated, Started, StartRequest, known
from runs.states import ACTIVE, CancelledBy, RunStatus
from runs.store import queue
from runs.store.queue import QueueChanged, Waiting
from runs.usage import daily

logger = logging.getLogger("runnel.queue")

#: Seconds that a command which stops the run before waits for the beginning of the next one.
PATIENCE = 5.0
#: Seconds between two looks for the beginning meanwhile, which another process may make.
_LOOK = 0.25


async def enqueue(prepared: PreparedStart, *, steers: UUID | None = None, is_next: bool = False) -> Started:
    """Store a checked start in the queue of its conversation. Return it with the state ``queued``.

    Args:
        prepared: the start.
        steers: the run at whose next step its model is to hear the messages.
        is_next: whether it begins before all others, even if the queue is paused.

    Raises:
        NotFound: the conversation was deleted.
        QueueFull: as many messages are queued as may be.
        Conflict: the run's id belongs to another user or to a different request.
        NoSuchFile: a file that a message names was deleted.
    """
    here, conversation_id = supervisor.current(), prepared.conversation.pk

    def store() -> None:
        if not queue.changed(conversation_id):
            raise NotFound
        _refuse_more(prepared.owner_id, conversation_id)
        prepared.run.steers_id = steers
        try:
            queue.add(prepared.run, is_next=is_next)
        except QueueChanged:
            raise _taken(prepared) from None
        if prepared.uploads:
            storing.show_uploads(prepared)

    here.note_queue(conversation_id)
    try:
        await here.journal.execute(store)
    except Repeated as repeated:
        return repeated.started
    here.feed.followers.changed(conversation_id, prepared.run.pk)
    return Started(
        run_id=prepared.run.pk,
        conversation_id=conversation_id,
        state="queued",
        status=RunStatus.QUEUED.value,
    )


async def begin_next(conversation_id: UUID) -> None:
    """Begin with what is queued, if nothing is in its way. A message that cannot be sent pauses the queue."""
    here = supervisor.current()
    while not here.draining:
        found = await readers.run(queue.next_of, conversation_id)
        if found is None:
            return
        try:
            await _begin(found)
        except QueueChanged:
            continue
        except (ConversationBusy, TooManyRuns, Draining, Repeated):
            # It is looked for again when a run ends, and at each heartbeat.
            return
        except (ServiceError, catalog.CatalogError) as why:
            await _pause(found, why.message)
        return


async def stop_and_begin(prepared_id: UUID, conversation_id: UUID) -> bool:
    """Cancel the run under way, and begin with what is sent next. Return whether it has begun.

    Waits ``PATIENCE`` seconds; what has not begun by then begins by itself.
    """
    here = supervisor.current()
    begun = here.launch_of(prepared_id)
    active = await readers.run(_active, conversation_id)
    if active is not None:
        request = CancelRequest(
            run_id=active, by=CancelledBy.USER, reason="a new message was sent", keeps_queue=True
        )
        await here.cancel(request)
    await begin_next(conversation_id)
    try:
        async with asyncio.timeout(PATIENCE):
            while not begun.is_set() and not await readers.run(_has_begun, prepared_id):
                with suppress(TimeoutError):
                    async with asyncio.timeout(_LOOK):
                        await begun.wait()
    except TimeoutError:
        return False
    return True


async def _begin(found: Waiting) -> None:
    (row,) = found.rows
    here = supervisor.current()
    ceilings = await limits.of_user(row.owner_id)
    token_id = row.queued_by_token
    if token_id is not None and not await readers.run(ApiToken.live().filter(pk=token_id).exists):
        raise Forbidden("The API token that queued the message was revoked, or has expired.")
    request = request_of(row)
    if daily.is_limited(ceilings):
        request = replace(request, allowance=await readers.run(daily.left, row.owner_id, ceilings))
    targets = await launching.targets_of(request)
    if here.live_count(row.owner_id) >= ceilings.runs:
        raise new_run.too_many(ceilings)
    claim = here.claim(row.pk, row.owner_id)
    claim.token_id = token_id
    try:
        prepared = await readers.run(new_run.prepare, row.owner_id, request, targets)
        # It answers to the start that made it, also after an edit.
        prepared.run.request_digest = row.request_digest
        await launching.launch(
            Launch(prepared=prepared, targets=targets, ceilings=ceilings, signal=claim.signal, taken=found)
        )
    finally:
        stop_signals.drop(claim)


def request_of(row: Run) -> StartRequest:
    """Return the start that a queued run was stored for."""
    has_own_words = row.begins not in {Beginning.AGAIN, Beginning.CONTINUE}
    return StartRequest(
        run_id=row.pk,
        chosen_id=row.chosen_id,
        conversation_id=row.conversation_id,
        token_id=row.queued_by_token,
        request_id=row.request_id,
        model=row.model,
        messages=row.input if has_own_words else [],
        names_parent=bool(row.begins),
        parent_id=row.parent_id,
        system=row.system,
        options=row.options,
        client_tools=row.client_tools,
        budget=row.budget,
    )


async def _pause(found: Waiting, why: str) -> None:
    """Pause a queue whose next message cannot be sent, unless it was changed meanwhile."""
    here, conversation_id = supervisor.current(), found.conversation_id

    def store() -> bool:
        columns = {"queue_paused": QueuePause.NOT_BEGUN, "queue_note": why}
        if not queue.changed(conversation_id, revision=found.revision, **columns):
            return False
        queue.queued(conversation_id=conversation_id, queue_place=queue.NEXT).update(queue_place=1)
        return True

    if await here.journal.execute(store):
        here.feed.followers.changed(conversation_id)


def _refuse_more(owner_id: int, conversation_id: UUID) -> None:
    for name, of, most in (
        (
            "queued_per_conversation",
            {"conversation_id": conversation_id},
            settings.RUNNEL_QUEUED_PER_CONVERSATION,
        ),
        ("queued_per_user", {"owner_id": owner_id}, settings.RUNNEL_QUEUED_PER_USER),
    ):
        if queue.queued(**of).count() >= most:
            where = "in this conversation" if "conversation_id" in of else "in all your conversations"
            raise QueueFull(
                f"At most {most:,} messages may wait {where}. Wait for one to be sent, or remove one.",
                limit=name,
                retry_after=PATIENCE,
            )


def _taken(prepared: PreparedStart) -> Exception:
    existing = known(prepared.owner_id, prepared.request)
    return NotFound() if existing is None else Repeated(existing)


def _active(conversation_id: UUID) -> UUID | None:
    active = Run.objects.filter(conversation_id=conversation_id, status__in=ACTIVE)
    return active.order_by().values_list("pk", flat=True).first()


def _has_begun(run_id: UUID) -> bool:
    """Return whether a run was taken out of its queue to begin."""
    return Run.objects.filter(pk=run_id, queue_place=None).exists()
