"""The admin and the page's data say why a run or a step has no cost."""

import json

import pytest
from django.test import Client

from runs.admin.usage_columns import ShowsUsage
from tests.runs.conftest import Person
from tests.runs.rows import make_run, make_step

pytestmark = pytest.mark.django_db


def test_a_run_and_its_step_without_a_price_say_why(ada: Person) -> None:
    run = make_run(owner=ada.user, model="openai/nobody-knows-this", input_tokens=5, output_tokens=2)
    step = make_step(run, input_tokens=5, output_tokens=2)
    step.provider = "emulator"
    assert ShowsUsage().cost_known(run) == "– (no price is known for this model)"
    assert ShowsUsage().cost_known(step) == "– (no prices are known for this provider)"


def test_a_conversation_tells_it_of_each_run_that_has_no_cost(ada: Person) -> None:
    run = make_run(owner=ada.user, model="openai/nobody-knows-this", input_tokens=5, output_tokens=2)
    client = Client()
    client.force_login(ada.user)
    [told] = json.loads(client.get(f"/api/conversations/{run.conversation_id}/").content)["runs"]
    assert (told["cost"], told["cost_missing"]) == (None, "no price is known for this model")
