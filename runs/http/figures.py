"""The figures under an answer: who gave it, how fast, and how much of the model's context is taken."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db.models import Count, Q, Sum

from providers.types.cost import CostIs
from providers.usage import price_lists
from runs.models import Conversation, Run, Step
from runs.models.step import StepPurpose
from runs.states import TERMINAL

#: Seconds of output below which a rate would say more about the network than about the model.
_SHORTEST = 0.1


def figures(run: Run) -> dict[str, Any]:
    """Return what the steps of ``run`` tell, for its JSON. Read ``run.steps`` in advance for many runs.

    ``seconds`` are from start to end without pauses, ``first_token_seconds`` from the start to the first token,
    ``tokens_per_second`` while tokens came, and ``upstream_closed_ms`` from a cancel to the closed connection.
    ``served`` names the models that answered, as ``provider/name``. ``context_tokens`` is what the last call
    was sent and answered, of the ``context_window`` that its model has. What is unknown is ``None``.
    """
    answering = (step for step in run.steps.all() if step.purpose == StepPurpose.ANSWER)
    steps = sorted(answering, key=lambda step: step.index)
    last = next((step for step in reversed(steps) if step.input_tokens is not None), None)
    window = None
    if last is not None:
        window = price_lists.context_window(last.provider, asked=last.model, served=last.model_served or None)
    return {
        "seconds": run.duration,
        "first_token_seconds": _first_token_seconds(run, steps),
        "tokens_per_second": _rate(steps),
        "upstream_closed_ms": run.upstream_closed_ms,
        "served": list(dict.fromkeys(f"{step.provider}/{step.model_served or step.model}" for step in steps)),
        "context_tokens": last and (last.input_tokens or 0) + (last.output_tokens or 0),
        "context_window": window,
    }


def conversation_cost(conversation: Conversation) -> dict[str, Any]:
    """Return the sum of what the runs of a conversation have cost, in US dollars, and its mark, as a run has them."""
    used = Q(status__in=TERMINAL) & ~Q(input_tokens=None, output_tokens=None)
    found = conversation.runs.aggregate(
        amount=Sum("cost"),
        unknown=Count("pk", filter=Q(cost=None) & used | Q(cost_is=CostIs.AT_LEAST.value)),
        about=Count("pk", filter=Q(cost_is=CostIs.ABOUT.value)),
    )
    if found["amount"] is None:
        return {"cost": None, "cost_is": None}
    kind = CostIs.AT_LEAST if found["unknown"] else CostIs.ABOUT if found["about"] else CostIs.EXACT
    return {"cost": float(found["amount"]), "cost_is": kind.value}


def seconds_between(begin: datetime | None, end: datetime | None) -> float | None:
    """Return the seconds from ``begin`` to ``end``; ``None`` if one of them is not known."""
    return None if begin is None or end is None else (end - begin).total_seconds()


def _first_token_seconds(run: Run, steps: Sequence[Step]) -> float | None:
    first = next((step.first_token_at for step in steps if step.first_token_at is not None), None)
    return seconds_between(run.started_at, first)


def _rate(steps: Sequence[Step]) -> float | None:
    tokens, seconds = 0, 0.0
    for step in steps:
        duration = seconds_between(step.first_token_at, step.finished_at)
        if duration is not None and step.output_tokens is not None:
            tokens += step.output_tokens
            seconds += duration
    return tokens / seconds if seconds > _SHORTEST and tokens else None
