"""What the user has used and what that has cost: a page, and the same as JSON. Own data only."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from providers.text.hidden import visible
from runs.http.json_api import api
from runs.usage import wording
from runs.usage.conversations import by_conversation
from runs.usage.statistics import Figures, GroupBy, Scope, Statistics

#: The periods to choose from, in days.
PERIODS = (7, 30, 90)
DEFAULT_PERIOD = 30
#: Models, and conversations, that are listed.
MOST_LINES = 50

#: The counts of ``Figures`` that are told as JSON.
_TOLD = (
    "runs",
    "steps",
    "input_tokens",
    "cached_input_tokens",
    "output_tokens",
    "reasoning_tokens",
    "estimated_input_tokens",
    "estimated_output_tokens",
    "unpriced_steps",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class OwnUsage:
    """The usage of one user in one period."""

    days: int
    total: Figures
    #: By date, the newest first; days without runs are left out.
    by_day: list[tuple[Any, Figures]]
    #: By ``provider/name``, the dearest first.
    by_model: list[tuple[str, Figures]]
    #: By id and title; both are empty for the deleted ones together.
    by_conversation: list[tuple[UUID | None, str, Figures]]


def _usage(request: HttpRequest, user: Any) -> OwnUsage:
    asked = request.GET.get("days", "")
    days = next((period for period in PERIODS if str(period) == asked), DEFAULT_PERIOD)
    scope = Scope.last_days(days, user=user.get_username())
    found = Statistics(scope)
    daily = [(day, figures) for day, figures in found.by_day().items() if figures.runs or figures.steps]
    models = sorted(found.grouped(GroupBy.MODEL).items(), key=_dearest_first)
    return OwnUsage(
        days=days,
        total=found.total(),
        by_day=daily[::-1],
        by_model=models[:MOST_LINES],
        by_conversation=[
            (each.id, each.title, each.figures) for each in by_conversation(user.pk, scope, most=MOST_LINES)
        ],
    )


def _dearest_first(item: tuple[str, Figures]) -> tuple[float, int, str]:
    name, figures = item
    tokens = (figures.input_tokens or 0) + (figures.output_tokens or 0)
    return -float(figures.cost or 0), -tokens, name


@api("GET")
def figures(request: HttpRequest, user: User) -> JsonResponse:
    """Return the user's tokens and costs of the last 7, 30 or 90 ``days``: in all, by day, model and conversation."""
    found = _usage(request, user)
    return JsonResponse(
        {
            "days": found.days,
            "total": _told(found.total),
            "by_day": [{"day": day} | _told(each) for day, each in found.by_day],
            "by_model": [{"model": model} | _told(each) for model, each in found.by_model],
            "by_conversation": [
                {"conversation_id": key, "title": title} | _told(each)
                for key, title, each in found.by_conversation
            ],
        }
    )


def _told(figures: Figures) -> dict[str, Any]:
    cost = figures.cost
    return {name: getattr(figures, name) for name in _TOLD} | {
        "cost": None if cost is None else float(cost),
        "cost_is": None if cost is None else figures.cost_is.value,
    }


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """A row of a table, as text."""

    name: Any
    #: The conversation that the name leads to.
    conversation_id: UUID | None
    runs: str
    input: str
    output: str
    cost: str
    #: Whether some of it has no price, so that the cost is too low or unknown.
    is_unpriced: bool
    #: Tokens of this line, of ``most`` in one line of the table, for a bar.
    tokens: int
    most: int


@never_cache
@login_required
@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """Show the user's usage."""
    found = _usage(request, request.user)
    return render(
        request,
        "account/usage.html",
        {
            "days": found.days,
            "periods": PERIODS,
            "total": _lines([("", None, found.total)])[0],
            "by_day": _lines((day, None, each) for day, each in found.by_day),
            "by_model": _lines((model, None, each) for model, each in found.by_model),
            "by_conversation": _lines(
                (visible(title), key, each) for key, title, each in found.by_conversation
            ),
        },
    )


def _lines(rows: Iterable[tuple[Any, UUID | None, Figures]]) -> list[Line]:
    given = list(rows)
    counts = [(each.input_tokens or 0) + (each.output_tokens or 0) for _, _, each in given]
    return [
        Line(
            name=name,
            conversation_id=key,
            runs=wording.count(each.runs) if each.runs else "",
            input=wording.tokens(each.input_tokens, each.estimated_input_tokens),
            output=wording.tokens(each.output_tokens, each.estimated_output_tokens),
            cost=_cost(each),
            is_unpriced=each.unpriced_steps > 0,
            tokens=tokens,
            most=max(counts) or 1,
        )
        for (name, key, each), tokens in zip(given, counts, strict=True)
    ]


def _cost(figures: Figures) -> str:
    if figures.cost is None and figures.unpriced_steps:
        return "unpriced"
    return wording.dollars(figures.cost, figures.cost_is)
