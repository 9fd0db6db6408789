"""Stores a checked start and drives its run. Every run begins here: one that a client starts, and one that was queued."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial

from concurrency.threads import readers
from providers import catalog
from providers.catalog import Target, cache
from providers.errors.stop_signal import StopSignal
from providers.types import Json
from runs.engine import supervisor
from runs.engine.spec import RunSpec
from runs.engine.step import name_of, new_row
from runs.errors import AwaitsDecision
from runs.limits import Ceilings
from runs.limits.rates import Cost
from runs.log import agui
from runs.log.run_log import RunLog
from runs.services import specs, storing
from runs.services.cancelling import cancel
from runs.services.lookup import run_to_be_cancelled
from runs.services.new_run import PreparedStart, Started, StartRequest
from runs.states import RunStatus
from runs.store.queue import Waiting

#: Seconds that a start waits for a refresh of the provider cache before it uses the cached rows.
_REFRESH_SECONDS = 0.5


@dataclass(frozen=True, kw_only=True, slots=True)
class Launch:
    """A start that was checked, with all that its run needs."""

    prepared: PreparedStart
    targets: tuple[Target, ...]
    ceilings: Ceilings
    #: The run's stop signal.
    signal: StopSignal
    #: Counts what it takes to store the run.
    cost: Cost = field(default_factory=Cost)
    #: The place in a queue that the run is taken from.
    taken: Waiting | None = None

    @property
    def spec(self) -> RunSpec:
        """The task of the run."""
        run = self.prepared.run
        return specs.of_run(
            run,
            number=1,
            targets=self.targets,
            offer=self.prepared.offer,
            ceilings=self.ceilings,
            first_step=new_row(run.pk, 1, self.targets[0]),
            conversation=self.prepared.history,
        )


async def targets_of(request: StartRequest) -> tuple[Target, ...]:
    """Return the targets that a start names.

    Raises:
        CatalogError: one of the models is unknown, or its provider is not available.
    """
    await refresh_providers(request.models)
    return tuple(map(catalog.resolve, request.models))


async def launch(new: Launch) -> Started:
    """Store a run and drive it. If it has ``cancel_pending``, the conversation's paused run is cancelled first.

    Raises:
        QueueChanged: the run was to be taken from a queue that has changed.
        ServiceError: ``storing.store`` lists the reasons.
    """
    here, spec = supervisor.current(), new.spec
    log = here.journal.open(spec.segment.run_id, fence=0, last_seq=0)
    here.feed.expect(spec.segment.run_id)
    try:
        spec = await _store(new, spec, log)
        here.executor.submit(spec, log)
    except BaseException:
        here.release(spec.segment.run_id)
        raise
    if new.prepared.place.begins or new.taken is not None:
        here.feed.followers.changed(spec.segment.conversation_id, spec.segment.run_id)
    return Started(
        run_id=spec.segment.run_id,
        conversation_id=spec.segment.conversation_id,
        state="created",
        status=RunStatus.CREATED.value,
    )


async def _store(new: Launch, spec: RunSpec, log: RunLog) -> RunSpec:
    """Store the run, with its first step unless it was cancelled before. Return what is stored."""
    try:
        return await _begin(new, spec, log)
    except AwaitsDecision:
        if not new.prepared.request.options.get("cancel_pending") or new.taken is not None:
            raise
    await _cancel_paused(new.prepared.owner_id, new.prepared.request)
    return await _begin(new, spec, log)


async def _begin(new: Launch, spec: RunSpec, log: RunLog) -> RunSpec:
    here, step = supervisor.current(), spec.first_step
    driver = here.executor.driver
    told = _metadata(new.prepared)
    events = [agui.run_started(spec.segment, messages=spec.messages, metadata=told)]
    if step is not None and driver is not None:
        events.append(agui.step_started(name_of(step)))

    def store() -> int:
        # A run that was cancelled while it waited for the journal does not begin.
        begins = step is not None and driver is not None and not new.signal.is_set()
        if new.taken is not None:
            new.taken.take()
        storing.store(new.prepared, step if begins else None, driver, new.ceilings)
        here.executor.defer(spec.segment.run_id)
        return 2 if begins else 1

    kept = await here.journal.begin(log, events, partial(new.cost.of, store))
    return spec if kept == len(events) else replace(spec, first_step=None)


def _metadata(prepared: PreparedStart) -> Json:
    """Return what ``RUN_STARTED`` tells of a run's place; a run behind the shown branch names no parent."""
    place = prepared.place
    named = {"parent_id": place.parent_id and str(place.parent_id)} if place.begins else {}
    return {"message_ids": [str(row.pk) for row in prepared.messages], "begins": place.begins, **named}


async def _cancel_paused(owner_id: int, request: StartRequest) -> None:
    """Cancel the paused run that a start asks to cancel."""
    if (run_id := await run_to_be_cancelled(owner_id, request)) is not None:
        await cancel(owner_id, run_id, reason="a new message was sent")


async def refresh_providers(models: Sequence[str]) -> None:
    """Refresh the provider cache if it is due. Use the cached rows if the database is slow."""
    for slug in (model.partition("/")[0] for model in models):
        if cache.is_due(slug):
            with suppress(TimeoutError):
                await asyncio.wait_for(readers.run(cache.refresh_if_due, slug), _REFRESH_SECONDS)
            return
