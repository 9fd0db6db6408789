"""Deciding about the pending calls of a paused run. Of concurrent decisions exactly one wins."""

from uuid import UUID

from django.db.models import Q

from concurrency.threads import readers
from providers.types import Json
from runs import limits
from runs.calls import human_decisions
from runs.calls.human_decisions import Decided
from runs.engine import paused, stop_signals, supervisor
from runs.engine.paused import PausedRun
from runs.engine.spec import RunSpec
from runs.engine.supervisor import Draining, Supervisor
from runs.errors import AlreadyTerminal, NotFound, NothingPending, Restarting, ServiceError
from runs.log.journal import Fenced
from runs.models import Run
from runs.models.audit import Actor
from runs.services import specs
from runs.states import TERMINAL, RunStatus
from runs.store.transitions import LostRace


async def resolve(owner_id: int, run_id: UUID, resume: list[Json], *, actor: Actor | None = None) -> None:
    """Store the decisions of ``owner_id`` about all pending calls, and continue the run.

    ``resume`` are AG-UI's ``ResumeEntry`` objects. Nothing changes unless all of them are valid. The audit log names
    ``actor``, by default only the number of the user.

    Raises:
        NotFound: there is no such run, or it does not belong to ``owner_id``.
        NothingPending: the run is not paused, or another decision came first; the message names its user.
        AlreadyTerminal: the run has ended, is being cancelled, or its approval deadline has passed.
        InterruptMismatch: the entries are not exactly about the pending calls and their arguments.
        BadDecision: an entry has a wrong payload, or edited arguments that the tool refuses.
        Restarting: the server is stopping.
        CatalogError: one of the run's models is not available any more; the run stays paused.
    """
    here = supervisor.current()
    await here.ready()
    found = await readers.run(_find, owner_id, run_id)
    if found.is_over or found.row.cancel_requested_at is not None:
        await here.undriven.end(run_id)
        raise AlreadyTerminal
    decided = human_decisions.decide(found.pending, resume)
    spec = specs.of_run(
        found.row,
        number=found.following.number,
        targets=specs.targets_from(found.row, found.origin),
        offer=found.offer,
        ceilings=await limits.of_user(owner_id),
        resume=found.resume_point(decided),
    )
    try:
        claim = here.claim(run_id, owner_id, segment=found.following.number)
    except Draining:
        raise Restarting from None
    try:
        await _go_on(here, found, decided, resume, spec, by=actor or Actor(user_id=owner_id))
    except (Fenced, LostRace):
        raise await readers.run(_why_not, run_id) from None
    finally:
        stop_signals.drop(claim)


async def _go_on(
    here: Supervisor,
    found: PausedRun,
    decided: tuple[Decided, ...],
    resume: list[Json],
    spec: RunSpec,
    *,
    by: Actor,
) -> None:
    run = found.row
    log = here.journal.open(run.id, fence=run.fence, last_seq=run.last_seq)
    here.feed.open(run.id, run.conversation_id)
    events = paused.going_on(found, decided, resume)

    def store() -> None:
        paused.go_on(found, decided, by=by, driver=here.executor.driver)
        here.executor.defer(run.id)

    try:
        await here.journal.commit(log, events, store)
    except BaseException:
        here.release(run.id)
        raise
    log.fence += 1
    here.executor.submit(spec, log)


def _find(owner_id: int, run_id: UUID) -> PausedRun:
    run = Run.objects.filter(pk=run_id, owner_id=owner_id).first()
    if run is None:
        raise NotFound
    found = paused.read(run_id)
    if found is None:
        raise _why_not(run_id)
    return found


def _why_not(run_id: UUID) -> ServiceError:
    """Return the reason why nothing is pending: the run has ended, or another decision was stored first."""
    is_being_cancelled = Q(status=RunStatus.AWAITING_APPROVAL, cancel_requested_at__isnull=False)
    if Run.objects.filter(Q(status__in=TERMINAL) | is_being_cancelled, pk=run_id).exists():
        return AlreadyTerminal()
    if (last := paused.last_decision(run_id)) is None:
        return NothingPending()
    username = last.decided_by.get_username() if last.decided_by else "somebody"
    return NothingPending(
        f"This run waits for nothing: {username} decided at {last.decided_at:%H:%M:%S} UTC."
    )
