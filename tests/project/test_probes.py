"""``/healthz`` and ``/readyz``: what a load balancer asks, by address and without TLS."""

import asyncio
import json
import logging
import shutil
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db import connection
from django.utils import timezone
from pytest_django.fixtures import Settings

from project import checks, probes, readiness
from project.asgi import application
from runs.engine import supervisor
from runs.states import RunStatus
from tests.runs.rows import make_run, make_user

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def serving(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readiness, "has_begun", True)
    monkeypatch.setattr(readiness, "problem", "")


async def ask(path: str, method: str = "GET", **headers: str) -> tuple[int, dict[str, str], str]:
    """Return status, headers and body, as a server gets them for a request to a foreign host without TLS."""
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    path, _, query = path.partition("?")
    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "headers": [(b"host", b"10.0.0.7"), *((k.encode(), v.encode()) for k, v in headers.items())],
        "client": ("127.0.0.1", 50_000),
        "scheme": "http",
        "http_version": "1.1",
    }
    await application(scope, receive, send)
    begin, *rest = sent
    told = {name.decode(): value.decode() for name, value in begin["headers"]}
    return begin["status"], told, b"".join(part.get("body", b"") for part in rest).decode()


async def ready(query: str = "") -> tuple[int, dict[str, Any]]:
    probes._readiness.pop()
    status, _, body = await ask(f"/readyz{query}")
    return status, json.loads(body)


async def test_it_says_that_the_process_serves(settings: Settings) -> None:
    settings.SECURE_SSL_REDIRECT, settings.ALLOWED_HOSTS = True, ["runnel.example"]
    status, headers, body = await ask("/healthz")
    assert (status, body, headers["cache-control"]) == (200, "ok\n", "no-store")


async def test_it_answers_what_asks_for_the_head_only_and_refuses_the_rest() -> None:
    status, headers, body = await ask("/healthz", "HEAD")
    assert (status, headers["content-length"], body) == (200, "3", "")
    assert (await ask("/healthz", "POST"))[0] == 405


async def test_it_is_ready_when_every_check_is_well() -> None:
    status, body = await ready()
    expected = dict.fromkeys(("server", "database", "migrations", "queue", "disk", "redis"), "ok")
    assert (status, body) == (200, {"status": "ready", "checks": expected})


async def test_it_is_not_ready_on_another_database_and_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readiness, "problem", "The database lacks 2 migrations.")
    status, body = await ready()
    assert (status, body["checks"]["migrations"]) == (503, "The database lacks 2 migrations.")
    assert (await ask("/healthz"))[0] == 200
    assert (await ask("/login/"))[0] == 503


async def test_it_is_not_ready_before_it_has_begun_and_while_it_stops(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(readiness, "has_begun", False)
    assert (await ready())[1]["checks"]["server"] == "The server is starting."
    # While it stops, it has not begun either.
    monkeypatch.setattr(supervisor.current(), "draining", True)
    assert (await ready())[1]["checks"]["server"] == "The server is stopping."


async def test_it_is_not_ready_without_its_database_and_quotes_no_error(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_: float) -> None:
        raise OSError("connection to server at db.internal failed: password of user runnel")

    monkeypatch.setattr(checks, "limit_waiting", fail)
    with caplog.at_level(logging.INFO):
        status, body = await ready()
    assert (status, body["checks"]["database"]) == (503, "The database cannot be reached.")
    assert "db.internal" not in str(body) + caplog.text


async def test_a_proxy_may_leave_out_what_all_servers_share(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: float) -> None:
        raise OSError

    monkeypatch.setattr(checks, "limit_waiting", fail)
    status, body = await ready("?exclude=database&exclude=redis")
    assert (status, body["status"]) == (200, "ready")
    assert body["checks"]["database"] == "The database cannot be reached."
    assert (await ready("?exclude=redis"))[0] == 503
    monkeypatch.setattr(supervisor.current(), "draining", True)
    assert (await ready("?exclude=database"))[0] == 503


async def test_a_check_that_does_not_exist_cannot_be_left_out() -> None:
    status, _, body = await ask("/readyz?exclude=databse")
    assert status == 400
    assert "There are: server, database, migrations, queue, disk, redis." in body


async def test_it_is_not_ready_on_a_full_disk(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> None:
    settings.RUNNEL_MIN_DISK_MB = 300
    usage = shutil.disk_usage("/")._replace(free=299 * 1024 * 1024)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    status, body = await ready()
    assert (status, body["checks"]["disk"]) == (503, "Less than 300 MB of the disk are free.")


async def test_it_stays_ready_without_redis_and_says_so(settings: Settings) -> None:
    # Nothing listens on port 1.
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    status, body = await ready()
    assert (status, body["status"]) == (200, "ready")
    assert body["checks"]["redis"] == "Redis cannot be reached: each process counts alone."


async def test_it_stays_ready_while_no_worker_executes_its_runs_and_says_so(settings: Settings) -> None:
    settings.RUNNEL_EXECUTOR = "procrastinate"
    owner = await sync_to_async(make_user)()
    for age in (59, 61):
        await sync_to_async(make_run)(
            owner=owner, status=RunStatus.CREATED, created_at=timezone.now() - timedelta(seconds=age)
        )
    status, body = await ready()
    assert (status, body["status"]) == (200, "ready")
    assert body["checks"]["queue"] == "Runs have waited for a worker for a minute or more: 1."


async def test_a_database_that_hangs_is_asked_once_for_all_who_want_to_know(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[float] = []
    monkeypatch.setattr(checks, "limit_waiting", asked.append)
    probes._readiness.pop()
    answers = await asyncio.gather(*(ask("/readyz") for _ in range(20)))
    assert {status for status, *_ in answers} == {200}
    assert len(asked) == 1


@pytest.fixture(autouse=True)
def own_connection() -> Iterator[None]:
    """Leave no connection of the checks' thread behind."""
    yield
    connection.close()
