"""How many sockets a user may open, what one may follow, and how fast frames are handled."""

import time
from typing import Any

import pytest

from runs.limits import rates
from runs.socket.consumers import RATE_LIMITED
from tests.runs.conftest import Connect, Person
from tests.runs.sockets import Socket

pytestmark = pytest.mark.django_db(transaction=True)


async def test_a_user_opens_so_many_sockets(
    ada: Person, eve: Person, connect: Connect, settings: Any
) -> None:
    settings.RUNNEL_SOCKETS_PER_USER = 2
    one, _ = [await connect(ada) for _ in range(2)]
    third = await connect(ada)
    await third.closed()
    assert third.close_code == RATE_LIMITED
    (told,) = third.frames
    assert (told["type"], told["code"], told["limit"]) == ("error", "rate_limited", "sockets")
    assert (told["retryable"], told["retry_after"]) == (True, 5)
    assert (await connect(eve)).close_code is None
    await one.close()
    assert (await connect(ada)).frames[0]["type"] == "ready"


async def test_a_socket_follows_so_many_runs_and_conversations(
    ada: Person, connect: Connect, settings: Any
) -> None:
    settings.RUNNEL_SUBSCRIPTIONS_PER_SOCKET = 2
    socket, other = await connect(ada), await connect(ada)
    first = await socket.start("emulator/silent")
    second = await socket.start("emulator/silent")
    third = await other.start("emulator/silent")
    for kind, fields in (
        ("start", {"model": "emulator/echo", "input": "hi"}),
        ("subscribe", {"run_id": third["run_id"]}),
        ("subscribe", {"conversation_id": third["conversation_id"]}),
    ):
        refused = await socket.ask(kind, **fields)
        assert (refused.get("code"), refused.get("limit")) == ("rate_limited", "subscriptions")
        assert refused["retry_after"] > 0
    # What is followed already may be asked for again, and another takes the place of one that is left.
    assert (await socket.ask("subscribe", run_id=first["run_id"]))["type"] == "ok"
    await socket.ask("unsubscribe", run_id=second["run_id"])
    assert (await socket.ask("subscribe", run_id=third["run_id"]))["type"] == "ok"


async def test_a_burst_of_subscriptions_follows_no_more_than_allowed(
    ada: Person, connect: Connect, settings: Any
) -> None:
    started = await connect(ada)
    runs = [(await started.start("emulator/silent"))["run_id"] for _ in range(6)]
    settings.RUNNEL_SUBSCRIPTIONS_PER_SOCKET = 3
    socket = await connect(ada)
    ids = [socket.send("subscribe", run_id=run_id) for run_id in runs]
    answers = [await socket.answer(frame_id) for frame_id in ids]
    assert sorted(answer.get("code", "ok") for answer in answers) == ["ok"] * 3 + ["rate_limited"] * 3


async def test_a_refused_start_has_no_run(ada: Person, connect: Connect, settings: Any) -> None:
    settings.RUNNEL_SUBSCRIPTIONS_PER_SOCKET = 1
    settings.RUNNEL_MAX_RUNS_PER_USER = 2
    socket = await connect(ada)
    await socket.start("emulator/silent")
    for _ in range(3):
        assert (await socket.ask("start", model="emulator/silent", input="hi"))["code"] == "rate_limited"
    assert (await (await connect(ada)).start("emulator/silent"))["state"] == "created"


async def test_frames_that_come_too_fast_are_answered_later(
    ada: Person, eve: Person, connect: Connect, settings: Any
) -> None:
    settings.RUNNEL_FRAMES_PER_SECOND = 10
    flooding, other = await connect(ada), await connect(eve)
    for _ in range(30):
        flooding.send_text('{"type":"ping"}')
    for _ in range(8):
        await other.in_step()
    # Another person's frames were answered while those of the flood still wait.
    assert flooding.count("pong") < 30
    await flooding.until(lambda: flooding.count("pong") == 30)
    assert flooding.close_code is None


async def test_a_large_frame_counts_as_many() -> None:
    assert rates.count_frame(1, 40 * 1024, per_second=100) == 0
    assert rates.count_frame(1, 60 * 1024, per_second=100) == pytest.approx(1.02, abs=0.05)
    assert rates.count_frame(2, 40 * 1024, per_second=100) == 0


async def test_all_sockets_of_a_user_share_the_rate(ada: Person, connect: Connect, settings: Any) -> None:
    settings.RUNNEL_FRAMES_PER_SECOND = 10
    sockets: list[Socket] = [await connect(ada) for _ in range(3)]
    for socket in sockets:
        for _ in range(6):
            socket.send_text('{"type":"ping"}')
    await sockets[0].until(lambda: sockets[0].count("pong") == 6)
    assert sum(socket.count("pong") for socket in sockets) < 18


async def test_what_a_start_costs_counts_as_frames() -> None:
    async with rates.storing(1) as cheap:
        cheap.of(lambda: None)
    assert rates.count_frame(1, 0, per_second=100) == 0
    async with rates.storing(1) as dear:
        dear.seconds = 0.26
    assert rates.count_frame(1, 0, per_second=100) == pytest.approx(9, abs=0.1)
    assert rates.count_frame(2, 0, per_second=100) == 0


async def test_the_cost_of_a_start_is_the_time_of_its_own_thread() -> None:
    def busy() -> str:
        while time.thread_time() - begin < 0.02:
            pass
        return "done"

    cost, begin = rates.Cost(), time.thread_time()
    assert cost.of(busy) == "done"
    assert cost.seconds >= 0.01
    before = cost.seconds
    cost.of(lambda: time.sleep(0.05))
    assert cost.seconds - before < 0.04


async def test_who_only_sends_frames_is_forgotten_too(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = 1_000.0
    monkeypatch.setattr(rates, "_KEPT_USERS", 3)
    monkeypatch.setattr(rates, "_now", lambda: clock)
    for user_id in (1, 2, 3):
        rates.count_frame(user_id, 10, per_second=100)
    clock += 61
    rates.count_frame(3, 10, per_second=100)
    rates.count_frame(4, 10, per_second=100)
    assert rates._of_this_loop.get().users.keys() == {3, 4}
