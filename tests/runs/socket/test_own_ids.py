"""An id that a client chooses is its user's own: nobody learns from it that another user has a run with that id."""

import json
import re
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest
from asgiref.sync import sync_to_async
from django.test import Client

from concurrency.threads import readers
from runs.models import Run
from runs.services import own_ids
from runs.states import RunStatus
from tests.runs.conftest import Connect, Person
from tests.runs.sockets import Socket

type Json = dict[str, Any]


def neutral(text: str, run_id: str) -> str:
    """Return a frame's text without what differs between any two runs: ids, times and measured seconds."""
    text = text.replace(run_id, "RUN")
    text = re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "ID", text)
    return re.sub(r'"(timestamp|rawEvent)":[^,}]+', "TIME", text)


async def story(socket: Socket, run_id: str) -> list[str]:
    """Start, repeat, watch and look at a run; return the answers, and each event once, as they came."""
    await socket.in_step()
    before = len(socket.received)
    frame = {"run_id": run_id, "model": "emulator/echo", "input": "hi"}
    await socket.ask("start", id="a", **frame)
    await socket.ended(run_id)
    await socket.ask("start", id="b", **frame)
    await socket.ask("start", id="c", **{**frame, "input": "ho"})
    await socket.ask("cancel", id="d", run_id=run_id)
    await socket.ask("resolve", id="e", run_id=run_id, resume=[])
    await socket.ask("unsubscribe", id="f", run_id=run_id)
    await socket.ask("subscribe", id="g", run_id=run_id, after=10**6)
    received = [text for text in socket.received[before:] if "pong" not in text]
    answers = [text for text in received if not text.startswith('{"type":"event"')]
    events = {json.loads(text)["seq"]: text for text in received if text not in answers}
    return [neutral(text, run_id) for text in (*answers, *(events[seq] for seq in sorted(events)))]


@pytest.mark.parametrize("is_live", [False, True], ids=["ended", "live"])
async def test_a_foreign_id_answers_like_an_absent_one(
    is_live: bool, ada: Person, eve: Person, connect: Connect
) -> None:
    owner = await connect(ada)
    foreign, absent = str(uuid4()), str(uuid4())
    model = "emulator/silent" if is_live else "emulator/echo"
    await owner.ask("start", run_id=foreign, model=model, input="mine")
    if is_live:
        await owner.saw(foreign, "STEP_STARTED")
    else:
        await owner.ended(foreign)
    before = owner.texts(foreign)
    assert await story(await connect(eve), foreign) == await story(await connect(eve), absent)
    run = await readers.run(Run.objects.get, pk=foreign)
    assert run.owner_id == ada.user.pk
    assert run.status == (RunStatus.RUNNING if is_live else RunStatus.COMPLETED)
    assert owner.texts(foreign) == before
    assert await readers.run(Run.objects.filter(owner=eve.user).count) == 2


async def test_another_socket_of_the_same_user_finds_the_run_by_the_same_id(
    ada: Person, eve: Person, connect: Connect
) -> None:
    run_id = str(uuid4())
    frame: Json = {"run_id": run_id, "model": "emulator/silent", "input": "hi"}
    await (await connect(ada)).ask("start", **frame)
    first = await connect(eve)
    await first.ask("start", **frame)
    await first.saw(run_id, "STEP_STARTED")

    later = await connect(eve)
    assert (await later.ask("start", **frame))["state"] == "exists"
    await later.saw(run_id, "STEP_STARTED")
    watching = await connect(eve)
    assert (await watching.ask("subscribe", run_id=run_id))["run_id"] == run_id
    await watching.saw(run_id, "RUN_STARTED")
    assert str(own_ids.substitute(eve.user.pk, UUID(run_id))) not in "".join(
        [*first.received, *later.received, *watching.received]
    )

    assert (await watching.ask("cancel", run_id=run_id))["state"] == "requested"
    assert (await first.ended(run_id))["outcome"] == {"type": "cancelled"}
    adas = await readers.run(Run.objects.get, pk=run_id)
    assert (adas.owner_id, adas.status) == (ada.user.pk, RunStatus.RUNNING)


async def test_a_cancel_over_http_ends_the_users_own_run(ada: Person, eve: Person, connect: Connect) -> None:
    run_id = str(uuid4())
    frame: Json = {"run_id": run_id, "model": "emulator/silent", "input": "hi"}
    owner, stranger = await connect(ada), await connect(eve)
    for socket in (owner, stranger):
        await socket.ask("start", **frame)
        await socket.saw(run_id, "STEP_STARTED")

    cancel: Callable[..., Any] = sync_to_async(Client(headers={"authorization": f"Bearer {eve.token}"}).post)
    answer = await cancel(f"/api/runs/{run_id}/cancel/")
    assert json.loads(answer.content) == {"state": "requested"}
    await stranger.ended(run_id)
    assert (await readers.run(Run.objects.get, pk=run_id)).status == RunStatus.RUNNING


def test_a_substitute_tells_neither_the_user_nor_the_id() -> None:
    chosen = uuid4()
    ones = {own_ids.substitute(owner_id, chosen) for owner_id in (1, 2)}
    assert len(ones | {chosen}) == 3
    assert {one.version for one in ones} == {8}
    assert all(map(own_ids.may_be_substitute, ones))
    assert own_ids.substitute(1, chosen) in ones
