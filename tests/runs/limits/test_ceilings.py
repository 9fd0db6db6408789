"""Which limits hold for a user: the most generous of the user's groups, or else the setting."""

import time
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import Group

from runs import limits
from runs.limits import ceilings
from runs.models import GroupLimits
from tests.runs.conftest import Connect, Person
from tests.runs.rows import make_group, make_user

pytestmark = [
    pytest.mark.django_db(transaction=True),
    # Unfold 0.110 has not followed Django 6.1 here yet.
    pytest.mark.filterwarnings("ignore:Overriding get_action_choices"),
]


def test_a_user_without_groups_has_the_limits_of_the_settings(settings: Any) -> None:
    settings.RUNNEL_MAX_RUNS_PER_USER = 7
    assert limits.of(make_user("ada").pk).runs == 7


def test_a_group_sets_a_limit_below_the_setting_and_leaves_the_others(settings: Any) -> None:
    settings.RUNNEL_SOCKETS_PER_USER = 9
    user = make_user("ada")
    make_group(user, "guests", runs=2)
    found = limits.of(user.pk)
    assert (found.runs, found.sockets) == (2, 9)


def test_of_several_groups_the_most_generous_holds_for_each_limit() -> None:
    user = make_user("ada")
    make_group(user, "guests", runs=2, sockets=8)
    make_group(user, "staff", runs=30, sockets=4)
    found = limits.of(user.pk)
    assert (found.runs, found.sockets) == (30, 8)


def test_no_limit_of_a_day_is_the_most_generous() -> None:
    user = make_user("ada")
    make_group(user, "guests", tokens_per_day=5, cost_per_day=Decimal("1.50"))
    assert (limits.of(user.pk).tokens_per_day, limits.of(user.pk).cost_per_day) == (5, 1.5)
    make_group(user, "staff", cost_per_day=Decimal(0))
    assert limits.of(user.pk).cost_per_day == 0


def test_a_changed_limit_holds_at_once() -> None:
    user = make_user("ada")
    group = make_group(user, "guests", runs=2)
    assert limits.of(user.pk).runs == 2
    group.limits.runs = 3
    group.limits.save()
    assert limits.of(user.pk).runs == 3
    group.user_set.remove(user)
    assert limits.of(user.pk).runs == 500


def test_a_limit_that_another_process_changed_holds_when_what_is_kept_is_old(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    user = make_user("ada")
    group = make_group(user, "guests", runs=2)
    assert limits.of(user.pk).runs == 2
    GroupLimits.objects.filter(group=group).update(runs=3)
    assert limits.of(user.pk).runs == 2
    monkeypatch.setattr(ceilings, "now", lambda: time.monotonic() + ceilings.KEPT_SECONDS)
    assert limits.of(user.pk).runs == 3


def test_an_admin_sets_the_limits_on_the_page_of_the_group(client: Any) -> None:
    client.force_login(make_user("root", is_staff=True, is_superuser=True))
    group = Group.objects.create(name="guests")
    address = f"/admin/auth/group/{group.pk}/change/"
    assert "Limits of each user in this group" in client.get(address).content.decode()
    form = {
        "name": "guests",
        "limits-TOTAL_FORMS": "1",
        "limits-INITIAL_FORMS": "0",
        "limits-0-group": group.pk,
        "limits-0-runs": "3",
        "limits-0-cost_per_day": "2.5",
    }
    assert client.post(address, form).status_code == 302
    found = GroupLimits.objects.get(group=group)
    assert (found.runs, found.cost_per_day, found.sockets) == (3, Decimal("2.5"), None)


def test_an_admin_cannot_set_a_limit_of_no_runs(client: Any) -> None:
    client.force_login(make_user("root", is_staff=True, is_superuser=True))
    group = Group.objects.create(name="guests")
    form = {"name": "guests", "limits-TOTAL_FORMS": "1", "limits-INITIAL_FORMS": "0", "limits-0-runs": "0"}
    page = client.post(f"/admin/auth/group/{group.pk}/change/", form)
    assert "greater than or equal to 1" in page.content.decode()
    assert not GroupLimits.objects.exists()


async def test_ready_tells_a_client_its_limits(ada: Person, connect: Connect, settings: Any) -> None:
    settings.RUNNEL_MAX_RUNS_PER_USER = 7
    shown = (await connect(ada)).frames[0]["limits"]
    assert shown == {
        "frame_bytes": 65_536,
        "starts_per_minute": 1_800,
        "runs": 7,
        "sockets": 200,
        "subscriptions": 1_000,
        "frames_per_second": 2_000,
        "stored_megabytes": 2_000,
        "max_steps": 200,
        "max_retries": 10,
        "calls_per_step": 128,
        "queued_per_conversation": 20,
        "queued_per_user": 100,
    }
