"""The door through which a run changes: start, cancel, and what belongs to them; ``resolving`` is the other.

Whoever calls (a socket, a view, the admin) gets a typed error with a sentence, and learns nothing
of what belongs to somebody else: foreign and absent are the same error.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction

from concurrency.threads import readers
from providers import catalog
from providers.catalog import cache
from providers.models import ProviderTrace
from providers.retry.backoff import RetryPolicy
from runs.engine import cancellation, supervisor
from runs.engine.spec import RunSpec
from runs.engine.supervisor import Draining
from runs.errors import AwaitsDecision, ConversationBusy, NotFound, Restarting, TooManyRuns
from runs.log.agui import Segment
from runs.models import Conversation, Run
from runs.models.run import CancelMode
from runs.services import options, starts
from runs.services.starts import Started, StartRequest
from runs.states import ACTIVE, TERMINAL, RunStatus
from runs.store import transitions

#: So long a start waits for the providers of the database, now and then; then those from before will do.
_LOOKS_FOR_SECONDS = 0.5


@dataclass(frozen=True, kw_only=True, slots=True)
class Position:
    """How far a run is."""

    run_id: UUID
    last_seq: int
    status: str

    @property
    def is_finished(self) -> bool:
        """Whether nothing follows."""
        return self.status in TERMINAL


async def start(owner_id: int, request: StartRequest) -> Started:
    """Store a run and begin to drive it. Raises ``ServiceError`` and ``catalog.CatalogError``.

    A repeated start answers ``exists`` whatever has changed since, limits and keys included.
    """
    here = supervisor.current()
    await here.ready()
    await _look_for_providers(request.models)
    is_repeated = cancellation.get(request.run_id) is not None
    try:
        targets = tuple(map(catalog.resolve, request.models))
        if not is_repeated and here.live_count(owner_id) >= settings.RUNNEL_MAX_RUNS_PER_USER:
            raise TooManyRuns
        claim = here.claim(request.run_id, owner_id)
    except (catalog.CatalogError, TooManyRuns, Draining) as refusal:
        if (known := await readers.run(starts.known, owner_id, request)) is not None:
            return known
        if isinstance(refusal, Draining):
            raise Restarting from None
        raise
    try:
        started = await _store(owner_id, request, targets)
        if started.state == "created":
            here.launch(_assignment(owner_id, request, targets, started))
    finally:
        cancellation.drop(claim)
    return started


def _assignment(
    owner_id: int, request: StartRequest, targets: tuple[catalog.Target, ...], started: Started
) -> RunSpec:
    return RunSpec(
        segment=Segment(conversation_id=started.conversation_id, run_id=request.run_id),
        owner_id=owner_id,
        targets=targets,
        policy=RetryPolicy.from_settings(request.options.get("max_retries")),
        system=request.system,
        options=options.for_model(request.options),
        messages=request.messages,
        offer=started.offer,
        max_steps=options.max_steps(request.options),
        budget=request.budget,
    )


async def _store(owner_id: int, request: StartRequest, targets: tuple[catalog.Target, ...]) -> Started:
    """Store a run; one that waits is cancelled for it, if that was asked for and nothing else is wrong."""
    here = supervisor.current()

    def store() -> Started:
        return starts.store(owner_id, request, targets, here.terms)

    try:
        return await here.journal.execute(store)
    except AwaitsDecision:
        if not request.options.get("cancel_pending"):
            raise
    await _cancel_what_waits(owner_id, request)
    return await here.journal.execute(store)


async def to_be_cancelled(owner_id: int, request: StartRequest) -> UUID | None:
    """Return the run that waits for somebody and is cancelled for a start, if that asks for it."""
    if not request.options.get("cancel_pending"):
        return None
    return await readers.run(starts.waiting_run, owner_id, request)


async def _cancel_what_waits(owner_id: int, request: StartRequest) -> None:
    """Cancel the run that waits for somebody in the conversation of a start that asks for it."""
    if (run_id := await to_be_cancelled(owner_id, request)) is not None:
        await cancel(owner_id, run_id, reason="a new message was sent")


async def _look_for_providers(models: Sequence[str]) -> None:
    """Hear of what other processes have changed in the admin, where it is time to and the database is quick."""
    for slug in (model.partition("/")[0] for model in models):
        if cache.is_due(slug):
            with suppress(TimeoutError):
                await asyncio.wait_for(readers.run(cache.refresh_if_due, slug), _LOOKS_FOR_SECONDS)
            return


async def cancel(owner_id: int, run_id: UUID, *, mode: str = CancelMode.IMMEDIATE, reason: str = "") -> str:
    """Stop a run of ``owner_id``: its event is set at once, the answer comes after the store.

    Returns ``requested`` (also when it was requested before) or ``already_terminal``; raises
    ``NotFound``. The intent is queued on the journal in the same breath as the event is set, so
    that it is stored before any end that the cancel brings about.
    """
    live = cancellation.get(run_id)
    # Whose run it is the database tells: somebody else may be trying to start one by the same id.
    if live is not None and live.owner_id == owner_id and mode == CancelMode.IMMEDIATE:
        cancellation.request(run_id, by="user", reason=reason)
    here = supervisor.current()
    is_stored, waits = await here.journal.execute(
        lambda: _store_cancel(owner_id, run_id, mode=mode, reason=reason)
    )
    if is_stored and mode == CancelMode.IMMEDIATE:
        # A decision may have been faster than the store, and be driven here since.
        cancellation.request(run_id, by="user", reason=reason)
    if waits:
        await here.end_waiting(run_id)
    return "requested" if is_stored else "already_terminal"


def _store_cancel(owner_id: int, run_id: UUID, *, mode: str, reason: str) -> tuple[bool, bool]:
    """Store the intent; return whether the run had not ended, and whether it waits for somebody."""
    run = Run.objects.filter(pk=run_id, owner_id=owner_id)
    if not run.exists():
        raise NotFound
    is_stored = transitions.request_cancel(run_id, by="user", reason=reason, mode=mode)
    # After the store: it waited for whoever let the run pause at this moment, and a later pause finds the intent.
    return is_stored, run.filter(status=RunStatus.AWAITING_APPROVAL).exists()


def cancel_from_thread(user: Any, run_id: UUID, *, by: str = "user", reason: str = "") -> str:
    """Do what ``cancel`` does for a view or the admin; ``by="admin"`` may stop anybody's run.

    A live run's intent is stored by the journal: a thread that competes with it for the database's
    one lock waits for seconds when many runs write.
    """
    runs = Run.objects.filter(pk=run_id)
    if by != "admin":
        runs = runs.filter(owner=user)
    status = runs.values_list("status", flat=True).first()
    if status is None:
        raise NotFound
    if status in TERMINAL:
        return "already_terminal"
    live = cancellation.get(run_id)
    if live is None:
        is_stored = transitions.request_cancel(run_id, by=by, reason=reason)
        if is_stored:
            # A decision may have been faster than the store, and be driven here since.
            cancellation.request(run_id, by=by, reason=reason)
        if status == RunStatus.AWAITING_APPROVAL:
            # Nothing drives it: its server ends it, here at once, elsewhere at its next heartbeat.
            transaction.on_commit(partial(supervisor.end_waiting_soon, run_id))
    elif connection.in_atomic_block:
        # The journal would wait for this transaction, and this transaction for the journal.
        cancellation.request(run_id, by=by, reason=reason)
        is_stored = transitions.request_cancel(run_id, by=by, reason=reason)
    else:
        is_stored = supervisor.wait_on(live.loop, lambda: _request_cancel(run_id, by=by, reason=reason))
    return "requested" if is_stored else "already_terminal"


async def _request_cancel(run_id: UUID, *, by: str, reason: str) -> bool:
    cancellation.request(run_id, by=by, reason=reason)
    return await supervisor.current().journal.execute(
        lambda: transitions.request_cancel(run_id, by=by, reason=reason)
    )


async def locate_run(owner_id: int, run_id: UUID) -> Position:
    """Return how far a run of ``owner_id`` is, or raise ``NotFound``."""
    position = await readers.run(_position, Run.objects.filter(pk=run_id, owner_id=owner_id))
    if position is None:
        raise NotFound
    return position


async def locate_conversation(owner_id: int, conversation_id: UUID) -> Position | None:
    """Return how far the active run of a conversation is, ``None`` without one; or ``NotFound``."""

    def read() -> tuple[bool, Position | None]:
        if not Conversation.objects.filter(pk=conversation_id, owner_id=owner_id).exists():
            return False, None
        return True, _position(Run.objects.filter(conversation_id=conversation_id, status__in=ACTIVE))

    is_known, position = await readers.run(read)
    if not is_known:
        raise NotFound
    return position


def _position(runs: Any) -> Position | None:
    row = runs.values_list("id", "last_seq", "status").first()
    return Position(run_id=row[0], last_seq=row[1], status=row[2]) if row else None


def delete_conversation(user: Any, conversation_id: UUID) -> None:
    """Delete a conversation of ``user`` with its runs, log and traces.

    Raises ``NotFound``, and ``ConversationBusy`` while a run is under way.
    """
    with transaction.atomic():
        conversation = Conversation.objects.filter(pk=conversation_id, owner=user).first()
        if conversation is None:
            raise NotFound
        if conversation.runs.filter(status__in=ACTIVE).exists():
            raise ConversationBusy
        run_ids = list(conversation.runs.values_list("id", flat=True))
        ProviderTrace.objects.filter(run_id__in=run_ids).delete()
        conversation.delete()
