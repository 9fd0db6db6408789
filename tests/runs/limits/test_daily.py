"""What a user's runs may use in 24 hours."""

from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone

from concurrency.threads import readers
from runs import limits
from runs.errors import RateLimited
from runs.models import Run
from runs.usage import daily
from tests.runs.conftest import Connect, Person
from tests.runs.rows import make_group, make_run, make_user

pytestmark = pytest.mark.django_db(transaction=True)


def test_what_is_left_is_a_budget(settings: Any) -> None:
    settings.RUNNEL_TOKENS_PER_DAY, settings.RUNNEL_COST_PER_DAY = 100, 2.0
    user, other = make_user("ada"), make_user("eve")
    make_run(owner=user, input_tokens=20, output_tokens=5, cost=Decimal("0.5"))
    make_run(owner=user, input_tokens=10, created_at=timezone.now() - timedelta(hours=25))
    make_run(owner=other, input_tokens=70)
    assert daily.left(user.pk, limits.of(user.pk)) == {"tokens": 75, "cost": 1.5}


def test_with_nothing_left_it_says_when_there_is_more(settings: Any) -> None:
    settings.RUNNEL_TOKENS_PER_DAY = 100
    user = make_user("ada")
    make_run(owner=user, input_tokens=100, created_at=timezone.now() - timedelta(hours=23))
    with pytest.raises(RateLimited) as refused:
        daily.left(user.pk, limits.of(user.pk))
    assert refused.value.limit == "tokens_per_day"
    assert 3500 < (refused.value.retry_after or 0) <= 3600


def test_the_smaller_of_two_budgets_holds() -> None:
    assert daily.least({"tokens": 5}, {"tokens": 9, "cost": 1.0}) == {"tokens": 5, "cost": 1.0}
    assert daily.least({"tokens": 9, "cost": 3.0}, {"tokens": 5}) == {"tokens": 5, "cost": 3.0}


async def test_a_run_stops_at_what_is_left_of_the_day(ada: Person, connect: Connect, settings: Any) -> None:
    settings.RUNNEL_TOKENS_PER_DAY = 30
    socket = await connect(ada)
    assert socket.frames[0]["limits"]["tokens_per_day"] == 30
    run_id = str(uuid4())
    frame = {"run_id": run_id, "model": "emulator/drip", "input": "Go on.", "budget": {"tokens": 5_000}}
    await socket.ask("start", **frame)
    end = await socket.ended(run_id)
    assert end["metadata"]["stop_reason"] == "budget_exhausted"
    run = await readers.run(Run.objects.get, pk=run_id)
    assert run.budget == {"tokens": 30}
    answer = await socket.ask("start", model="emulator/echo", input="hi")
    assert (answer["code"], answer["limit"]) == ("rate_limited", "tokens_per_day")
    assert answer["retry_after"] > 86_000


async def test_a_repeated_start_is_the_same_although_less_is_left(
    ada: Person, connect: Connect, settings: Any
) -> None:
    settings.RUNNEL_TOKENS_PER_DAY = 10_000
    socket = await connect(ada)
    frame = {"run_id": str(uuid4()), "model": "emulator/echo", "input": "hi"}
    await socket.ask("start", **frame)
    await socket.ended(frame["run_id"])
    assert (await socket.ask("start", **frame))["state"] == "exists"


async def test_a_group_can_set_it(ada: Person, connect: Connect) -> None:
    await readers.run(make_group, ada.user, "guests", tokens_per_day=10)
    await readers.run(lambda: make_run(owner=ada.user, input_tokens=10))
    answer = await (await connect(ada)).ask("start", model="emulator/echo", input="hi")
    assert answer["limit"] == "tokens_per_day"
