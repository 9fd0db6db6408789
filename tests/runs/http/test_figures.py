"""The figures that the page shows under an answer and for a conversation."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from providers.usage import price_lists
from runs.models.tool_call import ToolCallStatus
from runs.states import RunStatus
from tests.runs.rows import make_call, make_run, make_step

pytestmark = pytest.mark.django_db


@pytest.fixture
def user() -> User:
    return User.objects.create_user("ada")


def told(user: User, run: Any) -> dict[str, Any]:
    """Return the conversation of ``run`` as the page gets it."""
    client = Client()
    client.force_login(user)
    answer: dict[str, Any] = client.get(f"/api/conversations/{run.conversation_id}/").json()
    return answer


def test_it_tells_how_fast_an_answer_came(user: User) -> None:
    run = make_run(owner=user, seconds=3)
    make_step(run, index=1, wait_ms=500, input_tokens=10, output_tokens=30)
    make_step(run, index=2, wait_ms=1000, input_tokens=100, output_tokens=20)

    [figures] = told(user, run)["runs"]
    assert figures["seconds"] == 3
    assert figures["first_token_seconds"] == 0.5
    assert figures["tokens_per_second"] == pytest.approx(50 / 2.5)
    assert figures["context_tokens"] == 120


def test_it_tells_for_how_long_a_call_has_run(user: User) -> None:
    run = make_run(owner=user, status=RunStatus.RUNNING)
    since = timezone.now() - timedelta(seconds=90)
    make_call(make_step(run), status=ToolCallStatus.RUNNING, started_at=since)
    [call] = told(user, run)["runs"][0]["tool_calls"]
    assert call["seconds"] is None
    assert 90 <= call["running_seconds"] < 150


def test_it_tells_nothing_that_it_does_not_know(user: User) -> None:
    run = make_run(owner=user)
    make_step(run, wait_ms=None)

    [figures] = told(user, run)["runs"]
    names = (
        "first_token_seconds",
        "tokens_per_second",
        "upstream_closed_ms",
        "context_tokens",
        "context_window",
    )
    assert {figures[name] for name in names} == {None}


def test_it_names_the_models_that_answered(user: User) -> None:
    run = make_run(owner=user, model="openai/gpt-5")
    make_step(run, index=1, model_served="gpt-5-2026-01-01")
    make_step(run, index=2, model_served="gpt-5-2026-01-01")

    assert told(user, run)["runs"][0]["served"] == ["openai/gpt-5-2026-01-01"]


def test_it_tells_when_the_provider_was_closed(user: User) -> None:
    run = make_run(owner=user, status=RunStatus.CANCELLED, upstream_closed_ms=12.5)
    assert told(user, run)["runs"][0]["upstream_closed_ms"] == 12.5


def test_it_tells_how_large_a_context_is(user: User, settings: Any) -> None:
    settings.OPENAI_API_KEY = "key"
    run = make_run(owner=user, model="openai/gpt-4o")
    make_step(run, input_tokens=10, output_tokens=None)
    # Whatever is priced loads the lists.
    price_lists._load()

    [figures] = told(user, run)["runs"]
    assert (figures["context_tokens"], figures["context_window"]) == (10, 128_000)


@pytest.mark.parametrize(
    ("costs", "expected"),
    [
        ([], (None, None)),
        ([(None, "", 5)], (None, None)),
        ([("0.5", "exact", 5), ("0.25", "exact", 5)], (0.75, "exact")),
        ([("0.5", "exact", 5), ("0.25", "about", 5)], (0.75, "about")),
        ([("0.5", "about", 5), ("0.25", "at_least", 5)], (0.75, "at_least")),
        # One without a price is missing in the sum; one that was refused is not.
        ([("0.5", "exact", 5), (None, "", 5)], (0.5, "at_least")),
        ([("0.5", "exact", 5), (None, "", None)], (0.5, "exact")),
    ],
)
def test_it_sums_up_what_a_conversation_has_cost(
    user: User, costs: list[tuple[str | None, str, int | None]], expected: tuple[float | None, str | None]
) -> None:
    first = make_run(owner=user, status=RunStatus.FAILED)
    for cost, kind, tokens in costs:
        run = make_run(
            owner=user, cost=None if cost is None else Decimal(cost), cost_is=kind, input_tokens=tokens
        )
        type(run).objects.filter(pk=run.pk).update(conversation=first.conversation_id)
    answer = told(user, first)
    assert (answer["cost"], answer["cost_is"]) == expected
