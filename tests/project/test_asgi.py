"""What happens when a server starts and stops: under one that speaks lifespan, and under a plain Daphne."""

import asyncio
import gc
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from autobahn.exception import Disconnected
from django.db import connection
from django.utils import timezone
from pytest_django.fixtures import Settings
from websockets.asyncio.client import connect

from concurrency.threads import readers
from project.asgi import application, ignore_sends_after_disconnect
from providers import catalog, clients
from providers.catalog import model_names
from runs.engine import supervisor
from runs.models import ApiToken, Run
from runs.socket.consumers import RESTARTING
from runs.states import RunStatus, StopReason
from tests.faults.server_process import Client
from tests.providers.calling import until
from tests.providers.upstream import answering, upstream
from tests.runs.rows import make_run, make_user
from tests.runs.sockets import Socket, bearer

BASE_DIR = Path(__file__).resolve().parents[2]

#: Seconds until what was asked for must have come; only what is stuck takes that long.
STUCK = 30.0

type Message = dict[str, Any]


class Server:
    """The server's side of the lifespan protocol."""

    def __init__(self) -> None:
        self._to_application: asyncio.Queue[Message] = asyncio.Queue()
        self._answers: asyncio.Queue[Message] = asyncio.Queue()
        scope = {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}}
        self.task = asyncio.create_task(application(scope, self._to_application.get, self._answers.put))

    async def tell(self, phase: str) -> Message:
        """Send ``startup`` or ``shutdown`` and return the answer."""
        await self._to_application.put({"type": f"lifespan.{phase}"})
        return await asyncio.wait_for(self._answers.get(), STUCK)


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    """Undo what a start does to the whole process."""
    threshold = gc.get_threshold()
    yield
    gc.set_threshold(*threshold)
    gc.unfreeze()


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    server = Server()
    yield server
    await asyncio.wait_for(server.task, STUCK)
    # A start or an end that failed has left something open.
    await supervisor.current().close()


@pytest.fixture
def orphan(transactional_db: None) -> Run:
    """A run whose worker has been silent for too long."""
    late = timezone.now() - timedelta(minutes=1)
    return make_run(owner=make_user(), status=RunStatus.RUNNING, lease_until=late)


async def test_a_lifespan_begins_with_recovery_and_ends_with_the_drain(orphan: Run, server: Server) -> None:
    assert await server.tell("startup") == {"type": "lifespan.startup.complete"}
    await readers.run(orphan.refresh_from_db)
    assert (orphan.status, orphan.stop_reason) == (RunStatus.FAILED, StopReason.WORKER_LOST)

    assert await server.tell("shutdown") == {"type": "lifespan.shutdown.complete"}
    assert supervisor.current().drained.is_set()


async def test_a_server_is_told_why_the_application_cannot_start(server: Server) -> None:
    # Without its mark a test has no database, and nothing may be served before recovery.
    answer = await server.tell("startup")
    assert answer["type"] == "lifespan.startup.failed"
    assert answer["message"].startswith("RuntimeError: Database access not allowed")
    await asyncio.wait_for(server.task, STUCK)


@pytest.mark.django_db(transaction=True)
async def test_a_server_is_told_what_went_wrong_at_the_end(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail() -> None:
        raise OSError("a connection would not close")

    await server.tell("startup")
    monkeypatch.setattr(clients, "close_all", fail)
    message = "OSError: a connection would not close"
    assert await server.tell("shutdown") == {"type": "lifespan.shutdown.failed", "message": message}
    monkeypatch.undo()
    await clients.close_all()


@pytest.mark.django_db(transaction=True)
async def test_sockets_are_closed_also_when_the_end_of_the_runs_fails(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail() -> None:
        raise OSError("the database is gone")

    await server.tell("startup")
    _, token = await readers.run(lambda: ApiToken.issue(make_user()))
    client = await Socket(bearer(token)).open()
    assert client.serving is not None
    here = supervisor.current()
    monkeypatch.setattr(here.journal, "close", fail)
    stopping = asyncio.create_task(server.tell("shutdown"))
    # As Daphne does with all that it serves.
    await until(lambda: here.draining)
    client.serving.cancel()

    assert (await stopping)["message"] == "OSError: the database is gone"
    assert client.close_code == RESTARTING
    await asyncio.wait({client.serving}, timeout=1.0)
    assert client.serving.done()
    await asyncio.wait_for(here.drain(), 1.0)
    monkeypatch.undo()


async def test_what_is_sent_to_a_client_that_has_just_left_goes_nowhere() -> None:
    reached: list[str] = []

    async def speak(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "websocket.send", "text": "too late"})
        reached.append("the end")

    async def gone(message: Any) -> None:
        raise Disconnected

    await ignore_sends_after_disconnect(speak)({}, None, gone)

    assert reached == ["the end"]


@pytest.mark.django_db(transaction=True)
async def test_providers_are_asked_for_their_models_while_the_server_runs(
    server: Server, settings: Settings
) -> None:
    answer = answering("200 OK", b'{"data": [{"id": "a-new-model"}]}', "content-type: application/json")
    async with upstream(answer) as provider:
        settings.RUNNEL_LIST_MODELS = True
        settings.GROQ_API_KEY, settings.GROQ_BASE_URL = "a-key", provider.origin
        assert await server.tell("startup") == {"type": "lifespan.startup.complete"}
        await until(lambda: "groq/a-new-model" in catalog.suggestions(), seconds=STUCK)
        assert await server.tell("shutdown") == {"type": "lifespan.shutdown.complete"}
    model_names.forget()
    assert "model lists" not in {task.get_name() for task in asyncio.all_tasks() if not task.done()}


@pytest.fixture
def daphne(orphan: Run, tmp_path: Path) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """Daphne by hand, on the test's own database; its process and its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    environment = os.environ | {
        "DATABASE_URL": f"sqlite:///{connection.settings_dict['NAME']}",
        "RUNNEL_DATA_DIR": str(tmp_path),
        "RUNNEL_DRAIN_SECONDS": "0.2",
    }
    command = [sys.executable, "-m", "daphne", "-b", "127.0.0.1", "-p", address.partition(":")[2]]
    with (tmp_path / "output").open("w") as output:
        process = subprocess.Popen(
            [*command, "project.asgi:application"],
            cwd=BASE_DIR,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    yield process, address
    process.kill()
    process.wait()


async def test_a_plain_daphne_recovers_before_anybody_comes_and_waits_for_the_runs_to_end(
    orphan: Run, daphne: tuple[subprocess.Popen[bytes], str]
) -> None:
    process, address = daphne
    token = (await readers.run(lambda: ApiToken.issue(orphan.owner)))[1]
    async with asyncio.timeout(STUCK):
        while orphan.status == RunStatus.RUNNING:
            await asyncio.sleep(0.05)
            await readers.run(orphan.refresh_from_db)
    assert orphan.stop_reason == StopReason.WORKER_LOST

    headers = {"Authorization": f"Bearer {token}"}
    async with Client(await connect(f"ws://{address}/ws/", additional_headers=headers)) as client:
        run_id = (await client.start("emulator/long"))["run_id"]
        await client.until(lambda: bool(client.frames[run_id]))
        process.send_signal(signal.SIGTERM)
        assert await client.closed() == RESTARTING
    assert await asyncio.to_thread(process.wait, STUCK) == 0
    ended = await readers.run(Run.objects.get, pk=run_id)
    assert (ended.status, ended.stop_reason) == (RunStatus.CANCELLED, StopReason.SHUTDOWN)
    await readers.close()
