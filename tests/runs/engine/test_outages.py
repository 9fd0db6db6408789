"""What a database that is away, another process and a clock that is set do to the runs of this process."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from asgiref.sync import sync_to_async
from django.db import OperationalError, connection, connections
from django.db.backends.signals import connection_created
from django.utils import timezone

from concurrency import availability, database_limits
from concurrency.threads import readers
from runs.engine import elsewhere, liveness, recovery, stop_signals, supervisor
from runs.engine.reaping import Continuity
from runs.log import patient_writer
from runs.models import EventLog, Run
from runs.models.conversation import QueuePause
from runs.states import RunStatus
from runs.store import clock, transitions
from tests.runs.conftest import Connect, Person
from tests.runs.rows import make_run
from tests.runs.sockets import Socket
from tests.runs.storage import STUCK, locked, needs_sqlite

pytestmark = pytest.mark.django_db(transaction=True)

needs_postgresql = pytest.mark.skipif(
    "connection.vendor != 'postgresql'", reason="only PostgreSQL has servers that only read"
)


def waiting(socket: Socket, run_id: str) -> list[tuple[int, bool]]:
    """Return what the socket was told of a run whose events wait to be saved: the seq, and whether they do."""
    return [
        (frame["seq"], frame["event"]["value"]["waiting"])
        for frame in socket.frames
        if frame["type"] == "event"
        and frame["run_id"] == run_id
        and frame["event"].get("name") == "storage_waiting"
    ]


def configure(*statements: str) -> None:
    with psycopg.connect(**connection.get_connection_params(), autocommit=True) as own:
        own.execute("SET default_transaction_read_only = off")
        for statement in (*statements, "SELECT pg_reload_conf()"):
            own.execute(statement)


@contextmanager
def only_reading() -> Iterator[None]:
    """Let the whole server only read, as a primary does that has become a replica."""
    configure("ALTER SYSTEM SET default_transaction_read_only = on")
    try:
        yield
    finally:
        configure("ALTER SYSTEM RESET default_transaction_read_only")


@pytest.fixture
def limited_sessions(ada: Person) -> Iterator[int]:
    """Limit sessions from now on; yield the process of the one before, which clears the tables after the test."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (before,) = cursor.fetchone()
    database_limits.limit_sessions(20.0)
    yield before
    connection_created.disconnect(dispatch_uid="limits of sessions")


@needs_postgresql
@pytest.mark.usefixtures("limited_sessions")
async def test_a_server_that_only_reads_is_an_outage_that_runs_survive_and_nobody_reaps(
    ada: Person, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(availability, "NOTICEABLE", 0.3)
    monkeypatch.setattr(liveness, "NOTICEABLE", 0.3)
    socket = await connect(ada)
    run_id = (await socket.start("emulator/drip"))["run_id"]
    await socket.saw(run_id, "TEXT_MESSAGE_CONTENT")
    dead = await readers.run(lambda: make_run(owner=ada.user, status=RunStatus.RUNNING, worker="dead"))
    await readers.run(Run.objects.filter(pk=dead.pk).update, lease_until=clock.after(timedelta(seconds=-1)))
    continuity = Continuity(gap=60.0, needed=0.0)
    with only_reading():
        await socket.until(lambda: bool(waiting(socket, run_id)))
        assert await readers.run(recovery.reap, everything=False, continuity=continuity) == 0
    assert continuity._last == -float("inf")
    await socket.until(lambda: not waiting(socket, run_id)[-1][1])
    await socket.ask("cancel", run_id=run_id)
    assert (await socket.ended(run_id))["outcome"] == {"type": "cancelled"}


@needs_postgresql
async def test_connections_that_the_server_has_closed_meanwhile_fail_no_command(
    ada: Person, limited_sessions: int, connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    socket = await connect(ada)
    run_id = (await socket.start("emulator/hello"))["run_id"]
    await socket.ended(run_id)
    # Each of the threads has a connection by now.
    await asyncio.gather(*(socket.ask("subscribe", run_id=run_id) for _ in range(16)))
    configure(
        "ALTER SYSTEM SET default_transaction_isolation = 'serializable'",
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
        f" WHERE pid NOT IN (pg_backend_pid(), {limited_sessions}) AND datname = current_database()",
    )
    for _ in range(8):
        await socket.ask("subscribe", run_id=run_id)
    found = await readers.run(isolation)
    configure("ALTER SYSTEM RESET default_transaction_isolation")
    # The thread that later tests share for what is not asynchronous has one of the closed connections, too.
    await sync_to_async(connections.close_all)()
    assert found == "read committed"
    assert "terminating connection" not in caplog.text


def isolation() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SHOW transaction_isolation")
        return str(cursor.fetchone()[0])


@needs_sqlite
async def test_viewers_and_starters_are_told_and_a_long_outage_ends_the_run_with_what_it_said(
    ada: Person, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(availability, "NOTICEABLE", 0.3)
    monkeypatch.setattr(liveness, "NOTICEABLE", 0.3)
    monkeypatch.setattr(patient_writer, "SLOW_SECONDS", 0.0)
    monkeypatch.setattr(liveness, "OUTAGE_SECONDS", 1.0)
    socket = await connect(ada)
    run_id = (await socket.start("emulator/drip"))["run_id"]
    await socket.saw(run_id, "TEXT_MESSAGE_CONTENT")
    with locked():
        await socket.until(lambda: bool(waiting(socket, run_id)))
        started = str(uuid4())
        answer = socket.send("start", model="emulator/hello", input="hi", run_id=started)
        await socket.until(lambda: bool(waiting(socket, started)))
        assert not socket.answers(answer)
        signal = stop_signals.get(UUID(run_id))
        assert signal is not None
        async with asyncio.timeout(STUCK):
            await signal.signal.wait()
    await socket.until(lambda: bool(socket.answers(answer)))
    assert (await socket.answer(answer))["state"] == "created"
    end = await socket.ended(run_id)
    assert (end["type"], end["code"], end["metadata"]["retryable"]) == ("RUN_ERROR", "log_unavailable", True)
    assert waiting(socket, run_id)[0][1] is True
    assert waiting(socket, started) == [(0, True), (0, False)]
    run = await readers.run(Run.objects.get, pk=run_id)
    assert (run.status, run.stop_reason) == (RunStatus.FAILED, "log_unavailable")
    assert socket.said(run_id)
    await socket.ended(started)


async def test_a_server_that_stops_does_not_wait_for_a_database_that_stays_away(
    ada: Person, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (patient_writer, supervisor):
        monkeypatch.setattr(module, "GIVE_UP", 0.5)
    socket = await connect(ada)
    run_id = (await socket.start("emulator/drip"))["run_id"]
    await socket.saw(run_id, "TEXT_MESSAGE_CONTENT")

    def fail(_: Any) -> None:
        raise OperationalError("gone")

    with monkeypatch.context() as patch:
        patch.setattr(patient_writer, "write_group", fail)
        async with asyncio.timeout(STUCK):
            await supervisor.current().drain()
    assert (await readers.run(Run.objects.get, pk=run_id)).status == RunStatus.RUNNING
    # Another process finds it later.
    stop_signals.lose(UUID(run_id), 1)
    await readers.close()


def test_a_lease_is_believed_only_after_answers_without_a_gap(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    continuity = Continuity(gap=3.0, needed=2.5)
    believed = []
    # Answers each 1.5 s; then one that was 20 s under way; then again each 1.5 s.
    for step in (0.0, 1.5, 1.5, 1.5, 20.0, 1.5, 1.5):
        now += step
        believed.append(continuity.note_answer())
    assert believed == [False, False, True, True, False, False, True]


@pytest.mark.usefixtures("server")
@pytest.mark.parametrize("skew", [timedelta(hours=1), timedelta(hours=-1), timedelta(seconds=20)])
async def test_no_process_clock_makes_a_lease_longer_or_shorter(
    ada: Person, connect: Connect, skew: timedelta, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    right = timezone.now
    # Nobody else looks for the dead, nor renews.
    settings.RUNNEL_HEARTBEAT_SECONDS = 3600.0
    socket = await connect(ada)
    dead = await readers.run(lambda: make_run(owner=ada.user, status=RunStatus.RUNNING, worker="dead"))
    await readers.run(Run.objects.filter(pk=dead.pk).update, lease_until=clock.after(timedelta(seconds=-1)))
    monkeypatch.setattr(timezone, "now", lambda: right() + skew)
    run_id = (await socket.start("emulator/silent"))["run_id"]
    monkeypatch.setattr(timezone, "now", right)
    lease = (await readers.run(Run.objects.get, pk=run_id)).lease_until
    assert lease is not None
    assert abs((lease - right()).total_seconds() - supervisor.current().settings.lease) < 4.0
    monkeypatch.setattr(timezone, "now", lambda: right() + skew)
    # As another process would: it drives none of them.
    assert await readers.run(recovery.reap, everything=False) == 1
    assert (await readers.run(Run.objects.get, pk=dead.pk)).status == RunStatus.FAILED
    assert (await readers.run(Run.objects.get, pk=run_id)).status == RunStatus.RUNNING


async def test_a_run_that_another_process_has_ended_stops_here_though_nothing_comes_and_its_viewers_are_told(
    ada: Person, connect: Connect
) -> None:
    socket = await connect(ada)
    run_id = (await socket.start("emulator/silent"))["run_id"]
    await socket.saw(run_id, "STEP_STARTED")
    await readers.run(
        lambda: (
            Run.objects.filter(pk=run_id).update(lease_until=clock.after(timedelta(seconds=-1))),
            recovery.reap(everything=False),
        )
    )
    end = await socket.ended(run_id)
    assert (end["type"], end["code"]) == ("RUN_ERROR", "worker_lost")
    await socket.until(lambda: not stop_signals.live())


async def test_a_cancel_that_another_process_has_stored_is_counted_from_then(
    ada: Person, connect: Connect
) -> None:
    socket = await connect(ada)
    run_id = (await socket.start("emulator/silent"))["run_id"]
    await socket.saw(run_id, "STEP_STARTED")

    def store() -> None:
        transitions.request_cancel(run_id, by="user", reason="")
        Run.objects.filter(pk=run_id).update(cancel_requested_at=clock.after(timedelta(seconds=-5)))

    await readers.run(store)
    begun = time.monotonic()
    end = await socket.ended(run_id)
    assert end["outcome"] == {"type": "cancelled"}
    least, most = 5.0, 5.0 + time.monotonic() - begun + 1.0
    assert least <= end["metadata"]["upstream_closed_ms"] / 1000 <= most


async def test_viewers_are_told_when_only_the_process_that_drives_their_run_cannot_save(
    ada: Person, connect: Connect
) -> None:
    run = await readers.run(lambda: make_run(owner=ada.user, status=RunStatus.RUNNING, worker="a worker"))
    socket, run_id = await connect(ada), str(run.pk)
    await socket.ask("subscribe", run_id=run_id)
    for is_waiting in (True, True, False):
        elsewhere._stalled({"run_ids": [run_id, str(uuid4())], "waiting": is_waiting})
    await socket.until(lambda: len(waiting(socket, run_id)) == 2)
    elsewhere._stalled({"run_ids": [run_id], "waiting": True})
    await socket.until(lambda: len(waiting(socket, run_id)) == 3)
    # Its message that it saves again was lost; its events come.
    events: Any = EventLog.objects.update_or_create
    await readers.run(events, run_id=run_id, defaults={"last_seq": 1})
    await socket.until(lambda: len(waiting(socket, run_id)) == 4)
    assert [told for _, told in waiting(socket, run_id)] == [True, False, True, False]


async def test_a_cancel_is_stored_before_the_end_of_its_run_also_after_an_outage_that_is_too_long(
    ada: Person, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    socket = await connect(ada)
    run_id = (await socket.start("emulator/drip"))["run_id"]
    await socket.saw(run_id, "TEXT_MESSAGE_CONTENT")
    conversation = (await readers.run(Run.objects.get, pk=run_id)).conversation_id
    behind = {"model": "emulator/hello", "input": "next", "conversation_id": str(conversation)}
    queued = (await socket.ask("start", **behind, when_busy="queue"))["run_id"]

    def fail(_: Any) -> None:
        raise OperationalError("gone")

    with monkeypatch.context() as patch:
        patch.setattr(patient_writer, "OUTAGE_SECONDS", 0.3)
        patch.setattr(patient_writer, "write_group", fail)
        # Whoever asks is told that it fails, and the run stops all the same.
        assert (await socket.answer(socket.send("cancel", run_id=run_id)))["type"] == "error"
    assert (await socket.ended(run_id))["outcome"] == {"type": "cancelled"}
    run = await readers.run(Run.objects.select_related("conversation").get, pk=run_id)
    assert (run.status, run.cancelled_by_name) == (RunStatus.CANCELLED, ada.user.username)
    assert run.conversation.queue_paused == QueuePause.CANCELLED
    assert (await readers.run(Run.objects.get, pk=queued)).status == RunStatus.QUEUED
