"""What waits for a user's decision, in all of the user's conversations. Reads the database and changes nothing."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Q, QuerySet
from django.db.models.functions import Now

from providers.types import Json
from runs import toolbox
from runs.calls import offers
from runs.calls.offers import OfferedTools
from runs.engine import endings, paused
from runs.models import Run, ToolCall
from runs.models.tool_call import ToolCallStatus
from runs.states import RunStatus


@dataclass(frozen=True, kw_only=True, slots=True)
class WaitingRun:
    """A paused run, with its conversation, and what is asked about it."""

    row: Run
    #: When the first of its calls was made.
    since: datetime
    #: AG-UI's interrupts, one for each pending call.
    interrupts: list[Json]


def count(owner_id: int) -> int:
    """Return how many runs of a user wait for a decision."""
    return _waiting(owner_id).count()


def of(owner_id: int, *, most: int) -> list[WaitingRun]:
    """Return the runs of a user that wait for a decision, ``most`` of them, first those whose deadline comes first."""
    rows = list(
        _waiting(owner_id).select_related("conversation", "log").order_by("awaiting_until", "pk")[:most]
    )
    if not rows:
        return []
    usable = toolbox.usable(owner_id)
    calls: dict[UUID, list[ToolCall]] = defaultdict(list)
    pending = ToolCall.objects.filter(run__in=rows, status=ToolCallStatus.PENDING)
    for call in pending.order_by("position"):
        calls[call.run_id].append(call)
    found = []
    for row in rows:
        offer = OfferedTools(
            tools={name: usable[name] for name in row.tool_names if name in usable},
            client=offers.client_specs(row.client_tools, strict=False),
        )
        if its := calls[row.pk]:
            planned = [paused.planned(call, offer) for call in its]
            interrupts = endings.interrupts_of(planned, row.awaiting_until)
            found.append(WaitingRun(row=row, since=its[0].created_at, interrupts=interrupts))
    return found


def _waiting(owner_id: int) -> QuerySet[Run]:
    in_time = Q(awaiting_until=None) | Q(awaiting_until__gt=Now())
    return Run.objects.filter(
        in_time,
        owner_id=owner_id,
        status=RunStatus.AWAITING_APPROVAL,
        cancel_requested_at=None,
        conversation__erased_at=None,
    )
