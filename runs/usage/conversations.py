"""What the conversations of one user have used and cost. Read-only."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import F, QuerySet

from runs.models import Conversation, Step
from runs.usage.cells import step_sums
from runs.usage.statistics import Figures, Scope


@dataclass(frozen=True, kw_only=True, slots=True)
class ConversationFigures:
    """The statistics of one conversation, or of all deleted ones together."""

    #: ``None`` for the deleted ones.
    id: UUID | None
    title: str
    figures: Figures


def by_conversation(owner_id: int, scope: Scope, *, most: int) -> list[ConversationFigures]:
    """Return the ``most`` dearest conversations of a user in the period of ``scope``, and the deleted ones as the last line.

    Steps count on the day when they started. Conversations without a step in the period are left out.
    """
    steps = Step.objects.filter(
        run__owner_id=owner_id, started_at__gte=scope.since, started_at__lt=scope.until
    ).order_by()
    kept = _summed(steps.filter(run__conversation__erased_at=None))
    rows = list(
        kept.order_by(F("cost").desc(nulls_last=True), F("input_tokens").desc(nulls_last=True), "key")[:most]
    )
    titles = Conversation.objects.in_bulk([row["key"] for row in rows])
    found = [
        ConversationFigures(id=row["key"], title=titles[row["key"]].title, figures=_figures(row))
        for row in rows
        if row["key"] in titles
    ]
    deleted = steps.filter(run__conversation__erased_at__isnull=False).aggregate(**step_sums())
    if deleted["steps"]:
        found.append(ConversationFigures(id=None, title="", figures=_figures(deleted)))
    return found


def _summed(steps: QuerySet[Step]) -> Any:
    # Any: the stubs know no names that `values` gives.
    return steps.values(key=F("run__conversation_id")).annotate(**step_sums())


def _figures(row: dict[str, Any]) -> Figures:
    return Figures(**{name: value for name, value in row.items() if name != "key" and value is not None})
