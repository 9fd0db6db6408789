"""Over HTTP, too, an id that another user has chosen looks like any other, and a run has the id that its client chose."""

import json
import re
from typing import Any
from uuid import UUID, uuid4

from asgiref.sync import sync_to_async
from django.test import Client

from concurrency.threads import readers
from runs.models import Run, Share
from runs.services import own_ids
from tests.runs.conftest import Connect, Person
from tests.runs.sockets import is_terminal


async def get(person: Person, path: str, *, method: str = "get") -> str:
    client = Client(headers={"authorization": f"Bearer {person.token}"})
    answer: Any = await sync_to_async(getattr(client, method))(path)
    return f"{answer.status_code} {answer.content.decode()}"


def neutral(text: str, run_id: str) -> str:
    """Return a response without what differs between any two runs."""
    text = text.replace(run_id, "RUN")
    text = re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "ID", text)
    text = re.sub(r'"[^"]*\d{4}-\d\d-\d\dT[^"]*"', '"TIME"', text)
    return re.sub(r'("\w*(seconds|_ms)\w*"): [\d.e-]+', r"\1: 0", text)


async def story(person: Person, connect: Connect, run_id: str) -> list[str]:
    """Let a user start a run and read it over HTTP, in every way; return the answers."""
    socket = await connect(person)
    started = await socket.start(run_id=run_id)
    await socket.ended(run_id)
    page = f"/api/conversations/{started['conversation_id']}/"
    last = f"2999-01-01T00:00:00+00:00,{run_id}"
    answers = [
        await get(person, page),
        await get(person, f"{page}?run={run_id}"),
        await get(person, f"{page}?branch={run_id}"),
        await get(person, f"{page}?before={last.replace('+', '%2B')}"),
        await get(person, f"/api/runs/{run_id}/cancel/", method="post"),
    ]
    again = await socket.start(conversation_id=started["conversation_id"], model="emulator/silent")
    answers.append(await get(person, "/api/conversations/"))
    await socket.ask("cancel", run_id=again["run_id"])
    await socket.ended(again["run_id"])
    return [neutral(text, run_id) for text in answers]


async def test_a_foreign_id_is_like_an_absent_one(ada: Person, eve: Person, connect: Connect) -> None:
    foreign, absent = str(uuid4()), str(uuid4())
    owner = await connect(ada)
    await owner.start(run_id=foreign)
    # The first run loads what the SDKs need.
    await owner.until(lambda: any(map(is_terminal, owner.events(foreign))), timeout=60)

    there = await story(eve, connect, foreign)

    mallory = await readers.run(_someone)
    assert there == await story(mallory, connect, absent)
    assert '"id": "RUN"' in there[0]
    assert '"run_id": "RUN"' in there[0]
    assert there[0] == there[1]


def _someone() -> Person:
    from runs.models import ApiToken
    from tests.runs.rows import make_user

    user = make_user("mallory")
    return Person(user=user, token=ApiToken.issue(user)[1])


async def test_the_active_run_of_the_list_and_the_next_page_have_the_chosen_id(
    ada: Person, eve: Person, connect: Connect
) -> None:
    chosen = str(uuid4())
    owner, socket = await connect(ada), await connect(eve)
    await owner.start(run_id=chosen)
    await owner.ended(chosen)
    started = await socket.start(run_id=chosen, model="emulator/silent")
    await socket.saw(chosen, "STEP_STARTED")

    (listed,) = json.loads((await get(eve, "/api/conversations/")).partition(" ")[2])["conversations"]
    assert listed["active_run_id"] == chosen

    page = f"/api/conversations/{started['conversation_id']}/"
    run = await readers.run(Run.objects.get, pk=own_ids.substitute(eve.user.pk, UUID(chosen)))
    before = f"{run.created_at.isoformat()},{chosen}".replace("+", "%2B")
    older = json.loads((await get(eve, f"{page}?before={before}")).partition(" ")[2])
    assert older["runs"] == []
    await socket.ask("cancel", run_id=chosen)
    await socket.ended(chosen)


async def test_who_only_follows_the_conversation_sees_the_chosen_id(
    ada: Person, eve: Person, connect: Connect
) -> None:
    first, second = str(uuid4()), str(uuid4())
    owner, socket, watching = await connect(ada), await connect(eve), await connect(eve)
    for run_id in (first, second):
        await owner.start(run_id=run_id)
        await owner.ended(run_id)
    started = await socket.start(run_id=first, model="emulator/silent")
    await socket.saw(first, "STEP_STARTED")
    conversation = {"conversation_id": started["conversation_id"]}

    followed = await watching.ask("subscribe", **conversation)

    assert followed["run_id"] == first
    await watching.saw(first, "STEP_STARTED")
    await watching.ask("cancel", run_id=first)
    await socket.ended(first)
    await socket.start(run_id=second, **conversation)
    await watching.ended(second)
    substitutes = {str(own_ids.substitute(eve.user.pk, UUID(run_id))) for run_id in (first, second)}
    assert not any(each in text for each in substitutes for text in (*socket.received, *watching.received))


async def test_a_foreign_id_counts_as_one_start(
    ada: Person, eve: Person, connect: Connect, settings: Any
) -> None:
    settings.RUNNEL_STARTS_PER_MINUTE = 2
    foreign = str(uuid4())
    owner, socket = await connect(ada), await connect(eve)
    await owner.start(run_id=foreign)
    answers = [
        await socket.ask("start", run_id=run_id, model="emulator/echo", input="hi")
        for run_id in (foreign, str(uuid4()), str(uuid4()))
    ]
    assert [answer["type"] for answer in answers] == ["ok", "ok", "error"]


async def test_a_shared_run_has_the_chosen_id_for_whom_it_is_shared_with(
    ada: Person, eve: Person, connect: Connect
) -> None:
    chosen = str(uuid4())
    owner, socket = await connect(ada), await connect(eve)
    await owner.start(run_id=chosen)
    await owner.ended(chosen)
    started = await socket.start(run_id=chosen)
    await socket.ended(chosen)
    mallory = await readers.run(_someone)
    looking, following = await connect(mallory), await connect(mallory)
    assert (await looking.ask("subscribe", run_id=chosen))["code"] == "not_found"
    share = await readers.run(
        lambda: Share.objects.create(conversation_id=started["conversation_id"], user=mallory.user)
    )

    assert (await looking.ask("subscribe", run_id=chosen))["run_id"] == chosen
    await looking.ended(chosen)
    active = await socket.start(conversation_id=started["conversation_id"], model="emulator/silent")
    await following.ask("subscribe", conversation_id=started["conversation_id"])
    await socket.ask("cancel", run_id=active["run_id"])
    await socket.ended(active["run_id"])

    substitute = str(own_ids.substitute(eve.user.pk, UUID(chosen)))
    assert substitute not in "".join([*looking.received, *following.received])
    await readers.run(share.delete)
    assert (await looking.ask("subscribe", run_id=chosen))["code"] == "not_found"
