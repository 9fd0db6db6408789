"""How long the ceilings of a user are kept, and what holds until they are read anew."""

import asyncio
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import InterfaceError

from concurrency.threads import readers
from runs import limits
from runs.limits import ceilings
from runs.models import GroupLimits
from tests.runs.conftest import Connect, Person
from tests.runs.rows import make_group, make_user

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def unread() -> Iterator[None]:
    ceilings._cache.users.clear()
    yield
    ceilings._cache.users.clear()


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Return a function that puts the clock forward, in seconds."""
    return lambda seconds: monkeypatch.setattr(ceilings, "now", lambda: time.monotonic() + seconds)


def change_elsewhere(group: Group, **values: Any) -> None:
    """Change a group's limits as another process does: without a signal here."""
    GroupLimits.objects.filter(group=group).update(**values)


async def until_cached(user: Any, *, runs: int) -> None:
    async with asyncio.timeout(10):
        while limits.cached(user.pk).runs != runs:
            await asyncio.sleep(0.01)


async def test_nobody_waits_for_what_is_read_anew_in_time(
    ada: Person, connect: Connect, later: Callable[[float], None]
) -> None:
    group = await readers.run(make_group, ada.user, "guests", runs=2)
    assert (await connect(ada)).frames[0]["limits"]["runs"] == 2
    await readers.run(change_elsewhere, group, runs=3)
    later(ceilings.KEPT_SECONDS / 2)
    assert (await limits.of_user(ada.user.pk)).runs == 2
    await until_cached(ada.user, runs=3)


async def test_a_change_elsewhere_holds_for_a_start_after_ten_seconds(
    ada: Person, later: Callable[[float], None]
) -> None:
    group = await readers.run(make_group, ada.user, "guests", runs=2)
    assert (await limits.of_user(ada.user.pk)).runs == 2
    await readers.run(change_elsewhere, group, runs=3)
    later(ceilings.KEPT_SECONDS)
    assert (await limits.of_user(ada.user.pk)).runs == 3


async def test_a_change_elsewhere_reaches_a_user_who_only_sends_frames(
    ada: Person, later: Callable[[float], None]
) -> None:
    group = await readers.run(make_group, ada.user, "guests", runs=2)
    await limits.of_user(ada.user.pk)
    await readers.run(change_elsewhere, group, runs=3)
    later(ceilings.KEPT_SECONDS)
    assert limits.cached(ada.user.pk).runs == 2
    await until_cached(ada.user, runs=3)


async def test_a_change_of_one_group_gives_no_other_user_the_bare_settings(ada: Person, eve: Person) -> None:
    await readers.run(make_group, ada.user, "guests", runs=2)
    await limits.of_user(ada.user.pk)
    await readers.run(make_group, eve.user, "others", runs=4)
    assert limits.cached(ada.user.pk).runs == 2
    assert (await limits.of_user(eve.user.pk)).runs == 4


async def test_a_change_here_holds_at_once_on_the_event_loop(ada: Person) -> None:
    group = await readers.run(make_group, ada.user, "guests", runs=2)
    assert (await limits.of_user(ada.user.pk)).runs == 2
    await readers.run(GroupLimits(pk=group.limits.pk, group=group, runs=3).save)
    assert (await limits.of_user(ada.user.pk)).runs == 3


async def test_a_reading_that_a_change_overtakes_is_old(ada: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    read = ceilings._of_groups

    def overtaken(user_id: int) -> dict[str, Any]:
        found = read(user_id)
        make_group(ada.user, "guests", runs=2)
        return found

    with monkeypatch.context() as patched:
        patched.setattr(ceilings, "_of_groups", overtaken)
        assert (await limits.of_user(ada.user.pk)).runs == limits.ceilings.defaults().runs
    assert (await limits.of_user(ada.user.pk)).runs == 2


async def test_what_was_never_read_is_read_by_the_first_frame(ada: Person) -> None:
    await readers.run(make_group, ada.user, "guests", runs=2)
    assert limits.cached(ada.user.pk).runs == ceilings.defaults().runs
    await until_cached(ada.user, runs=2)


async def test_the_last_limits_hold_while_the_database_is_away(
    ada: Person, later: Callable[[float], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(user_id: int) -> dict[str, Any]:
        raise InterfaceError("away")

    await readers.run(make_group, ada.user, "guests", runs=2)
    await limits.of_user(ada.user.pk)
    later(ceilings.KEPT_SECONDS)
    monkeypatch.setattr(ceilings, "_of_groups", away)
    assert (await limits.of_user(ada.user.pk)).runs == 2


def test_one_user_too_many_displaces_the_one_who_was_read_longest_ago(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ceilings, "_KEPT_USERS", 2)
    first, second, third = (make_user(name) for name in ("ada", "bob", "eve"))
    for user in (first, second, first, third):
        limits.of(user.pk)
        ceilings.forget_all()
    assert list(ceilings._cache.users) == [first.pk, third.pk]


async def test_a_socket_follows_as_many_as_the_group_says_after_a_change_of_another(
    ada: Person, eve: Person, connect: Connect
) -> None:
    await readers.run(make_group, ada.user, "guests", subscriptions=1)
    socket = await connect(ada)
    await socket.start("emulator/silent")
    await readers.run(make_group, eve.user, "others", runs=4)
    refused = await socket.ask("start", model="emulator/echo", input="hi")
    assert (refused.get("code"), refused.get("limit")) == ("rate_limited", "subscriptions")
