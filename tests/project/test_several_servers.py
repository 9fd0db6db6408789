"""Several servers on one database: first starts at the same time, and a second one where there may be one only."""

import asyncio
import fcntl
import os
import subprocess
import sys
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from django.db import connection

from concurrency.threads import readers
from project.asgi import application
from runs.engine import lock, supervisor
from tests.faults import server_process
from tests.faults.server_process import PROJECT, STUCK, ServerProcess
from tests.postgresql import temporary_database
from tests.providers.calling import until


def test_three_first_starts_at_once_on_an_empty_postgresql_all_serve(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The third waits for the first to migrate.
    monkeypatch.setattr(server_process, "STUCK", 4 * STUCK)
    with temporary_database() as address:
        servers = []
        for name in ("one", "two", "three"):
            (tmp_path / name).mkdir()
            servers.append(ServerProcess(tmp_path / name, DATABASE_URL=address, SECRET_KEY="one for all"))
        try:
            with ThreadPoolExecutor() as pool:
                list(pool.map(ServerProcess.start, servers))
            for server in servers:
                with urllib.request.urlopen(
                    f"http://127.0.0.1:{server.port}/login/", timeout=STUCK
                ) as answer:
                    assert answer.status == 200
        finally:
            for server in servers:
                server.kill()
    assert sum("User: admin" in server.output for server in servers) == 1


async def tell_of_start() -> dict[str, str]:
    """Return what the application answers to a server that begins."""
    sent: list[dict[str, str]] = []

    async def receive() -> dict[str, str]:
        if sent:
            await asyncio.Event().wait()
        return {"type": "lifespan.startup"}

    async def send(message: dict[str, str]) -> None:
        sent.append(message)

    serving = asyncio.create_task(application({"type": "lifespan"}, receive, send))
    await until(lambda: bool(sent), seconds=STUCK)
    serving.cancel()
    return sent[0]


@pytest.mark.django_db(transaction=True)
async def test_a_second_server_on_a_sqlite_database_is_refused_with_a_sentence() -> None:
    if connection.vendor != "sqlite":
        pytest.skip("PostgreSQL serves many")
    folder = Path(str(connection.settings_dict["NAME"])).parent
    with (folder / "server.lock").open("a") as first:
        fcntl.flock(first, fcntl.LOCK_EX)
        answer = await tell_of_start()
    assert answer == {
        "type": "lifespan.startup.failed",
        "message": f"Another Runnel uses {folder}. Stop it, or set RUNNEL_DATA_DIR.",
    }
    assert not lock.is_held()
    await supervisor.current().close()
    await readers.close()


def test_a_plain_daphne_beside_another_server_ends_with_the_sentence(tmp_path: Path) -> None:
    with (tmp_path / "server.lock").open("a") as first:
        fcntl.flock(first, fcntl.LOCK_EX)
        done = subprocess.run(
            [sys.executable, "-m", "daphne", "-b", "127.0.0.1", "-p", "0", "project.asgi:application"],
            cwd=PROJECT,
            env=os.environ | {"RUNNEL_DATA_DIR": str(tmp_path)},
            capture_output=True,
            text=True,
            timeout=STUCK,
            check=False,
        )
    assert done.returncode == 1
    assert f"Another Runnel uses {tmp_path}." in done.stderr
    assert not (tmp_path / "runnel.sqlite3").exists()


def test_a_database_in_another_folder_has_a_lock_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path / "shared.sqlite3"
    monkeypatch.setattr(connection, "vendor", "sqlite")
    monkeypatch.setitem(connection.settings_dict, "NAME", str(elsewhere))
    with (tmp_path / "shared.sqlite3.lock").open("a") as first:
        fcntl.flock(first, fcntl.LOCK_EX)
        with pytest.raises(lock.AlreadyRunning, match="Another Runnel uses"):
            lock.hold_database()
        assert not lock.is_held()
        fcntl.flock(first, fcntl.LOCK_UN)
        lock.hold_database()
        assert lock.is_held()
        lock.release()
    assert not lock.is_held()
