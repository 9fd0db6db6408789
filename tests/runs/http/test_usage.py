"""What a user has used and paid: own data only, with the marks that costs have."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from runs.models import Conversation
from tests.runs.rows import make_run, make_step, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada() -> Any:
    return make_user("ada")


@pytest.fixture
def browser(ada: Any) -> Client:
    signed_in = Client()
    signed_in.force_login(ada)
    return signed_in


def told(browser: Client, days: int = 30) -> Any:
    return browser.get(f"/api/usage/?days={days}").json()


def test_it_adds_up_what_is_the_users_own(browser: Client, ada: Any) -> None:
    now = timezone.now()
    first = make_run(owner=ada, title="Rivers", model="openai/large")
    make_step(first, input_tokens=100, output_tokens=50, cost=Decimal("0.02"), cost_is="exact")
    make_step(first, index=2, input_tokens=10, output_tokens=5, cost=Decimal("0.01"), cost_is="exact")
    second = make_run(owner=ada, title="Lakes", model="openai/small", created_at=now - timedelta(days=2))
    make_step(second, input_tokens=1, output_tokens=1, cost=Decimal("0.5"), cost_is="exact")
    old = make_run(owner=ada, title="Seas", created_at=now - timedelta(days=60))
    make_step(old, input_tokens=7, output_tokens=7, cost=Decimal(9), cost_is="exact")
    foreign = make_run(owner=make_user("eve"), title="Hers")
    make_step(foreign, input_tokens=1000, output_tokens=1000, cost=Decimal(100), cost_is="exact")

    found = told(browser)
    assert (found["total"]["input_tokens"], found["total"]["output_tokens"]) == (111, 56)
    assert (found["total"]["cost"], found["total"]["cost_is"]) == (0.53, "exact")
    assert [(row["model"], row["cost"]) for row in found["by_model"]] == [
        ("openai/small", 0.5),
        ("openai/large", 0.03),
    ]
    assert [(row["title"], row["cost"]) for row in found["by_conversation"]] == [
        ("Lakes", 0.5),
        ("Rivers", 0.03),
    ]
    assert [row["cost"] for row in found["by_day"]] == [0.03, 0.5]
    assert told(browser, 90)["total"]["cost"] == 9.53
    assert "Hers" not in browser.get("/usage/").text


@pytest.mark.parametrize(
    ("steps", "cost_is", "shown"),
    [
        ([(Decimal("0.25"), "exact")], "exact", "$0.25"),
        ([(Decimal("0.25"), "exact"), (Decimal("0.25"), "about")], "about", "≈\u00a0$0.5"),
        ([(Decimal("0.25"), "at_least")], "at_least", "≥\u00a0$0.25"),
        ([(Decimal("0.25"), "exact"), (None, "")], "at_least", "≥\u00a0$0.25"),
        ([(None, "")], None, "unpriced"),
    ],
)
def test_it_keeps_the_marks_of_a_cost(
    browser: Client, ada: Any, steps: list[tuple[Decimal | None, str]], cost_is: str | None, shown: str
) -> None:
    run = make_run(owner=ada, model="own/model")
    for index, (cost, kind) in enumerate(steps, start=1):
        make_step(run, index=index, input_tokens=1, output_tokens=1, cost=cost, cost_is=kind)
    found = told(browser)
    for row in (found["total"], *found["by_model"], *found["by_conversation"], *found["by_day"]):
        assert row["cost_is"] == cost_is
    page = browser.get("/usage/").text
    assert page.count(f">{shown}<") == 4
    assert ("some calls have no known price" in page) is (None in [cost for cost, _ in steps])


def test_estimates_are_marked_and_what_nobody_reported_is_unknown(browser: Client, ada: Any) -> None:
    run = make_run(owner=ada)
    make_step(run, input_tokens=3, estimated_input_tokens=3)
    page = browser.get("/usage/").text
    assert ">≈\u00a03<" in page
    assert told(browser)["total"]["output_tokens"] is None


def test_deleted_conversations_are_counted_together_and_without_their_titles(
    browser: Client, ada: Any
) -> None:
    for title in ("Secret one", "Secret two"):
        make_step(make_run(owner=ada, title=title), input_tokens=4, output_tokens=1)
    Conversation.objects.update(erased_at=timezone.now())
    (row,) = told(browser)["by_conversation"]
    assert (row["conversation_id"], row["title"], row["input_tokens"]) == (None, "", 8)
    page = browser.get("/usage/").text
    assert "Deleted conversations" in page
    assert "Secret" not in page


def test_titles_stay_words(browser: Client, ada: Any) -> None:
    make_step(make_run(owner=ada, title="<script>alert(1)</script>\u202e"), input_tokens=4)
    page = browser.get("/usage/").text
    assert "<script>alert" not in page
    assert "\\u202e" in page
    assert "\u202e" not in page


@pytest.mark.parametrize("days", ["31", "x", "", "-1"])
def test_an_odd_period_is_the_usual_one(browser: Client, days: str) -> None:
    assert browser.get(f"/api/usage/?days={days}").json()["days"] == 30
