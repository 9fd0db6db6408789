"""A backup of a server that runs: nothing that was shown is missing, and it can be started."""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.core.management import CommandError, call_command
from django.db import connection

from runs.models import Conversation, File
from runs.store import backup
from tests.faults.server_process import Client, ServerProcess
from tests.prepared import prepare
from tests.runs.rows import make_user

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif("connection.vendor != 'sqlite'", reason="SQLite's own"),
]


@pytest.fixture
def folder(tmp_path: Path, settings: Any) -> Path:
    """The data folder, with a key and a store for files of its own."""
    folder = tmp_path / "data"
    (folder / "files").mkdir(parents=True)
    (folder / "secret_key").write_text("the key")
    settings.RUNNEL_DATA_DIR = folder
    options = {"location": folder / "files"}
    settings.STORAGES = settings.STORAGES | {
        "files": {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": options}
    }
    return folder


def rows_of(target: Path, table: str) -> int:
    with closing(sqlite3.connect(target / "runnel.sqlite3")) as copy:
        (count,) = copy.execute(f"SELECT count(*) FROM {table}").fetchone()
    return int(count)


def store_file(name: str) -> File:
    file = File(owner=make_user(), name=name, mime_type="text/plain", size=5)
    file.content = storages["files"].save(str(file.id), ContentFile(b"hello"))
    file.save()
    return file


def test_it_copies_database_files_and_key_for_its_owner_alone(folder: Path, tmp_path: Path) -> None:
    file = store_file("a.txt")
    said = StringIO()
    target = tmp_path / "copies" / "monday"
    call_command("backup", str(target), stdout=said)

    assert sorted(entry.name for entry in target.iterdir()) == ["files", "runnel.sqlite3", "secret_key"]
    assert (target / "files" / str(file.id)).read_bytes() == b"hello"
    assert (target / "secret_key").read_text() == "the key"
    assert rows_of(target, "runs_file") == 1
    assert [path.stat().st_mode & 0o077 for path in (target, target / "runnel.sqlite3")] == [0, 0]
    assert "checked; 1 files." in said.getvalue()
    assert "keep it as safe as the server" in said.getvalue()


def test_it_copies_what_is_in_the_log_of_the_database_only(folder: Path, tmp_path: Path) -> None:
    connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")
    Conversation.objects.create(owner=make_user())
    copy = tmp_path / "copy.sqlite3"
    backup.copy_database(Path(str(connection.settings_dict["NAME"])), copy)
    with closing(sqlite3.connect(copy)) as opened:
        assert opened.execute("SELECT count(*) FROM runs_conversation").fetchone() == (1,)


def test_it_is_of_one_moment_while_others_write(folder: Path, tmp_path: Path) -> None:
    owner, stop, written = make_user(), threading.Event(), threading.Semaphore(0)

    def write() -> None:
        # Two rows in a transaction: a copy has both or none.
        with closing(sqlite3.connect(str(connection.settings_dict["NAME"]), timeout=30)) as other:
            other.execute("CREATE TABLE pairs (number INTEGER)")
            while not stop.is_set():
                with other:
                    other.executemany("INSERT INTO pairs VALUES (?)", [(1,), (-1,)])
                written.release()
            other.execute("DROP TABLE pairs")

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for number in range(5):
            assert written.acquire(timeout=30)
            target = tmp_path / f"copy{number}"
            backup.copy_all(Path(str(connection.settings_dict["NAME"])), folder, target)
            with closing(sqlite3.connect(target / "runnel.sqlite3")) as copy:
                count, total = copy.execute("SELECT count(*), sum(number) FROM pairs").fetchone()
            assert count % 2 == 0
            assert not total
    finally:
        stop.set()
        writer.join()
    assert owner.pk


def test_it_says_which_files_were_missing(folder: Path, tmp_path: Path) -> None:
    file = store_file("lost.txt")
    (folder / "files" / str(file.id)).unlink()
    said = StringIO()
    call_command("backup", str(tmp_path / "copy"), stdout=said)
    assert "1 files have been missing here before" in said.getvalue()


def test_it_takes_no_folder_that_is_there(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="Name a new folder"):
        call_command("backup", str(tmp_path))


def test_a_damaged_database_leaves_no_copy(folder: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad.sqlite3"
    with closing(sqlite3.connect(bad)) as database:
        database.executescript("CREATE TABLE t (x); CREATE INDEX i ON t (x);")
        database.executemany("INSERT INTO t VALUES (?)", [(n,) for n in range(500)])
        database.commit()
        database.executescript(
            "PRAGMA writable_schema=ON; UPDATE sqlite_schema SET rootpage=2 WHERE name='i';"
        )
    with pytest.raises((backup.Damaged, sqlite3.DatabaseError)):
        backup.copy_all(bad, folder, tmp_path / "copy")
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["bad.sqlite3", "data"]


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[tuple[ServerProcess, ServerProcess]]:
    first, second = ServerProcess(tmp_path / "first"), ServerProcess(tmp_path / "second")
    try:
        yield first, second
    finally:
        first.kill()
        second.kill()


async def test_what_was_shown_before_the_backup_is_in_the_copy_and_a_server_starts_on_it(
    servers: tuple[ServerProcess, ServerProcess],
) -> None:
    first, second = servers
    token = prepare(first.folder)
    first.start()
    async with await Client.connect(first, token) as client:
        run_id = (await client.start("emulator/long"))["run_id"]
        await client.saw(run_id, "TEXT_MESSAGE_CONTENT")
        shown = list(client.frames[run_id])
        done = first.run("backup", str(second.folder))
    assert done.returncode == 0, done.stderr
    first.kill()

    second.start()
    async with await Client.connect(second, token) as client:
        replayed = await client.replay(run_id)
    assert replayed[: len(shown)] == shown
