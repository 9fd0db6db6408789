"""Times that other processes compare are the database's, whatever the clock of the process says that stores them."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from concurrency.threads import readers
from runs.models import Conversation, Run
from runs.services import conversations
from runs.services.conversations import Changes
from runs.store import clock, listing
from tests.runs.conftest import Connect, Person

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("server")]

#: How much later than now a stored time may be, or earlier.
NEAR = timedelta(minutes=5)


def times(run_id: str) -> dict[str, datetime | None]:
    run = Run.objects.select_related("conversation").get(pk=run_id)
    names = ("created_at", "updated_at", "changed_at", "seen_at")
    return {name: getattr(run.conversation, name) for name in names} | {
        f"run's {name}": getattr(run, name) for name in ("created_at", "started_at", "finished_at")
    }


def far_off(found: dict[str, datetime | None], now: datetime) -> list[str]:
    return [name for name, moment in found.items() if moment is None or abs(moment - now) > NEAR]


@pytest.mark.parametrize("skew", [timedelta(hours=1), timedelta(hours=-1)])
async def test_a_process_whose_clock_is_wrong_stores_right_times_and_others_find_what_it_changed(
    ada: Person, connect: Connect, skew: timedelta, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = timezone.now
    socket = await connect(ada)
    begun = await readers.run(clock.read)
    monkeypatch.setattr(timezone, "now", lambda: right() + skew)
    first = await socket.start("emulator/echo")
    await socket.ended(first["run_id"])
    again = await socket.start("emulator/echo", conversation_id=first["conversation_id"])
    await socket.ended(again["run_id"])
    for run_id in (first["run_id"], again["run_id"]):
        assert far_off(await readers.run(times, run_id), begun) == []
    change: Any = conversations.change_conversation
    await readers.run(change, ada.user, first["conversation_id"], Changes(title="Another", is_seen=True))
    assert far_off(await readers.run(times, first["run_id"]), begun) == []
    # Another process looks, whose clock is right.
    monkeypatch.setattr(timezone, "now", right)
    found, _ = await readers.run(listing.changed_since, (ada.user.pk,), begun)
    (key,) = await readers.run(lambda: list(Conversation.objects.values_list("pk", flat=True)))
    assert found == {key: ada.user.pk}
