"""The list of conversations over the socket: what changes is told to all sockets of its owner, and to nobody else."""

import json
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from asgiref.sync import sync_to_async
from django.test import AsyncClient
from django.utils import timezone

from concurrency.threads import readers
from runs.engine import listings, supervisor
from runs.models import Conversation, Run
from runs.states import RunStatus
from tests.runs.conftest import Connect, Person
from tests.runs.rows import make_run
from tests.runs.sockets import Socket

pytestmark = pytest.mark.django_db(transaction=True)

ORDER = '[[call write_note {"text": "milk"}]]'


def entries(socket: Socket, conversation_id: str) -> list[Any]:
    found = [frame["entry"] for frame in socket.frames if frame["type"] == "list_entry"]
    return [entry for entry in found if entry["id"] == conversation_id]


def state(socket: Socket, conversation_id: str) -> Any:
    told = entries(socket, conversation_id)
    return told[-1].get("state") if told else None


def is_in(socket: Socket, conversation_id: str, wanted: str) -> bool:
    return bool(state(socket, conversation_id) == wanted)


async def following(connect: Connect, person: Person) -> Socket:
    socket = await connect(person)
    assert (await socket.ask("subscribe", list=True))["type"] == "ok"
    return socket


async def change(person: Person, method: str, address: str, **changes: Any) -> int:
    """Send a change over HTTP; return the answer's status."""
    send = getattr(AsyncClient(), method)
    headers = {"authorization": f"Bearer {person.token}"}
    body = json.dumps(changes)
    response = await send(address, body, content_type="application/json", headers=headers)
    status: int = response.status_code
    return status


async def test_every_socket_of_the_owner_hears_of_a_run_and_nobody_else(
    ada: Person, eve: Person, connect: Connect
) -> None:
    first, second = await following(connect, ada), await following(connect, ada)
    foreign, silent = await following(connect, eve), await connect(ada)
    started = await first.start("emulator/hello", "On rivers")
    key = started["conversation_id"]
    for socket in (first, second):
        # The first run loads what the SDKs need.
        await socket.until(partial(is_in, socket, key, "idle"), timeout=60)
        assert entries(socket, key)[0]["state"] in {"running", "idle"}
        assert entries(socket, key)[-1]["title"] == "On rivers"
        assert entries(socket, key)[-1]["unread"] is True
    await foreign.in_step()
    assert foreign.count("list_entry") == silent.count("list_entry") == 0


async def test_an_approval_a_decision_and_a_failure_are_told(ada: Person, connect: Connect) -> None:
    socket = await following(connect, ada)
    started = await socket.start("emulator/calls", ORDER, options={"tools": ["write_note"]})
    key = started["conversation_id"]
    await socket.until(lambda: state(socket, key) == "waiting")
    assert (await socket.ask("cancel", run_id=started["run_id"]))["type"] == "ok"
    await socket.until(lambda: state(socket, key) == "idle")
    failing = await socket.start("emulator/echo[[fault=http status=400]]", "no")
    await socket.until(lambda: state(socket, failing["conversation_id"]) == "failed")


async def test_a_new_name_a_deletion_and_its_undoing_are_told(ada: Person, connect: Connect) -> None:
    socket = await following(connect, ada)
    key = str((await readers.run(lambda: make_run(owner=ada.user, title="Before"))).conversation_id)
    address = f"/api/conversations/{key}/"
    assert await change(ada, "patch", address, title="After", pinned=True) == 200
    await socket.until(lambda: bool(entries(socket, key)))
    assert (entries(socket, key)[-1]["title"], entries(socket, key)[-1]["pinned"]) == ("After", True)
    assert await change(ada, "delete", address) == 204
    await socket.until(lambda: entries(socket, key)[-1] == {"id": key, "deleted": True})
    assert await change(ada, "post", f"{address}restore/") == 204
    await socket.until(lambda: entries(socket, key)[-1].get("title") == "After")


async def test_what_another_process_changes_is_found(
    ada: Person, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listings, "POLL_OF_COMMANDS", 0.02)
    monkeypatch.setattr(listings, "POLL", {})
    socket = await following(connect, ada)
    run = await readers.run(lambda: make_run(owner=ada.user, status=RunStatus.RUNNING))
    key = str(run.conversation_id)
    await socket.until(lambda: state(socket, key) == "running")
    paused = Run.objects.filter(pk=run.pk)
    await readers.run(lambda: paused.update(status=RunStatus.AWAITING_APPROVAL))
    await socket.until(lambda: state(socket, key) == "waiting")
    erased = {"erased_at": timezone.now(), "changed_at": timezone.now()}
    await readers.run(lambda: Conversation.objects.filter(pk=key).update(**erased))
    await socket.until(lambda: entries(socket, key)[-1] == {"id": key, "deleted": True})


async def test_nothing_is_told_after_it_is_not_followed_any_more(ada: Person, connect: Connect) -> None:
    socket, other = await following(connect, ada), await following(connect, ada)
    assert (await socket.ask("unsubscribe", list=True))["type"] == "ok"
    started = await other.start("emulator/hello", "hi")
    key = started["conversation_id"]
    await other.until(lambda: state(other, key) == "idle")
    await socket.in_step()
    assert socket.count("list_entry") == 0
    await other.close()
    assert not supervisor.current().listings.is_followed


@pytest.mark.parametrize(
    "fields", [{"list": False}, {"list": True, "run_id": str(UUID(int=1))}, {"list": "yes"}]
)
async def test_a_wrong_subscription_is_refused(ada: Person, connect: Connect, fields: Any) -> None:
    socket = await connect(ada)
    assert (await socket.ask("subscribe", **fields))["code"] == "bad_frame"


async def test_a_refusal_of_a_stranger_changes_nothing(ada: Person, eve: Person, server: None) -> None:
    run = await sync_to_async(make_run)(owner=ada.user, title="Ada's")
    address = f"/api/conversations/{run.conversation_id}/"
    for method, path in (("patch", address), ("delete", address), ("post", f"{address}restore/")):
        assert await change(eve, method, path, title="Eve's") == 404
    kept = await readers.run(lambda: Conversation.objects.get(pk=run.conversation_id))
    assert (kept.title, kept.erased_at) == ("Ada's", None)
