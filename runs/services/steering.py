"""Steering a run: what a user says meanwhile is handed to its model at the next step.

Until then it is queued. If there is no next step, it begins as a run of its own, before what is queued otherwise.
"""

from dataclasses import dataclass, replace
from uuid import UUID

from uuid6 import uuid7

from concurrency.log_context import bound_value
from concurrency.threads import readers
from providers.types import Json
from runs import limits
from runs.engine import supervisor
from runs.errors import NotFound
from runs.limits import rates
from runs.models import Run
from runs.services import launching, new_run, queueing
from runs.services.new_run import StartRequest
from runs.states import ACTIVE

#: Options of a start that hold for that start only.
_ONLY_ONCE = frozenset({"cancel_pending", "tools"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Steered:
    """Messages that were taken for a run. ``state`` is ``accepted``, or ``queued`` where no step follows."""

    run_id: UUID
    conversation_id: UUID
    #: The run that the messages become if no step follows.
    queued_run_id: UUID
    state: str


async def steer(owner_id: int, run_id: UUID, messages: list[Json], *, token_id: int | None = None) -> Steered:
    """Store AG-UI user messages for the next step of a run. ``token_id`` is the client's API token.

    Raises:
        NotFound: there is no such run, or it belongs to another user.
        RateLimited: the user starts too many runs in a minute; each such message counts as one.
        ServiceError: the messages cannot be sent or stored; ``new_run.prepare`` and ``queueing.enqueue`` list why.
        CatalogError: the run's model is not available any more.
    """
    here = supervisor.current()
    await here.ready()
    ceilings = await limits.of_user(owner_id)
    await rates.count_start(owner_id, per_minute=ceilings.starts_per_minute)
    run = await readers.run(_own, owner_id, run_id)
    request = replace(_request(run, messages), token_id=token_id)
    targets = await launching.targets_of(request)
    prepared = await readers.run(new_run.prepare, owner_id, request, targets)
    # Without tools a run has one step only.
    may_go_on = run.status in ACTIVE and bool(run.tool_names or run.client_tools)
    await queueing.enqueue(prepared, steers=run_id if may_go_on else None, is_next=False)
    await queueing.begin_next(run.conversation_id)
    return Steered(
        run_id=run_id,
        conversation_id=run.conversation_id,
        queued_run_id=request.run_id,
        state="accepted" if may_go_on else "queued",
    )


def _own(owner_id: int, run_id: UUID) -> Run:
    run = Run.objects.filter(pk=run_id, owner_id=owner_id, conversation__erased_at=None).first()
    if run is None:
        raise NotFound
    return run


def _request(run: Run, messages: list[Json]) -> StartRequest:
    return StartRequest(
        run_id=uuid7(),
        conversation_id=run.conversation_id,
        request_id=bound_value("request_id"),
        model=run.model,
        messages=messages,
        system=run.system,
        options={name: value for name, value in run.options.items() if name not in _ONLY_ONCE},
        client_tools=run.client_tools,
        budget=run.budget,
    )
