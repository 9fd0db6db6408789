"""What a process hears of its runs from another one, and believes when the database cannot be reached."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import orjson
import pytest
from django.db import OperationalError

from concurrency.threads import readers
from providers.errors.stop_signal import StopCause
from runs import bus
from runs.bus import Kind
from runs.bus.bus import Payload
from runs.engine import elsewhere, recovery, stop_signals, supervisor
from runs.engine.cancel_request import CancelRequest
from runs.engine.heartbeat import Heartbeat
from runs.engine.live_poll import LivePoll
from runs.errors import NotFound
from runs.models import AuditEntry, Run
from runs.models.audit import Actor
from runs.models.conversation import QueuePause
from runs.models.fields import uuid7
from runs.states import CancelledBy, RunStatus
from runs.store import clock
from tests.runs.conftest import Connect, Person
from tests.runs.rows import make_run
from tests.runs.talks import ECHO

pytestmark = pytest.mark.django_db(transaction=True)

STUCK = 20.0


async def live_run(connect: Connect, person: Person) -> UUID:
    socket = await connect(person)
    run_id = (await socket.start("emulator/silent"))["run_id"]
    await socket.saw(run_id, "STEP_STARTED")
    return UUID(run_id)


def fail(*_: Any) -> None:
    raise OperationalError("cut off")


async def until(condition: Any) -> None:
    async with asyncio.timeout(STUCK):
        while not condition():
            await asyncio.sleep(0.01)


async def test_who_cannot_renew_its_leases_stops_a_run_at_once_when_another_process_has_ended_it(
    ada: Person, connect: Connect, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    settings.RUNNEL_HEARTBEAT_SECONDS, settings.RUNNEL_LEASE_SECONDS = 0.05, 0.3
    run_id = await live_run(connect, ada)
    live = stop_signals.get(run_id)
    assert live is not None
    # It can neither renew nor look.
    monkeypatch.setattr(LivePoll, "_look", fail)
    monkeypatch.setattr(Heartbeat, "_renew", fail)
    # A reaper, which believes the lease that nobody renews, would write an end that is not this process'.
    monkeypatch.setattr(recovery, "reap", lambda **_: 0)
    async with asyncio.timeout(STUCK):
        while not live.signal.is_set():
            # As another process says it, again and again while the lease here is not over yet.
            elsewhere._reaped({"run_id": str(run_id), "segment": 1})
            await asyncio.sleep(0.02)
    assert live.signal.cause is StopCause.LOST
    await until(lambda: not stop_signals.is_live(run_id))
    # It writes nothing: whoever has ended the run has written its end.
    assert (await readers.run(Run.objects.get, pk=run_id)).status == RunStatus.RUNNING


async def test_who_renews_its_leases_believes_the_database(ada: Person, connect: Connect) -> None:
    run_id = await live_run(connect, ada)
    looked = asyncio.Event()
    loop, look = asyncio.get_running_loop(), LivePoll._look_at

    def note(poll: LivePoll, run_ids: tuple[UUID, ...]) -> None:
        look(poll, run_ids)
        loop.call_soon_threadsafe(looked.set)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(LivePoll, "_look_at", note)
        elsewhere._reaped({"run_id": str(run_id), "segment": 1})
        async with asyncio.timeout(STUCK):
            await looked.wait()
    live = stop_signals.get(run_id)
    assert live is not None
    assert not live.signal.is_set()


async def test_who_ends_a_run_of_another_process_says_so(
    ada: Person, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = await live_run(connect, ada)
    told: list[tuple[str, Payload]] = []
    monkeypatch.setattr(bus, "send", lambda kind, payload: told.append((kind, payload)))
    await readers.run(
        lambda: (
            Run.objects.filter(pk=run_id).update(lease_until=clock.after(timedelta(seconds=-1))),
            recovery.reap(everything=False),
        )
    )
    await until(lambda: (Kind.REAPED, {"run_id": str(run_id), "segment": 1}) in told)


async def test_a_cancel_that_cannot_be_stored_soon_reaches_who_drives_the_run_and_of_its_owner_only(
    ada: Person, eve: Person, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = await live_run(connect, ada)
    conversation_id = str((await readers.run(Run.objects.get, pk=run_id)).conversation_id)
    behind = {"model": ECHO, "input": "next", "conversation_id": conversation_id, "when_busy": "queue"}
    queued = (await (await connect(ada)).ask("start", **behind))["run_id"]
    here, told, is_back = supervisor.current(), list[bytes](), asyncio.Event()
    execute = here.journal.execute

    async def wait(*args: Any, **kwargs: Any) -> Any:
        await is_back.wait()
        return await execute(*args, **kwargs)

    def tell(kind: str, payload: Payload) -> None:
        if kind == Kind.CANCEL:
            told.append(orjson.dumps(payload))

    with monkeypatch.context() as patch:
        patch.setattr(supervisor, "UNSTORED", 0.05)
        patch.setattr(here.journal, "execute", wait)
        patch.setattr(bus, "send", tell)
        # As in a process that does not drive the run.
        patch.setattr(CancelRequest, "signal", lambda _: None)
        requests = [
            CancelRequest(run_id=run_id, by=CancelledBy.USER, by_name=who.user.username, owner_id=who.user.pk)
            for who in (eve, ada)
        ]
        cancels = [asyncio.create_task(here.cancel(request)) for request in requests]
        await until(lambda: len(told) == len(cancels))
    live = stop_signals.get(run_id)
    assert live is not None
    for message in told:
        elsewhere._cancelled(orjson.loads(message))
    await until(live.signal.is_set)
    # Not of eve, whose message came first.
    assert (live.by, live.by_name) == ("user", "ada")
    await until(lambda: not stop_signals.is_live(run_id))
    ended = await readers.run(Run.objects.select_related("conversation").get, pk=run_id)
    # All that a cancel stores is stored with the end, although who was asked has stored nothing yet.
    assert (ended.status, ended.cancelled_by_name) == (RunStatus.CANCELLED, "ada")
    assert ended.conversation.queue_paused == QueuePause.CANCELLED
    assert (await readers.run(Run.objects.get, pk=queued)).status == RunStatus.QUEUED
    is_back.set()
    assert [type(each) for each in await asyncio.gather(*cancels, return_exceptions=True)] == [NotFound, bool]


async def test_a_cancel_that_another_process_told_is_not_told_again(
    ada: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[Payload] = []
    monkeypatch.setattr(bus, "send", lambda _, payload: told.append(orjson.loads(orjson.dumps(payload))))
    actor = Actor(user_id=ada.user.pk, name="ada", address="10.0.0.1")
    request = CancelRequest(
        run_id=uuid7(), by=CancelledBy.ADMIN, by_name="ada", actor=actor, keeps_queue=True
    )
    request.tell_unstored()
    heard = CancelRequest.told(told[0])
    assert heard == replace(request, is_told=True)
    heard.tell_unstored()
    assert len(told) == 1


@pytest.mark.usefixtures("server")
async def test_a_cancel_that_two_processes_store_is_in_the_audit_log_once(ada: Person) -> None:
    run = await readers.run(lambda: make_run(owner=ada.user, status=RunStatus.RUNNING))
    actor = Actor(user_id=ada.user.pk, name="ada", address="10.0.0.1")
    request = CancelRequest(run_id=run.pk, by=CancelledBy.ADMIN, by_name="ada", actor=actor)
    other = replace(request, by_name="eve", actor=Actor(name="eve"))
    for each in (request, replace(request, is_told=True), other):
        assert (await supervisor.current().journal.execute(each.store)).was_active
    noted = AuditEntry.objects.filter(target_id=str(run.pk)).order_by("pk")
    assert await readers.run(lambda: [entry.actor_name for entry in noted]) == ["ada", "eve"]
