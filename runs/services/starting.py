"""Starting a run: check the request, store the run, drive it."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from uuid import UUID

from concurrency.threads import readers
from providers import catalog
from providers.catalog import cache
from providers.errors.stop_signal import StopSignal
from providers.types import Json
from runs import limits
from runs.engine import stop_signals, supervisor
from runs.engine.spec import RunSpec
from runs.engine.step import name_of, new_row
from runs.engine.supervisor import Draining
from runs.errors import AwaitsDecision, Conflict, Restarting, ServiceError, TooManyRuns
from runs.limits import Ceilings, rates
from runs.log import agui
from runs.log.agui import Segment
from runs.log.run_log import RunLog
from runs.services import new_run, options, own_ids, storing
from runs.services.cancelling import cancel
from runs.services.new_run import PreparedStart, Repeated, Started, StartRequest
from runs.states import RunStatus
from runs.usage import daily

#: Seconds that a start waits for a refresh of the provider cache before it uses the cached rows.
_REFRESH_SECONDS = 0.5


async def start(owner_id: int, request: StartRequest) -> Started:
    """Store a run and begin to drive it. Return the stored run.

    If another user has a run with the chosen id, the run is stored under a substitute, and nothing else is different.
    A repeated start returns the state ``exists``, even if limits or keys have changed in the meantime.

    Raises:
        RateLimited: the user starts too many runs in a minute, or has nothing left of the day's tokens or money. A
            repeated start counts too.
        AboveLimit: the start asks for more steps or retries than the user may use.
        CatalogError: one of the models is unknown, or its provider is not available.
        TooManyRuns: the user has as many live and paused runs as allowed.
        Restarting: the server is stopping.
        ServiceError: another reason; ``new_run.prepare`` and ``storing.store`` list them.
    """
    here = supervisor.current()
    await here.ready()
    ceilings = await limits.of_user(owner_id)
    await rates.count_start(owner_id, per_minute=ceilings.starts_per_minute)
    options.refuse_above(request.options, ceilings)
    if daily.is_limited(ceilings):
        request = replace(request, allowance=await readers.run(daily.left, owner_id, ceilings))
    await _refresh_providers(request.models)
    try:
        return await _start(owner_id, request, ceilings)
    except Conflict:
        if not await readers.run(own_ids.is_taken_by_another, owner_id, request.run_id):
            raise
    return await _start(owner_id, request.with_substitute(owner_id), ceilings)


async def _start(owner_id: int, request: StartRequest, ceilings: Ceilings) -> Started:
    here = supervisor.current()
    is_repeated = stop_signals.get(request.run_id) is not None
    try:
        targets = tuple(map(catalog.resolve, request.models))
        if not is_repeated and here.live_count(owner_id) >= ceilings.runs:
            raise new_run.too_many(ceilings)
        claim = here.claim(request.run_id, owner_id)
    except (catalog.CatalogError, TooManyRuns, Draining) as refusal:
        if (known := await readers.run(new_run.known, owner_id, request)) is not None:
            return known
        if isinstance(refusal, Draining):
            raise Restarting from None
        raise
    try:
        async with rates.storing(owner_id) as cost:
            prepared = await _prepare(owner_id, request, targets, cost)
            return await _store_and_launch(prepared, targets, ceilings, claim.signal, cost)
    except Repeated as repeated:
        return repeated.started
    finally:
        stop_signals.drop(claim)


async def _prepare(
    owner_id: int, request: StartRequest, targets: tuple[catalog.Target, ...], cost: rates.Cost
) -> PreparedStart:
    prepare = partial(cost.of, partial(new_run.prepare, owner_id, request, targets))
    try:
        return await readers.run(prepare) if new_run.needs_reading(request) else prepare()
    except ServiceError:
        if (known := await readers.run(new_run.known, owner_id, request)) is not None:
            raise Repeated(known) from None
        raise


async def _store_and_launch(
    prepared: PreparedStart,
    targets: tuple[catalog.Target, ...],
    ceilings: Ceilings,
    signal: StopSignal,
    cost: rates.Cost,
) -> Started:
    """Store a run and drive it. If it has ``cancel_pending``, the conversation's paused run is cancelled first."""
    here, spec = supervisor.current(), _spec(prepared, targets, ceilings)
    log = here.journal.open(spec.segment.run_id, fence=0, last_seq=0)
    here.feed.expect(spec.segment.run_id)
    try:
        spec = await _store(prepared, spec, log, ceilings, signal, cost)
        here.launch(spec, log)
    except BaseException:
        here.release(spec.segment.run_id)
        raise
    if prepared.place.begins:
        here.feed.conversation_changed(spec.segment.conversation_id, spec.segment.run_id)
    return Started(
        run_id=spec.segment.run_id,
        conversation_id=spec.segment.conversation_id,
        state="created",
        status=RunStatus.CREATED.value,
    )


def _spec(prepared: PreparedStart, targets: tuple[catalog.Target, ...], ceilings: Ceilings) -> RunSpec:
    request = prepared.request
    return RunSpec(
        segment=Segment(conversation_id=prepared.conversation.pk, run_id=request.run_id),
        owner_id=prepared.owner_id,
        targets=targets,
        policy=options.retry_policy(request.options, ceilings),
        system=request.system,
        options=options.for_model(request.options),
        messages=prepared.place.messages,
        offer=prepared.offer,
        max_steps=options.max_steps(request.options, ceilings),
        budget=request.spendable,
        first_step=new_row(request.run_id, 1, targets[0]),
        conversation=prepared.history,
    )


async def _store(
    prepared: PreparedStart,
    spec: RunSpec,
    log: RunLog,
    ceilings: Ceilings,
    signal: StopSignal,
    cost: rates.Cost,
) -> RunSpec:
    """Store the run, with its first step unless it was cancelled before. Return what is stored."""
    try:
        return await _begin(prepared, spec, log, ceilings, signal, cost)
    except AwaitsDecision:
        if not prepared.request.options.get("cancel_pending"):
            raise
    await _cancel_paused(prepared.owner_id, prepared.request)
    return await _begin(prepared, spec, log, ceilings, signal, cost)


async def _begin(
    prepared: PreparedStart,
    spec: RunSpec,
    log: RunLog,
    ceilings: Ceilings,
    signal: StopSignal,
    cost: rates.Cost,
) -> RunSpec:
    here, step = supervisor.current(), spec.first_step
    events = [agui.run_started(spec.segment, messages=spec.messages, metadata=_metadata(prepared))]
    if step is not None:
        events.append(agui.step_started(name_of(step)))

    def store() -> int:
        # A run that was cancelled while it waited for the journal does not begin.
        begins = step is not None and not signal.is_set()
        storing.store(prepared, step if begins else None, here.settings, ceilings)
        return 2 if begins else 1

    kept = await here.journal.begin(log, events, partial(cost.of, store))
    return spec if kept == len(events) else replace(spec, first_step=None)


def _metadata(prepared: PreparedStart) -> Json:
    """Return what ``RUN_STARTED`` tells of a run's place; a run behind the shown branch names no parent."""
    place = prepared.place
    named = {"parent_id": place.parent_id and str(place.parent_id)} if place.begins else {}
    return {"message_ids": [str(row.pk) for row in prepared.messages], "begins": place.begins, **named}


async def paused_run_to_cancel(owner_id: int, request: StartRequest) -> UUID | None:
    """Return the paused run that a start asks to cancel, ``None`` if there is none."""
    if not request.options.get("cancel_pending"):
        return None
    return await readers.run(new_run.paused_run, owner_id, request)


async def _cancel_paused(owner_id: int, request: StartRequest) -> None:
    """Cancel the paused run that a start asks to cancel."""
    if (run_id := await paused_run_to_cancel(owner_id, request)) is not None:
        await cancel(owner_id, run_id, reason="a new message was sent")


async def _refresh_providers(models: Sequence[str]) -> None:
    """Refresh the provider cache if it is due. Use the cached rows if the database is slow."""
    for slug in (model.partition("/")[0] for model in models):
        if cache.is_due(slug):
            with suppress(TimeoutError):
                await asyncio.wait_for(readers.run(cache.refresh_if_due, slug), _REFRESH_SECONDS)
            return
