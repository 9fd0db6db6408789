"""Frames over a socket: what is refused, what is answered, and what of it is stored."""

import asyncio
import json
from typing import Any
from uuid import uuid4

import pytest
from django.apps import apps

from concurrency.threads import readers
from runs.models import Run
from tests.runs.conftest import Connect, Person
from tests.runs.socket.bad_frames import BAD
from tests.runs.sockets import Socket

pytestmark = pytest.mark.django_db(transaction=True)

ABSENT = "01890000-0000-7000-8000-000000000000"


async def row_counts() -> dict[str, int]:
    """Return how many rows each table of ours has."""

    def count() -> dict[str, int]:
        models = [*apps.get_app_config("runs").get_models(), *apps.get_app_config("providers").get_models()]
        return {model.__name__: model._default_manager.count() for model in models}

    return await readers.run(count)


async def test_it_speaks_first_and_says_who_came_and_what_the_limits_are(
    ada: Person, connect: Connect, settings: Any
) -> None:
    settings.RUNNEL_MAX_RUNS_PER_USER = 7
    socket = await connect(ada)
    (ready,) = socket.frames
    assert ready.pop("connection_id")
    limits = ready.pop("limits")
    assert (limits["frame_bytes"], limits["runs"]) == (65_536, 7)
    assert ready == {
        "type": "ready",
        "protocol": "runnel/1",
        "agui": "1.0",
        "user": {"id": ada.user.pk, "username": "ada"},
    }


async def test_no_two_sockets_have_the_same_connection_id(ada: Person, connect: Connect) -> None:
    one, other = await connect(ada), await connect(ada)
    assert one.frames[0]["connection_id"] != other.frames[0]["connection_id"]


async def test_it_answers_every_bad_frame_stores_nothing_and_lives_on(ada: Person, connect: Connect) -> None:
    socket = await connect(ada)
    before = await row_counts()
    for case in BAD:
        start = len(socket.received)
        socket.send_text(case.text)
        await socket.in_step()
        *answers, pong = socket.frames[start:]
        assert pong == {"type": "pong"}
        assert len(answers) == 1, case
        (answer,) = answers
        assert (answer["type"], answer["code"], answer.get("id")) == ("error", case.code, case.frame_id), case
        assert answer["retryable"] is False
    assert socket.close_code is None
    assert await row_counts() == before


async def test_it_refuses_binary_frames(ada: Person, connect: Connect) -> None:
    socket = await connect(ada)
    socket.send_bytes(b'{"type":"ping","id":"1"}')
    await socket.in_step()
    assert [frame.get("code") for frame in socket.frames[1:]] == ["bad_frame", None]
    assert "binary" in socket.frames[1]["message"]


async def test_it_closes_with_4400_after_twenty_bad_frames_in_a_row(ada: Person, connect: Connect) -> None:
    socket = await connect(ada)
    for _ in range(20):
        socket.send_text("no frame")
    await socket.closed()
    assert socket.close_code == 4400
    assert socket.count("error") == 20


async def test_a_good_frame_makes_it_patient_again(ada: Person, connect: Connect) -> None:
    socket = await connect(ada)
    for _ in range(3):
        for _ in range(19):
            socket.send_text("no frame")
        await socket.in_step()
    assert socket.count("error") == 57
    assert socket.close_code is None


async def test_it_does_nothing_more_for_a_socket_that_it_has_closed(ada: Person, connect: Connect) -> None:
    socket = await connect(ada)
    for _ in range(20):
        socket.send_text("no frame")
    socket.send("start", model="emulator/echo", input="too late")
    await socket.closed()
    await socket.close()
    assert (await row_counts())["Run"] == 0


@pytest.mark.parametrize("fields", [{"id": "abc"}, {}, {"id": None}])
async def test_it_answers_a_ping_with_its_id_if_it_has_one(
    fields: dict[str, Any], ada: Person, connect: Connect
) -> None:
    socket = await connect(ada)
    socket.send_text(json.dumps({"type": "ping", **fields}))
    await socket.until(lambda: len(socket.received) == 2)
    named = {"id": "abc"} if fields.get("id") else {}
    assert socket.frames[1] == {"type": "pong", **named}


async def test_it_never_answers_an_ack(ada: Person, connect: Connect) -> None:
    socket = await connect(ada)
    run_id = (await socket.start())["run_id"]
    await socket.ended(run_id)
    before = len(socket.received)
    for target, seq in ((run_id, 1), (run_id, 2**31 - 1), (ABSENT, 3)):
        socket.send_text(json.dumps({"type": "ack", "run_id": target, "seq": seq}))
    await socket.in_step()
    assert socket.received[before:] == ['{"type":"pong"}']


FOREIGN: dict[str, tuple[str, str, dict[str, Any]]] = {
    "cancel": ("cancel", "run_id", {}),
    "cancel after the step": ("cancel", "run_id", {"mode": "after_step"}),
    "subscribe to a run": ("subscribe", "run_id", {}),
    "subscribe to a run after an event": ("subscribe", "run_id", {"after": 1}),
    "subscribe to a run beyond its end": ("subscribe", "run_id", {"after": 10**6}),
    "subscribe to a conversation": ("subscribe", "conversation_id", {}),
    "unsubscribe from a run": ("unsubscribe", "run_id", {}),
    "unsubscribe from a conversation": ("unsubscribe", "conversation_id", {}),
    "resolve": ("resolve", "run_id", {"resume": [{"interruptId": "i", "status": "cancelled"}]}),
    "start": ("start", "conversation_id", {"model": "emulator/echo", "input": "hi"}),
    "start with an unknown model": ("start", "conversation_id", {"model": "nobody/echo", "input": "hi"}),
}


@pytest.mark.parametrize("is_live", [False, True], ids=["ended", "live"])
async def test_what_is_foreign_answers_like_what_is_absent_byte_for_byte(
    is_live: bool, ada: Person, eve: Person, connect: Connect
) -> None:
    owner, stranger = await connect(ada), await connect(eve)
    started = await owner.start("emulator/silent" if is_live else "emulator/echo")
    if is_live:
        await owner.saw(started["run_id"], "STEP_STARTED")
    else:
        await owner.ended(started["run_id"])
    before = await row_counts()
    for name, (kind, field, more) in FOREIGN.items():
        texts = []
        for target in (started[field], ABSENT):
            frame_id = stranger.send(kind, id=f"{name} {target}", **{field: target}, **more)
            await stranger.answer(frame_id)
            (text,) = [text for text in stranger.received if frame_id in text]
            texts.append(text.replace(target, "…"))
        assert texts[0] == texts[1], name
        expected = "unknown_model" if "unknown" in name else "not_found"
        assert json.loads(texts[0])["code"] == expected, name
    assert await row_counts() == before
    assert stranger.count("event") == 0
    run = await readers.run(Run.objects.get, pk=started["run_id"])
    assert run.cancel_requested_at is None


async def test_a_stranger_who_follows_a_conversation_hears_nothing_of_it(
    ada: Person, eve: Person, connect: Connect
) -> None:
    owner, stranger = await connect(ada), await connect(eve)
    first = await owner.start()
    await owner.ended(first["run_id"])
    place = {"conversation_id": first["conversation_id"]}
    # In one burst, so that the run begins while the stranger's frame is in work.
    asked = [stranger.send("subscribe", **place) for _ in range(50)]
    started = owner.send("start", model="emulator/echo", input="hi", **place)
    second = await owner.answer(started)
    await owner.ended(second["run_id"])
    for frame_id in asked:
        assert (await stranger.answer(frame_id))["code"] == "not_found"
    await stranger.in_step()
    assert stranger.count("event") == 0


@pytest.mark.parametrize(
    "model", ["", "/", "hello", "nobody/hello", "emulator/", "emulator/ ", "Emulator/hello", "emulator/a\nb"]
)
async def test_a_model_that_nobody_has_is_refused_with_what_to_do(
    model: str, ada: Person, connect: Connect
) -> None:
    socket = await connect(ada)
    answer = await socket.ask("start", model=model, input="hi")
    assert answer["code"] == ("unknown_model" if model else "bad_frame")
    if model:
        assert "emulator" in answer["message"] or "list of models" in answer["message"]
    assert (await row_counts())["Run"] == 0


@pytest.mark.parametrize(
    ("model", "setting"),
    [
        ("openai/gpt-5.5", "OPENAI_API_KEY"),
        ("openai-chat/gpt-5.5", "OPENAI_API_KEY"),
        ("anthropic/claude-sonnet-5-5", "ANTHROPIC_API_KEY"),
        ("gemini/gemini-3.8-flash", "GEMINI_API_KEY"),
    ],
)
async def test_it_names_what_to_set_for_a_provider_without_a_key(
    model: str, setting: str, ada: Person, connect: Connect
) -> None:
    answer = await (await connect(ada)).ask("start", model=model, input="hi")
    assert answer["code"] == "provider_unavailable"
    assert setting in answer["message"]
    assert (await row_counts())["Run"] == 0


@pytest.mark.parametrize(
    "fields",
    [
        {"budget": {"cost": 0.5}},
        {"options": {"tool_choice": "required"}},
        {"tools": [{"name": "f"}, {"name": "f"}]},
        {"tools": [{"name": "clock"}], "options": {"tools": ["clock"]}},
    ],
    ids=["no price", "no such tool", "one name twice", "a name of ours"],
)
async def test_it_says_what_is_not_offered(fields: dict[str, Any], ada: Person, connect: Connect) -> None:
    answer = await (await connect(ada)).ask("start", **{"model": "emulator/echo", "input": "hi", **fields})
    assert answer["code"] == "unsupported"
    assert (await row_counts())["Run"] == 0


async def test_a_run_that_has_ended_cannot_be_decided(ada: Person, connect: Connect) -> None:
    socket = await connect(ada)
    run_id = (await socket.start())["run_id"]
    await socket.ended(run_id)
    answer = await socket.ask("resolve", run_id=run_id, resume=[])
    assert answer["code"] == "already_terminal"


async def test_a_conversation_has_one_run_at_a_time(ada: Person, connect: Connect) -> None:
    socket = await connect(ada)
    first = await socket.start("emulator/silent")
    await socket.saw(first["run_id"], "STEP_STARTED")
    place = {"conversation_id": first["conversation_id"]}
    before = await row_counts()
    answer = await socket.ask("start", model="emulator/echo", input="hi", **place)
    assert (answer["code"], answer["retryable"]) == ("conversation_busy", True)
    assert await row_counts() == before
    await socket.ask("cancel", run_id=first["run_id"])
    await socket.ended(first["run_id"])
    second = await socket.start(**place)
    assert (await socket.ended(second["run_id"]))["outcome"] == {"type": "success"}


async def test_a_burst_of_starts_in_one_conversation_makes_one_run(ada: Person, connect: Connect) -> None:
    socket = await connect(ada)
    first = await socket.start()
    await socket.ended(first["run_id"])
    place = {"conversation_id": first["conversation_id"]}
    ids = [socket.send("start", model="emulator/silent", input="hi", **place) for _ in range(20)]
    answers = [await socket.answer(frame_id) for frame_id in ids]
    assert sorted(answer.get("code", "ok") for answer in answers) == ["conversation_busy"] * 19 + ["ok"]
    assert (await row_counts())["Run"] == 2


async def test_a_user_has_so_many_runs_at_a_time(
    ada: Person, eve: Person, connect: Connect, settings: Any
) -> None:
    settings.RUNNEL_MAX_RUNS_PER_USER = 2
    socket = await connect(ada)
    runs = [(await socket.start("emulator/silent"))["run_id"] for _ in range(2)]
    answer = await socket.ask("start", model="emulator/echo", input="hi")
    assert (answer["code"], answer["retryable"]) == ("too_many_runs", True)
    await (await connect(eve)).start("emulator/echo")
    await socket.ask("cancel", run_id=runs[0])
    await socket.ended(runs[0])
    await _freed(socket)


async def _freed(socket: Socket) -> None:
    """The place of a run that has ended is free at once, or a breath later."""
    async with asyncio.timeout(2):
        while (await socket.ask("start", model="emulator/echo", input="hi"))["type"] == "error":
            await asyncio.sleep(0.01)


async def test_the_same_start_again_is_the_same_run(ada: Person, connect: Connect) -> None:
    socket = await connect(ada)
    run_id = str(uuid4())
    frame = {"run_id": run_id, "model": "emulator/echo", "input": "hi", "options": {"max_steps": 2}}
    first = await socket.ask("start", **frame)
    live = await socket.ask("start", **frame)
    await socket.ended(run_id)
    late = await socket.ask("start", **frame)
    assert first["state"] == "created"
    for again in (live, late):
        assert again["state"] == "exists"
        assert (again["run_id"], again["conversation_id"]) == (run_id, first["conversation_id"])
    assert late["status"] == "completed"
    assert (await row_counts())["Run"] == 1


async def test_the_same_start_twice_in_one_burst_is_one_run(ada: Person, connect: Connect) -> None:
    one, other = await connect(ada), await connect(ada)
    run_id = str(uuid4())
    frames = [
        (socket, socket.send("start", run_id=run_id, model="emulator/echo", input="hi"))
        for socket in (one, other, one, other)
    ]
    states = [(await socket.answer(frame_id))["state"] for socket, frame_id in frames]
    assert sorted(states) == ["created", "exists", "exists", "exists"]
    for socket in (one, other):
        await socket.ended(run_id)
    assert one.texts(run_id) == other.texts(run_id)


async def test_a_repeated_start_shows_the_run_to_a_socket_that_lost_it(ada: Person, connect: Connect) -> None:
    frame = {"run_id": str(uuid4()), "model": "emulator/echo", "input": "hi"}
    first = await connect(ada)
    await first.ask("start", **frame)
    await first.ended(frame["run_id"])
    later = await connect(ada)
    assert (await later.ask("start", **frame))["state"] == "exists"
    await later.ended(frame["run_id"])
    assert later.texts(frame["run_id"]) == first.texts(frame["run_id"])


@pytest.mark.parametrize(
    "other",
    [{"input": "ho"}, {"model": "emulator/hello"}, {"system": "Be brief."}, {"options": {"max_steps": 2}}],
    ids=lambda other: next(iter(other)),
)
async def test_another_body_under_the_same_id_is_a_conflict(
    other: dict[str, Any], ada: Person, connect: Connect
) -> None:
    socket = await connect(ada)
    frame = {"run_id": str(uuid4()), "model": "emulator/echo", "input": "hi"}
    await socket.ask("start", **frame)
    before = await row_counts()
    assert (await socket.ask("start", **{**frame, **other}))["code"] == "conflict"
    await socket.ended(frame["run_id"])
    assert (await row_counts())["Run"] == before["Run"]


async def test_a_failed_start_leaves_nothing_that_counts_as_live(
    ada: Person, connect: Connect, settings: Any
) -> None:
    settings.RUNNEL_MAX_RUNS_PER_USER = 1
    socket = await connect(ada)
    for _ in range(3):
        place = {"conversation_id": ABSENT}
        assert (await socket.ask("start", model="emulator/echo", input="hi", **place))["code"] == "not_found"
    await socket.ended((await socket.start())["run_id"])
