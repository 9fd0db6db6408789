"""Shared conversations over the socket: live for who looks, nothing else for them, and over when revoked."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import pytest

from concurrency.threads import readers
from runs.access import shares_in_use
from runs.models import Conversation, Run, Share
from tests.runs.conftest import Connect, Person
from tests.runs.sockets import HOST, Socket, is_terminal

pytestmark = pytest.mark.django_db(transaction=True)

ORDER = '[[call write_note {"text": "milk"}]]'
type OpenLink = Callable[[str], Awaitable[Socket]]


@pytest.fixture
async def open_link(server: None) -> AsyncIterator[OpenLink]:
    """Return a function that opens a socket with a link's secret."""
    sockets = []

    async def open_socket(secret: str, *headers: tuple[str, str]) -> Socket:
        socket = Socket(*headers, subprotocols=["runnel.v1", f"share.{secret}"])
        sockets.append(socket)
        return await socket.open()

    yield open_socket
    for socket in sockets:
        await socket.close()


async def link(conversation_id: str, *, may_stop: bool = False) -> tuple[Share, str]:
    conversation = await readers.run(lambda: Conversation.objects.get(pk=conversation_id))
    return await readers.run(lambda: Share.make_link(conversation, may_stop=may_stop))


async def share_with(person: Person, conversation_id: str, *, may_stop: bool = False) -> Share:
    columns = {"conversation_id": conversation_id, "user": person.user, "may_stop": may_stop}
    return await readers.run(lambda: Share.objects.create(**columns))


async def follow(socket: Socket, conversation_id: str) -> Any:
    return await socket.ask("subscribe", conversation_id=conversation_id, presence=True)


def people(socket: Socket) -> Any:
    told = [frame["people"] for frame in socket.frames if frame["type"] == "presence"]
    return told[-1] if told else None


def has_people(socket: Socket, expected: Any) -> bool:
    return bool(people(socket) == expected)


async def test_it_is_live_for_a_user_and_for_somebody_with_a_link(
    ada: Person, eve: Person, connect: Connect, open_link: OpenLink
) -> None:
    owner = await connect(ada)
    begun = await owner.start("emulator/hello", "first")
    key = begun["conversation_id"]
    # The first run loads what the SDKs need.
    await owner.until(lambda: any(map(is_terminal, owner.events(begun["run_id"]))), timeout=60)
    _, secret = await link(key)
    await share_with(eve, key, may_stop=True)
    guest, user = await open_link(secret), await connect(eve)
    assert guest.frames[0]["user"] == {"id": None, "username": ""}
    assert guest.subprotocol == "runnel.v1"
    assert (await follow(guest, key))["shared"] == {"owner": "ada", "may_stop": False}
    assert (await follow(user, key))["shared"] == {"owner": "ada", "may_stop": True}
    assert "shared" not in await follow(owner, key)
    later = (await owner.start("emulator/hello", "second", conversation_id=key))["run_id"]
    for socket in (owner, guest, user):
        await socket.ended(later)
        assert socket.texts(later) == owner.texts(later)
    assert (await guest.ask("subscribe", run_id=begun["run_id"], after=0))["type"] == "ok"
    await guest.ended(begun["run_id"])


async def test_who_looks_sees_another_branch_when_the_owner_shows_it_and_no_queue(
    ada: Person, eve: Person, connect: Connect, open_link: OpenLink
) -> None:
    owner = await connect(ada)
    first = await owner.start("emulator/echo", "one")
    key = first["conversation_id"]
    await owner.ended(first["run_id"])
    _, secret = await link(key)
    await share_with(eve, key)
    guest, user = await open_link(secret), await connect(eve)
    for socket in (guest, user):
        assert (await follow(socket, key))["shown"] == first["run_id"]
    second = await owner.start("emulator/echo", "two", conversation_id=key, parent_id=None)
    await owner.ended(second["run_id"])
    assert (await owner.ask("show", conversation_id=key, run_id=first["run_id"]))["type"] == "ok"
    for socket in (guest, user):
        await socket.until(partial(is_shown, socket, first["run_id"], of=[first["run_id"], second["run_id"]]))
        assert all("queue" not in frame for frame in socket.frames)


def is_shown(socket: Socket, run_id: str, *, of: list[str]) -> bool:
    """Return whether the newest news of the conversation is that this run, one of these, is shown."""
    told = [frame for frame in socket.frames if frame["type"] == "conversation"]
    return bool(told) and told[-1]["shown"] == run_id and [fork["runs"] for fork in told[-1]["forks"]] == [of]


async def test_who_is_there_is_told_to_those_who_want_to_know(
    ada: Person, eve: Person, connect: Connect, open_link: OpenLink
) -> None:
    owner, silent = await connect(ada), await connect(ada)
    key = (await owner.start("emulator/silent"))["conversation_id"]
    _, secret = await link(key)
    await share_with(eve, key)
    assert (await silent.ask("subscribe", conversation_id=key))["type"] == "ok"
    await follow(owner, key)
    user, guest = await connect(eve), await open_link(secret)
    await follow(user, key)
    await follow(guest, key)
    present = [
        {"name": "ada", "kind": "owner"},
        {"name": "eve", "kind": "user"},
        {"name": "", "kind": "guest", "count": 1},
    ]
    for socket in (owner, user, guest):
        await socket.until(partial(has_people, socket, present))
    await user.close()
    await owner.until(lambda: people(owner) == [present[0], present[2]])
    assert (await guest.ask("unsubscribe", conversation_id=key))["type"] == "ok"
    await owner.until(lambda: people(owner) == [present[0]])
    assert silent.count("presence") == 0


FORBIDDEN: list[tuple[str, dict[str, Any]]] = [
    ("start", {"model": "emulator/hello", "input": "hi"}),
    ("start", {"model": "emulator/hello", "input": "hi", "conversation_id": "CONVERSATION"}),
    ("cancel", {"run_id": "RUN"}),
    ("cancel", {"run_id": "RUN", "mode": "after_step"}),
    ("resolve", {"run_id": "RUN", "resume": []}),
    ("subscribe", {"list": True}),
    ("subscribe", {"run_id": "OTHER"}),
    ("subscribe", {"conversation_id": "OTHER_CONVERSATION"}),
]


@pytest.mark.parametrize(("kind", "fields"), FORBIDDEN)
@pytest.mark.parametrize("who", ["guest", "user"])
async def test_who_looks_may_send_nothing_else(
    who: str,
    kind: str,
    fields: dict[str, Any],
    ada: Person,
    eve: Person,
    connect: Connect,
    open_link: OpenLink,
) -> None:
    if who == "user" and ("list" in fields or (fields.get("input") == "hi" and len(fields) == 2)):
        pytest.skip("a user has a list and conversations of their own")
    owner = await connect(ada)
    shared = await owner.start("emulator/silent")
    other = await owner.start("emulator/silent")
    _, secret = await link(shared["conversation_id"])
    await share_with(eve, shared["conversation_id"])
    looking = await open_link(secret) if who == "guest" else await connect(eve)
    await follow(looking, shared["conversation_id"])
    names = {
        "CONVERSATION": shared["conversation_id"],
        "RUN": shared["run_id"],
        "OTHER": other["run_id"],
        "OTHER_CONVERSATION": other["conversation_id"],
    }
    named = {
        name: names.get(value, value) if isinstance(value, str) else value for name, value in fields.items()
    }
    answer = await looking.ask(kind, **named)
    assert answer["type"] == "error"
    assert answer["code"] in {"forbidden", "not_found"}
    rows = await readers.run(lambda: list(Run.objects.values_list("status", "cancel_requested_at")))
    assert rows == [("running", None)] * 2


async def test_a_foreign_run_looks_absent_to_a_link(
    ada: Person, connect: Connect, open_link: OpenLink
) -> None:
    owner = await connect(ada)
    shared, other = await owner.start("emulator/silent"), await owner.start("emulator/silent")
    _, secret = await link(shared["conversation_id"])
    guest = await open_link(secret)
    foreign = await guest.ask("subscribe", id="same", run_id=other["run_id"])
    again = await open_link(secret)
    absent = await again.ask("subscribe", id="same", run_id=str(uuid4()))
    assert foreign == absent


@pytest.mark.parametrize("who", ["guest", "user"])
async def test_the_owner_may_let_others_stop(
    who: str, ada: Person, eve: Person, connect: Connect, open_link: OpenLink
) -> None:
    owner = await connect(ada)
    begun = await owner.start("emulator/silent")
    _, secret = await link(begun["conversation_id"], may_stop=True)
    await share_with(eve, begun["conversation_id"], may_stop=True)
    looking = await open_link(secret) if who == "guest" else await connect(eve)
    await follow(looking, begun["conversation_id"])
    assert (await looking.ask("cancel", run_id=begun["run_id"]))["state"] == "requested"
    assert (await owner.ended(begun["run_id"]))["outcome"] == {"type": "cancelled"}
    await looking.ended(begun["run_id"])
    stored = await readers.run(lambda: Run.objects.get(pk=begun["run_id"]).cancelled_by_name)
    assert stored == ("a guest" if who == "guest" else "eve")


async def test_a_revoked_link_closes_its_sockets_in_the_middle_of_an_answer(
    ada: Person, connect: Connect, open_link: OpenLink
) -> None:
    owner = await connect(ada)
    begun = await owner.start("emulator/drip")
    share, secret = await link(begun["conversation_id"])
    guest = await open_link(secret)
    await follow(guest, begun["conversation_id"])
    await guest.saw(begun["run_id"], "RUN_STARTED")
    await readers.run(share.delete)
    await guest.until(lambda: guest.close_code is not None, timeout=2.0)
    assert guest.close_code == 4401
    seen = len(guest.texts(begun["run_id"]))
    await owner.until(lambda: len(owner.texts(begun["run_id"])) > seen + 3)
    assert len(guest.texts(begun["run_id"])) == seen
    assert (await open_link(secret)).close_code == 4401


async def test_a_revoked_user_hears_no_more_and_is_told_so(
    ada: Person, eve: Person, connect: Connect
) -> None:
    owner, user = await connect(ada), await connect(eve)
    begun = await owner.start("emulator/drip")
    key = begun["conversation_id"]
    share = await share_with(eve, key)
    await follow(user, key)
    assert (await user.ask("subscribe", run_id=begun["run_id"], after=0))["type"] == "ok"
    await user.saw(begun["run_id"], "RUN_STARTED")
    await readers.run(share.delete)
    await user.until(lambda: user.count("unshared") == 1, timeout=2.0)
    assert user.close_code is None
    seen = len(user.texts(begun["run_id"]))
    await owner.until(lambda: len(owner.texts(begun["run_id"])) > seen + 3)
    await user.in_step()
    assert len(user.texts(begun["run_id"])) == seen
    assert (await follow(user, key))["code"] == "not_found"
    assert (await user.ask("subscribe", run_id=begun["run_id"]))["code"] == "not_found"


async def test_what_another_process_revokes_ends_at_the_next_look(
    ada: Person, eve: Person, connect: Connect, open_link: OpenLink
) -> None:
    owner, user = await connect(ada), await connect(eve)
    key = (await owner.start("emulator/silent"))["conversation_id"]
    share, secret = await link(key)
    await share_with(eve, key)
    guest = await open_link(secret)
    for socket in (guest, user):
        assert (await follow(socket, key))["type"] == "ok"
    await shares_in_use.check()
    await guest.in_step()
    await readers.run(lambda: Share.objects.filter(conversation=key)._raw_delete("default"))
    await shares_in_use.check()
    await guest.until(lambda: guest.close_code == 4401)
    await user.until(lambda: user.count("unshared") == 1)
    assert share.pk


@pytest.mark.parametrize(
    ("headers", "code"),
    [({"origin": f"http://{HOST}"}, None), ({"origin": "https://elsewhere.example"}, 4403), ({}, None)],
)
async def test_no_page_of_another_site_uses_a_link(
    headers: dict[str, str], code: int | None, ada: Person, connect: Connect, open_link: Any
) -> None:
    owner = await connect(ada)
    key = (await owner.start("emulator/silent"))["conversation_id"]
    _, secret = await link(key)
    assert (await open_link(secret, *headers.items())).close_code == code


async def test_an_unknown_secret_is_refused(open_link: OpenLink) -> None:
    for secret in ("", "x" * 43, str(UUID(int=0)), json.dumps({})):
        assert (await open_link(secret)).close_code == 4401
    await asyncio.sleep(0)
