"""Starting a run: check the request, store the run, drive it."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from uuid import UUID

from concurrency.threads import readers
from providers import catalog
from providers.catalog import cache
from runs import limits
from runs.engine import stop_signals, supervisor
from runs.engine.spec import RunSpec
from runs.engine.supervisor import Draining
from runs.errors import AwaitsDecision, Restarting, TooManyRuns
from runs.limits import Ceilings, rates
from runs.log.agui import Segment
from runs.services import new_run, options
from runs.services.cancelling import cancel
from runs.services.new_run import Started, StartRequest
from runs.usage import daily

#: Seconds that a start waits for a refresh of the provider cache before it uses the cached rows.
_REFRESH_SECONDS = 0.5


async def start(owner_id: int, request: StartRequest) -> Started:
    """Store a run and begin to drive it. Return the stored run.

    A repeated start returns the state ``exists``, even if limits or keys have changed in the meantime.

    Raises:
        RateLimited: the user starts too many runs in a minute, or has nothing left of the day's tokens or money. A
            repeated start counts too.
        AboveLimit: the start asks for more steps or retries than the user may use.
        CatalogError: one of the models is unknown, or its provider is not available.
        TooManyRuns: the user has as many live and paused runs as allowed.
        Restarting: the server is stopping.
        ServiceError: another reason; ``new_run.store`` lists them.
    """
    here = supervisor.current()
    await here.ready()
    ceilings = await limits.of_user(owner_id)
    await rates.count_start(owner_id, per_minute=ceilings.starts_per_minute)
    options.refuse_above(request.options, ceilings)
    if daily.is_limited(ceilings):
        request = replace(request, allowance=await readers.run(daily.left, owner_id, ceilings))
    await _refresh_providers(request.models)
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
            started = await _store(owner_id, request, targets, ceilings, cost)
        if started.state == "created":
            here.launch(_spec(owner_id, request, targets, started, ceilings))
    finally:
        stop_signals.drop(claim)
    return started


def _spec(
    owner_id: int,
    request: StartRequest,
    targets: tuple[catalog.Target, ...],
    started: Started,
    ceilings: Ceilings,
) -> RunSpec:
    return RunSpec(
        segment=Segment(conversation_id=started.conversation_id, run_id=request.run_id),
        owner_id=owner_id,
        targets=targets,
        policy=options.retry_policy(request.options, ceilings),
        system=request.system,
        options=options.for_model(request.options),
        messages=request.messages,
        offer=started.offer,
        max_steps=options.max_steps(request.options, ceilings),
        budget=request.spendable,
    )


async def _store(
    owner_id: int,
    request: StartRequest,
    targets: tuple[catalog.Target, ...],
    ceilings: Ceilings,
    cost: rates.Cost,
) -> Started:
    """Store a run. If the request is valid and has ``cancel_pending``, first cancel the paused run."""
    here = supervisor.current()

    def store() -> Started:
        return cost.of(lambda: new_run.store(owner_id, request, targets, here.settings, ceilings))

    try:
        return await here.journal.execute(store)
    except AwaitsDecision:
        if not request.options.get("cancel_pending"):
            raise
    await _cancel_paused(owner_id, request)
    return await here.journal.execute(store)


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
