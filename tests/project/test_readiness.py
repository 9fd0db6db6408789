"""A process serves the database that its code was written for, and says so of any other."""

import asyncio
import logging
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest
from django.db import OperationalError, connection
from django.db.migrations.recorder import MigrationRecorder
from pytest_django.fixtures import Settings

from concurrency import migration_lock
from project import readiness, schema
from project.asgi import refuse_until_ready
from runs.engine import executor
from tests.providers.calling import until

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    yield
    readiness.problem = ""


def test_a_database_of_this_version_is_no_problem() -> None:
    assert schema.problem() == ""


def test_a_database_that_was_not_migrated_is_one() -> None:
    name = MigrationRecorder.Migration.objects.filter(app="runs").latest("id").name
    MigrationRecorder(connection).record_unapplied("runs", name)
    assert schema.problem().startswith(
        f"The database lacks 1 migrations, from runs.{name} on: run `manage.py migrate`"
    )


@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite has one server")
@pytest.mark.django_db(transaction=True)
def test_a_database_that_another_process_migrates_is_one_for_a_while(tmp_path: Path) -> None:
    latest = MigrationRecorder.Migration.objects.filter(app="runs").latest("id")
    latest.delete()
    with migration_lock.held(connection, tmp_path, on_wait=pytest.fail):
        assert schema.problem() == "Another process is updating the database."
    assert schema.problem().startswith("The database lacks 1 migrations")
    MigrationRecorder(connection).record_applied("runs", latest.name)
    assert schema.problem() == ""


@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite has one encoding")
@pytest.mark.django_db(transaction=True)
def test_a_database_that_cannot_hold_every_character_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    name = "runnel_latin"
    with psycopg.connect(**connection.get_connection_params(), autocommit=True) as own:
        own.execute(f"CREATE DATABASE {name} ENCODING LATIN1 LOCALE 'C' TEMPLATE template0")
        try:
            connection.close()
            with monkeypatch.context() as patch:
                patch.setitem(connection.settings_dict, "NAME", name)
                found = schema.problem()
                connection.close()
        finally:
            own.execute(f"DROP DATABASE {name} WITH (FORCE)")
    assert found.startswith("The database's encoding is LATIN1, in which not everything can be saved")
    assert schema.problem() == ""


def test_a_database_of_a_newer_version_is_one_unless_the_operator_goes_back(settings: Settings) -> None:
    MigrationRecorder(connection).record_applied("runs", "9999_tomorrow")
    assert "runs.9999_tomorrow is unknown here. Start that version" in schema.problem()
    settings.RUNNEL_NEWER_DATABASE = True
    assert schema.problem() == ""


def test_tables_of_an_app_that_was_taken_out_are_none() -> None:
    MigrationRecorder(connection).record_applied("taken_out", "0001_initial")
    assert schema.problem() == ""


def test_a_database_that_is_away_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: object) -> None:
        raise OperationalError

    monkeypatch.setattr(schema, "MigrationLoader", fail)
    monkeypatch.setattr(connection, "close", lambda: None)
    assert schema.problem() == "The database cannot be reached."


async def test_workers_without_a_database_with_a_queue_are_one(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.RUNNEL_EXECUTOR = "procrastinate"
    monkeypatch.setattr(executor, "connection", SimpleNamespace(vendor="sqlite"))
    assert not await readiness.check()
    assert readiness.problem.startswith("RUNNEL_EXECUTOR=procrastinate needs PostgreSQL. Set DATABASE_URL")


async def test_it_is_said_once_and_waited_for(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    told = "The database lacks {} migrations."
    # Another process migrates meanwhile.
    answers = [told.format(number) for number in (1, 2, 2, 3)]
    monkeypatch.setattr(readiness, "INTERVAL", 0.001)
    monkeypatch.setattr(schema, "problem", lambda: answers.pop() if len(answers) > 1 else answers[0])
    with caplog.at_level(logging.ERROR):
        waiting = asyncio.create_task(readiness.wait())
        await until(lambda: len(answers) == 1)
        assert readiness.problem == told.format(1)
        answers[0] = ""
        await waiting
    assert readiness.problem == ""
    assert [record.getMessage() for record in caplog.records] == [f"Not ready: {told.format(3)}"]


@pytest.mark.parametrize(
    ("scope", "expected"),
    [
        ({"type": "http", "path": "/"}, ["503"]),
        ({"type": "websocket", "path": "/ws/"}, ["websocket.close"]),
    ],
)
async def test_meanwhile_nothing_is_served(scope: dict[str, Any], expected: list[str]) -> None:
    sent: list[str] = []

    async def serve(*_: Any) -> None:
        sent.append("served")

    async def receive() -> dict[str, str]:
        return {"type": "websocket.connect"}

    async def send(message: dict[str, Any]) -> None:
        sent.append(str(message.get("status", message["type"])))

    gate = refuse_until_ready(serve)
    readiness.problem = "The database cannot be reached."
    await gate(scope, receive, send)
    assert sent[:1] == expected

    readiness.problem = ""
    await gate(scope, receive, send)
    assert sent[-1] == "served"
