"""How many runs one user may start and have, and what a start may ask for."""

import asyncio
from typing import Any

import pytest
from django.db import connection

from concurrency.threads import readers
from runs import limits
from runs.models import Run
from runs.services.storing import MAY_HAVE_ONE_MORE, may_have_one_more
from runs.states import RunStatus
from tests.runs.conftest import Connect, Person
from tests.runs.rows import make_group, make_run

pytestmark = pytest.mark.django_db(transaction=True)


def refusal(answer: dict[str, Any]) -> tuple[Any, ...]:
    return answer["type"], answer.get("code"), answer.get("limit"), answer.get("retryable")


async def test_a_user_starts_so_many_runs_a_minute(
    ada: Person, eve: Person, connect: Connect, settings: Any
) -> None:
    settings.RUNNEL_STARTS_PER_MINUTE = 3
    socket = await connect(ada)
    for _ in range(3):
        await socket.start()
    answer = await socket.ask("start", model="emulator/echo", input="hi")
    assert refusal(answer) == ("error", "rate_limited", "starts_per_minute", True)
    assert 0 < answer["retry_after"] <= 20
    assert "3 runs a minute" in answer["message"]
    # Neither another socket nor another person's starts change that.
    other = await (await connect(ada)).ask("start", model="emulator/echo", input="hi")
    assert other["code"] == "rate_limited"
    await (await connect(eve)).start()


async def test_a_start_may_follow_after_the_named_wait(ada: Person, connect: Connect, settings: Any) -> None:
    settings.RUNNEL_STARTS_PER_MINUTE = 120
    socket = await connect(ada)
    ids = [socket.send("start", model="emulator/nope", input="hi") for _ in range(200)]
    answers = [await socket.answer(frame_id) for frame_id in ids]
    waits = [answer["retry_after"] for answer in answers if answer.get("code") == "rate_limited"]
    assert waits
    await asyncio.sleep(waits[-1])
    assert (await socket.ask("start", model="emulator/echo", input="hi"))["type"] == "ok"


async def test_a_start_that_comes_too_early_reads_no_database(
    ada: Person, connect: Connect, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.RUNNEL_STARTS_PER_MINUTE = 1
    socket = await connect(ada)
    await socket.ended((await socket.start())["run_id"])

    async def read(*_: Any) -> None:
        raise AssertionError("the database was read")

    monkeypatch.setattr(readers, "run", read)
    answers = [await socket.ask("start", model="emulator/echo", input="hi") for _ in range(20)]
    assert {answer["code"] for answer in answers} == {"rate_limited"}


async def test_paused_runs_and_those_of_other_processes_count(
    ada: Person, connect: Connect, settings: Any
) -> None:
    settings.RUNNEL_MAX_RUNS_PER_USER = 2
    await readers.run(make_run, owner=ada.user, status=RunStatus.AWAITING_APPROVAL)
    await readers.run(make_run, owner=ada.user, status=RunStatus.RUNNING)
    socket = await connect(ada)
    answer = await socket.ask("start", model="emulator/echo", input="hi")
    assert refusal(answer) == ("error", "too_many_runs", "runs", True)
    assert answer["retry_after"] > 0
    assert await readers.run(Run.objects.count) == 2


async def test_a_burst_begins_no_more_runs_than_allowed(ada: Person, connect: Connect, settings: Any) -> None:
    settings.RUNNEL_MAX_RUNS_PER_USER = 5
    sockets = [await connect(ada) for _ in range(2)]
    sent = [(s, s.send("start", model="emulator/silent", input="hi")) for _ in range(20) for s in sockets]
    answers = [await socket.answer(frame_id) for socket, frame_id in sent]
    assert sorted(answer.get("code", "ok") for answer in answers) == ["ok"] * 5 + ["too_many_runs"] * 35


async def test_a_new_run_takes_the_place_of_the_paused_run_that_it_cancels(
    ada: Person, connect: Connect, settings: Any
) -> None:
    settings.RUNNEL_MAX_RUNS_PER_USER = 1
    socket = await connect(ada)
    paused = await socket.start("emulator/calls", "[[call ask]]", tools=[{"name": "ask"}])
    assert (await socket.ended(paused["run_id"]))["outcome"]["type"] == "interrupt"
    answer = await socket.ask(
        "start",
        model="emulator/echo",
        input="hi",
        conversation_id=paused["conversation_id"],
        options={"cancel_pending": True},
    )
    assert answer["type"] == "ok", answer


@pytest.mark.parametrize(
    ("setting", "name"), [("RUNNEL_STEPS_PER_RUN", "max_steps"), ("RUNNEL_RETRIES_PER_CALL", "max_retries")]
)
async def test_a_start_asks_for_no_more_than_allowed(
    setting: str, name: str, ada: Person, connect: Connect, settings: Any
) -> None:
    setattr(settings, setting, 3)
    socket = await connect(ada)
    answer = await socket.ask("start", model="emulator/echo", input="hi", options={name: 4})
    assert refusal(answer) == ("error", "unsupported", name, False)
    assert f"options.{name} may be at most 3" in answer["message"]
    await socket.start(options={name: 3})


async def test_a_start_that_asks_for_nothing_gets_no_more_steps_than_allowed(
    ada: Person, connect: Connect, settings: Any
) -> None:
    settings.RUNNEL_STEPS_PER_RUN = 1
    socket = await connect(ada)
    started = await socket.start("emulator/calls", "[[call clock]] [[next]]", options={"tools": ["clock"]})
    end = await socket.ended(started["run_id"])
    assert end["metadata"]["stop_reason"] == "max_steps"


async def test_an_answer_calls_no_more_functions_than_a_group_may(ada: Person, connect: Connect) -> None:
    await readers.run(make_group, ada.user, "guests", calls_per_step=2)
    socket = await connect(ada)
    ends = []
    for calls in (2, 3):
        started = await socket.start(
            "emulator/calls", "[[call clock]] " * calls, options={"tools": ["clock"]}
        )
        ends.append(await socket.ended(started["run_id"]))
    assert [end["type"] for end in ends] == ["RUN_FINISHED", "RUN_ERROR"]
    assert "more than 2 tool calls" in ends[1]["message"]


@pytest.mark.skipif(
    connection.vendor != "sqlite", reason="a planner of another database may prefer a scan here"
)
def test_the_count_of_a_users_runs_reads_only_those(ada: Person) -> None:
    with connection.cursor() as cursor:
        values = may_have_one_more(ada.user.pk, limits.of(ada.user.pk))
        cursor.execute(f"EXPLAIN QUERY PLAN SELECT 1 WHERE {MAY_HAVE_ONE_MORE}", values)
        assert "run_unfinished" in str(cursor.fetchall())
