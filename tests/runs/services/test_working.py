"""Runs that workers execute: how they wait, who takes them, and what becomes of those that nobody can take.

The server and the worker are one process here; ``tests/faults/test_workers.py`` has them apart.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.contrib.auth.models import User
from django.db import OperationalError, transaction
from django.utils import timezone

from concurrency.threads import readers
from providers import catalog
from runs.access import rights
from runs.bus import Kind
from runs.bus.bus import _hand_out
from runs.engine import recovery, supervisor
from runs.engine.executor import ByWorkers, InProcess
from runs.models import ApiToken, EventLog, Run, ToolCall
from runs.models.tool_call import ToolCallStatus
from runs.services import specs
from runs.services.working import Worker
from runs.states import RunStatus
from runs.store import claims
from runs.toolbox.tool import Tool
from tests.runs.conftest import Connect, Person
from tests.runs.services.test_queue import CALLS, NOTE, SLOW, approve
from tests.runs.talks import ECHO, Talk, sent

pytestmark = pytest.mark.django_db(transaction=True)


STUCK = 10.0

#: Those of the running test.
_workers: list[Worker] = []


@pytest.fixture
async def talk(connect: Connect, ada: Person) -> Talk:
    """A conversation on a server that executes nothing."""
    talk = Talk(ada, await connect(ada))
    here = supervisor.current()
    loop = asyncio.get_running_loop()

    def ring() -> None:
        for worker in _workers:
            loop.call_soon_threadsafe(worker.notify)

    # Workers elsewhere hear of the job with the commit.
    here.executor = ByWorkers(here.announce, lambda _: transaction.on_commit(ring))
    return talk


@pytest.fixture
async def work(talk: Talk) -> AsyncIterator[Callable[..., Worker]]:
    """Return a function that lets a worker begin; it stops after the test."""

    def begin(most: int = 10) -> Worker:
        _workers.append(Worker(most=most))
        _workers[-1].start()
        return _workers[-1]

    yield begin
    while _workers:
        await _workers.pop().stop()


async def row(run_id: str) -> Run:
    return await readers.run(Run.objects.select_related("log").get, pk=UUID(run_id))


async def until(run_id: str, *statuses: str) -> Run:
    async with asyncio.timeout(STUCK):
        while (found := await row(run_id)).status not in statuses:
            await asyncio.sleep(0.01)
    return found


async def test_a_run_waits_without_a_lease_until_a_worker_executes_it(
    talk: Talk, work: Callable[..., Worker]
) -> None:
    run_id = await talk.start("hi")
    waits = await row(run_id)
    assert (waits.status, waits.worker, waits.lease_until, waits.started_at) == ("created", "", None, None)
    assert await readers.run(recovery.reap, everything=False) == 0
    work()
    end = await talk.socket.ended(run_id)
    assert end["outcome"] == {"type": "success"}
    kinds = [event["type"] for event in talk.socket.events(run_id)]
    assert kinds[:3] == ["RUN_STARTED", "STEP_STARTED", "TEXT_MESSAGE_START"]
    ended = await row(run_id)
    assert (ended.status, ended.fence, ended.claims, ended.lease_until) == ("completed", 1, 1, None)
    # What follows in the conversation is built from rows, too.
    second = await talk.say("and now?")
    assert [text for role, text in await sent(second) if role == "user"] == ["hi", "and now?"]


async def test_a_worker_that_no_notification_reaches_hears_of_a_run_over_the_bus(talk: Talk) -> None:
    worker = Worker(most=1, poll=10 * STUCK)
    worker.start()
    for _ in range(2):
        run_id = await talk.start("hi")
        _hand_out(Kind.WAITS, {"run_id": run_id})
        assert (await until(run_id, RunStatus.COMPLETED)).claims == 1
    await worker.stop()


async def test_the_bus_tells_a_worker_nothing_new_beside_a_notification() -> None:
    worker = Worker(most=1)
    worker._hear({})
    assert worker._rung.is_set()
    worker.notify()
    worker._rung.clear()
    worker._hear({})
    assert not worker._rung.is_set()


async def test_a_run_that_waits_is_cancelled_at_once(talk: Talk, work: Callable[..., Worker]) -> None:
    run_id = await talk.start("hi")
    assert (await talk.socket.ask("cancel", run_id=run_id))["state"] == "requested"
    end = await talk.socket.ended(run_id)
    assert (end["outcome"], end["metadata"]["stop_reason"]) == ({"type": "cancelled"}, "cancelled")
    assert [event["type"] for event in talk.socket.events(run_id)] == ["RUN_STARTED", "RUN_FINISHED"]
    work()
    # The worker goes on with what is left.
    assert (await talk.socket.ended(await talk.start("again")))["outcome"] == {"type": "success"}
    assert (await row(run_id)).status == "cancelled"


async def test_a_cancel_that_comes_between_claim_and_beginning_wins(
    talk: Talk, work: Callable[..., Worker], monkeypatch: pytest.MonkeyPatch
) -> None:
    is_read, may_go_on = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()
    read = specs.read

    def read_slowly(run: Run) -> Any:
        loop.call_soon_threadsafe(is_read.set)
        asyncio.run_coroutine_threadsafe(may_go_on.wait(), loop).result(10)
        return read(run)

    monkeypatch.setattr(specs, "read", read_slowly)
    run_id = await talk.start("hi")
    work()
    await asyncio.wait_for(is_read.wait(), 10)
    assert (await row(run_id)).claims == 1
    await talk.socket.ask("cancel", run_id=run_id)
    may_go_on.set()
    assert (await talk.socket.ended(run_id))["outcome"] == {"type": "cancelled"}
    assert [event["type"] for event in talk.socket.events(run_id)].count("STEP_STARTED") == 0


async def test_a_decision_waits_for_a_worker_and_is_executed_as_it_was_made(
    talk: Talk, work: Callable[..., Worker]
) -> None:
    worker = work()
    run_id = await talk.say(NOTE, model=CALLS, options={"tools": ["write_note"]})
    await worker.stop()
    (interrupt,) = talk.socket.events(run_id)[-1]["outcome"]["interrupts"]
    entry = {
        "interruptId": interrupt["id"],
        "status": "resolved",
        "payload": {"approved": True, "editedArgs": {"text": "oats"}},
        "metadata": {"digest": interrupt["metadata"]["digest"]},
    }
    assert (await talk.socket.ask("resolve", run_id=run_id, resume=[entry]))["type"] == "ok"
    waits = await row(run_id)
    assert (waits.status, waits.segment, waits.lease_until) == ("created", 2, None)
    work()
    await talk.socket.until(lambda: talk.socket.events(run_id)[-1].get("outcome") == {"type": "success"})
    (call,) = await readers.run(lambda: list(ToolCall.objects.filter(run_id=UUID(run_id))))
    assert (call.status, call.decision, call.edited_arguments) == ("succeeded", "edited", '{"text":"oats"}')
    ended = await row(run_id)
    assert (ended.status, ended.segment, ended.fence) == ("completed", 2, 3)


async def test_what_was_decided_and_then_cancelled_is_not_executed(
    talk: Talk, work: Callable[..., Worker]
) -> None:
    worker = work()
    run_id = await talk.say(NOTE, model=CALLS, options={"tools": ["write_note"]})
    await worker.stop()
    await approve(talk, run_id)
    await talk.socket.ask("cancel", run_id=run_id)
    await talk.socket.until(lambda: talk.socket.events(run_id)[-1].get("outcome") == {"type": "cancelled"})
    (call,) = await readers.run(lambda: list(ToolCall.objects.filter(run_id=UUID(run_id))))
    assert call.status == ToolCallStatus.CANCELLED
    assert (await row(run_id)).status == "cancelled"


async def test_a_tool_that_was_changed_since_its_approval_is_not_executed(
    talk: Talk, work: Callable[..., Worker], monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = work()
    run_id = await talk.say(NOTE, model=CALLS, options={"tools": ["write_note"]})
    await worker.stop()
    await approve(talk, run_id)
    monkeypatch.setattr(Tool, "identity", "another one")
    work()
    await talk.socket.until(lambda: talk.socket.events(run_id)[-1].get("outcome") == {"type": "success"})
    (call,) = await readers.run(lambda: list(ToolCall.objects.filter(run_id=UUID(run_id))))
    assert (call.status, "has changed" in call.result) == ("failed", True)


async def test_messages_wait_and_are_sent_with_a_worker_too(talk: Talk, work: Callable[..., Worker]) -> None:
    work()
    first = await talk.start("a story", model=SLOW)
    await talk.socket.saw(first, "TEXT_MESSAGE_CONTENT")
    queued = await talk.socket.ask(
        "start", model=ECHO, input="then this", when_busy="queue", conversation_id=talk.id
    )
    assert queued["state"] == "queued"
    # Another process knows nothing of what was queued here.
    supervisor.current()._queues.clear()
    now = await talk.socket.ask(
        "start", model=ECHO, input="first this", when_busy="interrupt", conversation_id=talk.id
    )
    assert now["state"] == "created"
    for run_id in (first, now["run_id"], queued["run_id"]):
        await talk.socket.ended(run_id)
    said = [text for role, text in await sent(queued["run_id"]) if role == "user"]
    assert said == ["a story", "first this", "then this"]


async def test_a_model_that_is_gone_ends_the_run_with_a_sentence(
    talk: Talk, work: Callable[..., Worker], settings: Any
) -> None:
    run_id = await talk.start("hi")
    settings.RUNNEL_EMULATOR = False
    work()
    end = await talk.socket.ended(run_id)
    assert (end["type"], end["code"]) == ("RUN_ERROR", "provider_unavailable")
    with pytest.raises(catalog.CatalogError):
        await readers.run(specs.targets_of, await row(run_id))
    ended = await row(run_id)
    assert (ended.status, ended.stop_reason, ended.lease_until) == ("failed", "error", None)


async def test_a_worker_that_stops_claims_nothing_more(talk: Talk, work: Callable[..., Worker]) -> None:
    worker = work()
    first = await talk.start("a story", model=SLOW)
    await talk.socket.saw(first, "TEXT_MESSAGE_CONTENT")
    await worker.stop()
    waits = (await talk.socket.start(ECHO))["run_id"]
    await supervisor.current().drain()
    assert (await talk.socket.ended(first))["metadata"]["stop_reason"] == "shutdown"
    left = await row(waits)
    assert (left.status, left.worker) == ("created", "")


async def test_what_a_stopping_process_has_claimed_is_given_back(
    talk: Talk, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = await talk.start("hi")
    with monkeypatch.context() as stopping:
        stopping.setattr(supervisor.current(), "draining", True)
        await Worker(most=1)._claim()
    left = await row(run_id)
    assert (left.status, left.worker, left.claims, left.lease_until) == ("created", "", 0, None)


async def test_a_run_ends_with_the_token_that_started_it(talk: Talk, work: Callable[..., Worker]) -> None:
    work()
    run_id = await talk.start("a story", model=SLOW)
    await until(run_id, RunStatus.RUNNING)
    # As in a process that has never seen the socket.
    rights._starters.clear()
    # Without the signals, which reach this process only.
    await readers.run(ApiToken.objects.filter(user=talk.person.user)._raw_delete, "default")
    await rights.check()
    ended = await until(run_id, RunStatus.CANCELLED)
    assert ended.cancelled_by == "access"


async def test_a_server_that_executes_its_runs_takes_what_was_to_wait_for_a_worker(
    talk: Talk, server: None
) -> None:
    here = supervisor.current()
    run_id = await talk.start("hi")
    here.executor = InProcess(here.settings, here.launch)
    leftovers = Worker(most=1)
    leftovers.start(hears=False)
    assert (await talk.socket.ended(run_id))["outcome"] == {"type": "success"}
    assert (await talk.socket.ended(await talk.start("and now?")))["outcome"] == {"type": "success"}
    await leftovers.stop()


@pytest.mark.parametrize("what", ["user", "revoked", "expired"])
async def test_a_run_that_waits_does_not_begin_for_somebody_who_has_no_rights_any_more(
    talk: Talk, work: Callable[..., Worker], what: str
) -> None:
    run_id = await talk.start("hi")
    if what == "user":
        await readers.run(User.objects.filter(pk=talk.person.user.pk).update, is_active=False)
    elif what == "revoked":
        await readers.run(ApiToken.objects.filter(user=talk.person.user)._raw_delete, "default")
    else:
        await readers.run(ApiToken.objects.update, expires_at=timezone.now() - timedelta(seconds=1))
    work()
    ended = await until(run_id, RunStatus.CANCELLED, RunStatus.COMPLETED)
    assert (ended.status, ended.cancelled_by, ended.log.last_seq) == ("cancelled", "access", 2)
    assert ("user" if what == "user" else "token") in ended.cancel_reason


async def test_a_log_that_has_no_row_holds_up_no_other_run(talk: Talk, work: Callable[..., Worker]) -> None:
    broken, whole = await talk.start("hi"), (await talk.socket.start(ECHO))["run_id"]
    await readers.run(EventLog.objects.filter(pk=UUID(broken)).delete)
    work()
    assert (await until(whole, RunStatus.COMPLETED)).claims == 1


@pytest.mark.usefixtures("talk")
async def test_a_database_that_is_away_is_logged_as_an_outage_and_not_at_each_look(
    work: Callable[..., Worker], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> list[Run]:
        raise OperationalError("connection failed\nIs the server running?")

    monkeypatch.setattr(claims, "claim", fail)
    work()
    async with asyncio.timeout(10):
        while not (lines := [each for each in caplog.records if each.name == "runnel.worker"]):
            await asyncio.sleep(0.01)
    # One line, as the log's filter for outages makes it.
    assert lines[0].getMessage() == "runs that wait cannot be looked for: OperationalError: connection failed"
