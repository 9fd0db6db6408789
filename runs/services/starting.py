"""Starting a run: check the request; then launch the run, or queue it."""

from dataclasses import replace
from functools import partial

from concurrency.threads import readers
from providers import catalog
from providers.catalog import Target
from runs import limits
from runs.engine import stop_signals, supervisor
from runs.engine.supervisor import Draining
from runs.errors import Conflict, ConversationBusy, Restarting, ServiceError, TooManyRuns
from runs.limits import Ceilings, rates
from runs.services import launching, new_run, options, own_ids, queueing
from runs.services.launching import Launch
from runs.services.new_run import PreparedStart, Repeated, Started, StartRequest, WhenBusy
from runs.store import queue
from runs.usage import daily


async def start(owner_id: int, request: StartRequest) -> Started:
    """Store a run and begin to drive it, or queue it if its conversation is busy and it may wait. Return the stored run.

    If another user has a run with the chosen id, the run is stored under a substitute, and nothing else is different.
    A repeated start returns the state ``exists``, even if limits or keys have changed in the meantime.

    Raises:
        RateLimited: the user starts too many runs in a minute, or has nothing left of the day's tokens or money. A
            repeated start counts too.
        AboveLimit: the start asks for more steps or retries than the user may use.
        CatalogError: one of the models is unknown, or its provider is not available.
        TooManyRuns: the user has as many live and paused runs as allowed.
        Restarting: the server is stopping.
        ServiceError: another reason; ``new_run.prepare``, ``storing.store`` and ``queueing.enqueue`` list them.
    """
    here = supervisor.current()
    await here.ready()
    ceilings = await limits.of_user(owner_id)
    await rates.count_start(owner_id, per_minute=ceilings.starts_per_minute)
    options.refuse_above(request.options, ceilings)
    if daily.is_limited(ceilings):
        request = replace(request, allowance=await readers.run(daily.left, owner_id, ceilings))
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
        targets = await launching.targets_of(request)
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
            new = Launch(
                prepared=prepared, targets=targets, ceilings=ceilings, signal=claim.signal, cost=cost
            )
            started = await _launch_or_queue(new)
    except Repeated as repeated:
        return repeated.started
    finally:
        stop_signals.drop(claim)
    if started.state == "queued" and request.when_busy == WhenBusy.INTERRUPT:
        if await queueing.stop_and_begin(started.run_id, started.conversation_id):
            return replace(started, state="created")
    elif started.state == "queued":
        await queueing.begin_next(started.conversation_id)
    return started


async def _launch_or_queue(new: Launch) -> Started:
    """Launch a run, or queue it if its conversation is busy and the start says so."""
    request = new.prepared.request
    key = request.conversation_id
    # What was queued before goes first.
    if request.when_busy == WhenBusy.QUEUE and key is not None and await readers.run(queue.goes_on, key):
        return await queueing.enqueue(new.prepared)
    try:
        return await launching.launch(new)
    except ConversationBusy:
        if request.when_busy == WhenBusy.REJECT:
            raise
    return await queueing.enqueue(new.prepared, is_next=request.when_busy == WhenBusy.INTERRUPT)


async def _prepare(
    owner_id: int, request: StartRequest, targets: tuple[Target, ...], cost: rates.Cost
) -> PreparedStart:
    prepare = partial(cost.of, partial(new_run.prepare, owner_id, request, targets))
    try:
        return await readers.run(prepare) if new_run.needs_reading(request) else prepare()
    except ServiceError:
        if (known := await readers.run(new_run.known, owner_id, request)) is not None:
            raise Repeated(known) from None
        raise
