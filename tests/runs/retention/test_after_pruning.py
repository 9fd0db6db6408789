"""What a user sees of runs whose events were pruned, and of conversations that were erased."""

import asyncio
import threading
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from concurrency.threads import readers
from project import lifecycle
from runs.models import Conversation, Message, Run, Upkeep
from runs.retention import daily, pruning
from runs.retention.pace import Pace
from tests.runs.conftest import Connect, Person

pytestmark = pytest.mark.django_db(transaction=True)


async def pruned(settings: Any, kind: str, run_id: str) -> None:
    """Prune as if the run were two days old and its kind were kept for one."""
    setattr(settings, f"RUNNEL_RETENTION_{kind}_DAYS", timedelta(days=1))

    def prune() -> None:
        long_ago = timezone.now() - timedelta(days=2)
        Run.objects.filter(pk=run_id).update(finished_at=long_ago)
        Conversation.objects.update(updated_at=long_ago)
        pruning.prune(Pace(stop=threading.Event()))

    await readers.run(prune)


def page_of(person: Person, conversation_id: str) -> Any:
    browser = Client()
    browser.force_login(person.user)
    return browser.get(f"/api/conversations/{conversation_id}/")


async def test_a_replay_without_events_is_a_sentence(ada: Person, connect: Connect, settings: Any) -> None:
    socket = await connect(ada)
    started = await socket.start("emulator/echo", "What was said")
    await socket.ended(started["run_id"])
    await pruned(settings, "EVENTS", started["run_id"])
    late = await connect(ada)
    answer = await late.ask("subscribe", run_id=started["run_id"], after=0)
    assert (answer["type"], answer["events"]) == ("ok", "deleted")
    assert "deleted because of their age" in answer["message"]
    assert await late.ask("ping") == {"type": "pong", "id": late.frames[-1]["id"]}
    assert not [frame for frame in late.frames if frame["type"] == "event"]
    page = await readers.run(page_of, ada, started["conversation_id"])
    assert [message["text"] for message in page.json()["messages"]] == ["What was said"] * 2


async def test_a_run_with_its_events_is_replayed_without_a_word(ada: Person, connect: Connect) -> None:
    socket = await connect(ada)
    run_id = (await socket.start("emulator/echo", "hi"))["run_id"]
    await socket.ended(run_id)
    answer = await (await connect(ada)).ask("subscribe", run_id=run_id)
    assert "events" not in answer
    assert "message" not in answer


async def test_an_erased_conversation_looks_absent(ada: Person, connect: Connect, settings: Any) -> None:
    socket = await connect(ada)
    started = await socket.start("emulator/echo", "hi")
    await socket.ended(started["run_id"])
    await pruned(settings, "CONVERSATION", started["run_id"])
    conversation_id = started["conversation_id"]
    assert (await readers.run(page_of, ada, conversation_id)).status_code == 404
    for command in (
        socket.ask("subscribe", conversation_id=conversation_id),
        socket.ask("start", model="emulator/echo", input="more", conversation_id=conversation_id),
    ):
        assert (await command)["code"] == "not_found"
    again = await socket.ask("start", model="emulator/echo", input="hi", run_id=started["run_id"])
    assert again["code"] == "conflict"


async def test_a_server_prunes_by_itself(server: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(daily, "_LOOK", 0.001)
    monkeypatch.setattr("providers.clients.warm_up", lambda: asyncio.sleep(0))
    await lifecycle.start_up()
    async with asyncio.timeout(20):
        while not await readers.run(Upkeep.objects.filter(finished_at__isnull=False).exists):
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("undo_seconds", [0.0, 0.3])
async def test_a_server_empties_what_a_user_deletes_once_that_cannot_be_undone(
    undo_seconds: float,
    server: None,
    ada: Person,
    connect: Connect,
    monkeypatch: pytest.MonkeyPatch,
    settings: Any,
) -> None:
    settings.RUNNEL_UNDO_SECONDS = undo_seconds
    socket = await connect(ada)
    started = await socket.start("emulator/echo", "hi")
    await socket.ended(started["run_id"])
    monkeypatch.setattr("providers.clients.warm_up", lambda: asyncio.sleep(0))
    await lifecycle.start_up()

    def delete() -> int:
        browser = Client()
        browser.force_login(ada.user)
        return int(browser.delete(f"/api/conversations/{started['conversation_id']}/").status_code)

    assert await readers.run(delete) == 204
    async with asyncio.timeout(20):
        while await readers.run(Message.objects.exists):
            await asyncio.sleep(0.01)
    assert await readers.run(Run.objects.exists)
    assert not await readers.run(Conversation.objects.exists)
