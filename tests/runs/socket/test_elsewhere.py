"""What other processes say reaches the sockets of this one: who is there, who was signed out, what has changed."""

import asyncio
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection  # noqa: F401 - for a condition

from concurrency.threads import readers
from providers.catalog import cache
from providers.models import Provider
from runs.bus import Kind
from runs.bus.bus import _hand_out
from runs.models import ApiToken
from runs.socket.presence import Person, Presence
from tests.runs.conftest import Connect
from tests.runs.conftest import Person as Someone

STUCK = 10.0

OWNER = Person(name="ada", kind="owner")
GUEST = Person(name="", kind="guest")


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(STUCK):
        while not condition():
            await asyncio.sleep(0.01)


async def test_people_of_other_processes_are_told_until_they_or_their_process_are_gone() -> None:
    presence, told = Presence(), []
    conversation_id = uuid4()

    def tell(_: UUID, people: list[Any]) -> None:
        told.append([(person["kind"], person.get("count")) for person in people])

    # Nobody here looks at it yet.
    presence.take(conversation_id, "b", [GUEST], asks=False)
    presence.enter(conversation_id, "socket", OWNER, tell)
    presence.take(conversation_id, "b", [GUEST, GUEST], asks=True)
    presence.take(conversation_id, "b", [GUEST, GUEST], asks=False)
    presence.take(conversation_id, "c", [GUEST], asks=False)
    presence.take(conversation_id, "c", [], asks=False)
    presence.forget("b")
    alone = [("owner", None)]
    assert told == [
        alone,
        [*alone, ("guest", 2)],
        [*alone, ("guest", 3)],
        [*alone, ("guest", 2)],
        alone,
    ]
    presence.leave(conversation_id, "socket")


@pytest.mark.django_db(transaction=True)
async def test_a_token_that_another_process_has_revoked_closes_its_socket_at_its_word(
    ada: Someone, connect: Connect, settings: Any
) -> None:
    settings.RUNNEL_RIGHTS_CHECK_SECONDS = 3600.0
    socket = await connect(ada)
    # As a process does that cannot tell this one by a signal.
    await readers.run(ApiToken.objects.filter(user=ada.user)._raw_delete, "default")
    _hand_out(Kind.SIGNED_OUT, {})
    await socket.closed()
    assert socket.close_code == 4401


@pytest.mark.django_db(transaction=True)
async def test_a_provider_that_another_process_has_stored_is_there_at_its_word(server: None) -> None:
    await readers.run(cache.refresh)

    def store() -> None:
        Provider.objects.bulk_create([Provider(slug="new", label="New", kind="ollama", base_url="")])

    await readers.run(store)
    assert "new" not in cache.enabled()
    _hand_out(Kind.PROVIDERS_CHANGED, {})
    await until(lambda: "new" in cache.enabled())
    await readers.run(lambda: Provider.objects.filter(slug="new").delete())


@pytest.mark.skipif("connection.vendor != 'sqlite'", reason="where a poll looks, it knows the run by then")
@pytest.mark.django_db(transaction=True)
async def test_followers_hear_once_of_a_run_that_began_elsewhere(ada: Someone, connect: Connect) -> None:
    socket = await connect(ada)
    first = await socket.start()
    await socket.ended(first["run_id"])
    follower = await connect(ada)
    await follower.ask("subscribe", conversation_id=first["conversation_id"])
    said = {"conversation_id": first["conversation_id"], "run_id": first["run_id"]}
    # It comes twice, and its events once.
    _hand_out(Kind.BEGAN, said)
    _hand_out(Kind.BEGAN, said)
    await follower.ended(first["run_id"])
    assert follower.seqs(first["run_id"]) == socket.seqs(first["run_id"])
