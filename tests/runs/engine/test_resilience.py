"""What goes wrong around a run: the database, another process, a client that sends and does not read."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import pytest
from django.db import DatabaseError, OperationalError

from concurrency.threads import readers
from providers.models import ProviderTrace
from runs import services
from runs.engine import recovery, supervisor
from runs.log import viewer
from runs.log.rows import read_page
from runs.models import Run, Step
from tests.runs.sockets import STUCK, Socket, bearer

pytestmark = pytest.mark.django_db(transaction=True)

type Connect = Callable[..., Awaitable[Socket]]


class FailsOnce:
    """Stands before a function and fails the first call, as a database does that is not there yet."""

    def __init__(self, function: Callable[..., Any], error: type[DatabaseError] = OperationalError) -> None:
        self._function = function
        self._error = error
        self.calls = 0

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        self.calls += 1
        if self.calls == 1:
            raise self._error("database is locked")
        return self._function(*args, **kwargs)


async def test_it_looks_for_orphans_again_when_the_database_did_not_answer(
    ada: Any, server: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    flaky = FailsOnce(recovery.reap)
    monkeypatch.setattr(recovery, "reap", flaky)
    monkeypatch.setattr(supervisor, "START_AGAIN", 0.01)
    socket = await Socket(bearer(ada.token)).open()
    assert socket.frames[0]["type"] == "ready"
    assert flaky.calls >= 2
    await socket.close()


async def test_it_tells_viewers_the_end_that_another_process_wrote(connect: Connect, ada: Any) -> None:
    socket = await connect(ada)
    run_id = (await socket.start("emulator/drip"))["run_id"]
    await socket.saw(run_id, "TEXT_MESSAGE_CONTENT")
    await readers.run(Run.objects.filter(pk=run_id).update, lease_until="2020-01-01T00:00:00Z")
    assert await readers.run(recovery.reap, everything=False) == 1
    end = await socket.ended(run_id)
    assert end["type"] == "RUN_ERROR"
    assert end["metadata"]["stop_reason"] == "worker_lost"
    assert socket.seqs(run_id) == list(range(1, len(socket.seqs(run_id)) + 1))


async def test_it_closes_a_socket_that_sends_and_reads_nothing(ada: Any, server: None) -> None:
    socket = Socket(bearer(ada.token))
    unsent = 0
    socket._scope["runnel.unsent"] = lambda: unsent
    await socket.open()
    await socket.in_step()
    unsent = viewer.DROP_ABOVE + 1
    socket.send("ping")
    await socket.closed()
    assert socket.close_code == 4408


async def test_it_follows_nothing_for_a_socket_that_has_gone(
    connect: Connect, ada: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = await connect(ada)
    started = await first.start()
    await first.ended(started["run_id"])
    locate = services.locate_conversation
    reached, go_on = asyncio.Event(), asyncio.Event()

    async def slow(onlooker: services.Onlooker, conversation_id: UUID) -> services.Place:
        reached.set()
        await go_on.wait()
        return await locate(onlooker, conversation_id)

    monkeypatch.setattr(services, "locate_conversation", slow)
    second = await connect(ada)
    second.send("subscribe", conversation_id=started["conversation_id"])
    await asyncio.wait_for(reached.wait(), STUCK)
    await second.close()
    go_on.set()
    async with asyncio.timeout(STUCK):
        while any(task.get_name().startswith("job of") for task in asyncio.all_tasks()):
            await asyncio.sleep(0)
    assert not supervisor.current().feed.followers._followers


async def test_a_run_that_takes_too_long_fails_and_was_cancelled_by_nobody(
    connect: Connect, ada: Any, settings: Any
) -> None:
    settings.RUNNEL_RUN_TIMEOUT = 2.0
    socket = await connect(ada)
    # Whatever is slow the first time comes before the run that is timed.
    await socket.ended((await socket.start())["run_id"])

    run_id = (await socket.start("emulator/drip"))["run_id"]
    end = await socket.ended(run_id)

    assert (end["type"], end["code"]) == ("RUN_ERROR", "timeout")
    step = await readers.run(Step.objects.get, run_id=run_id)
    trace = await readers.run(ProviderTrace.objects.get, run_id=run_id)
    run = await readers.run(Run.objects.get, pk=run_id)
    assert (run.status, run.stop_reason, run.stream_was_cancelled) == ("failed", "timeout", False)
    assert (step.error_code, step.stream_was_cancelled) == ("timeout", False)
    assert (trace.status, trace.error_code, trace.stream_was_cancelled) == ("failed", "timeout", False)
    assert trace.packed_response


async def test_it_knows_a_repeated_start_whatever_has_changed_since(
    connect: Connect, ada: Any, settings: Any
) -> None:
    socket = await connect(ada)
    run_id = "0199aaaa-0000-7000-8000-000000000002"
    await socket.start(run_id=run_id)
    await socket.ended(run_id)
    settings.RUNNEL_MAX_RUNS_PER_USER = 0
    assert (await socket.start(run_id=run_id))["state"] == "exists"
    settings.RUNNEL_EMULATOR = False
    assert (await socket.start(run_id=run_id))["state"] == "exists"
    other = await socket.ask("start", run_id=run_id, model="emulator/echo", input="something else")
    assert other["code"] == "conflict"
    new = await socket.ask("start", model="emulator/echo", input="hi")
    assert new["code"] == "provider_unavailable"


async def test_it_answers_once_when_a_known_run_cannot_be_looked_up(
    connect: Connect, ada: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    socket = await connect(ada)
    run_id = (await socket.start())["run_id"]
    await socket.ended(run_id)

    async def fail(owner_id: int, run_id: UUID) -> services.Position:
        raise OperationalError("gone")

    monkeypatch.setattr(services, "locate_run", fail)
    frame_id = socket.send("start", model="emulator/echo", input="hi", run_id=run_id)
    await socket.until(lambda: bool(socket.answers(frame_id)))
    await socket.in_step()
    assert [answer["type"] for answer in socket.answers(frame_id)] == ["error"]


async def told_all(connect: Connect, ada: Any) -> tuple[Socket, str]:
    """Return a socket that has got all events of a run, and the run's id."""
    socket = await connect(ada)
    run_id = str((await socket.start())["run_id"])
    await socket.ended(run_id)
    return socket, run_id


async def test_it_reads_a_log_again_when_the_database_did_not_answer(
    connect: Connect, ada: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, run_id = await told_all(connect, ada)
    second = await connect(ada)
    monkeypatch.setattr(viewer, "READ_AGAIN", 0.0)
    monkeypatch.setattr(viewer, "read_page", failing := FailsOnce(read_page))
    await second.ask("subscribe", run_id=run_id)
    await second.ended(run_id)
    assert failing.calls > 1
    assert second.texts(run_id) == first.texts(run_id)


async def test_it_asks_a_viewer_to_come_back_when_its_log_cannot_be_read(
    connect: Connect, ada: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, run_id = await told_all(connect, ada)
    second = await connect(ada)
    monkeypatch.setattr(viewer, "read_page", FailsOnce(read_page, DatabaseError))
    await second.ask("subscribe", run_id=run_id)
    await second.closed()
    assert second.close_code == 4409
    third = await connect(ada)
    await third.ask("subscribe", run_id=run_id)
    await third.ended(run_id)
    assert third.texts(run_id) == first.texts(run_id)


async def test_a_server_that_stops_waits_for_nobody_who_has_left(
    ada: Any, server: None, settings: Any
) -> None:
    settings.RUNNEL_DRAIN_SECONDS = 2.0
    socket = await Socket(bearer(ada.token)).open()
    assert socket.serving is not None
    await socket.start("emulator/silent")
    stopping = asyncio.create_task(supervisor.current().drain())
    await asyncio.sleep(0)
    # As Daphne does with all that it serves.
    socket.serving.cancel()
    await asyncio.sleep(0.05)
    assert not socket.serving.done()

    socket.leave()
    await asyncio.wait({socket.serving, stopping}, return_when=asyncio.FIRST_COMPLETED)

    assert socket.serving.done()
    assert not stopping.done()
    await stopping
