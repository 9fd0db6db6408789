import fcntl
import threading
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import connection
from pytest_django.fixtures import Settings

from concurrency import migration_lock

#: Seconds; only what is stuck takes that long.
STUCK = 30.0


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setitem(connection.settings_dict, "NAME", str(tmp_path / "runnel.sqlite3"))
    return tmp_path / "migration.lock"


def is_free(path: Path) -> bool:
    with path.open("a") as other:
        try:
            fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
    return True


def test_it_is_held_until_the_end_also_by_what_takes_it_again(place: Path):
    with migration_lock.held(connection, place.parent, on_wait=pytest.fail):
        with migration_lock.held(connection, place.parent, on_wait=pytest.fail):
            assert not is_free(place)
        assert not is_free(place)
    assert is_free(place)


def test_it_is_given_back_after_an_error(place: Path):
    with (
        pytest.raises(RuntimeError),
        migration_lock.held(connection, place.parent, on_wait=pytest.fail),
    ):
        raise RuntimeError
    assert is_free(place)


def test_it_waits_for_the_process_that_has_it_and_says_so_once(place: Path):
    waits, entered = threading.Event(), threading.Event()

    def second() -> None:
        with migration_lock.held(connection, place.parent, on_wait=waits.set):
            entered.set()

    with place.open("a") as first:
        fcntl.flock(first, fcntl.LOCK_EX)
        thread = threading.Thread(target=second)
        thread.start()
        assert waits.wait(STUCK)
        assert not entered.is_set()
    assert entered.wait(STUCK)
    thread.join()


@pytest.mark.django_db
def test_the_command_migrate_takes_it_and_looking_does_not(settings: Settings, tmp_path: Path):
    settings.RUNNEL_DATA_DIR = tmp_path
    place = Path(str(connection.settings_dict["NAME"])).with_name("migration.lock")
    with place.open("a") as first:
        fcntl.flock(first, fcntl.LOCK_EX)

        class Said(StringIO):
            def write(self, text: str) -> int:
                # The other process is done as soon as this one waits.
                fcntl.flock(first, fcntl.LOCK_UN)
                return super().write(text)

        call_command("migrate", check_unapplied=True, verbosity=0)
        said = Said()
        call_command("migrate", verbosity=0, stderr=said)
    assert "Waiting for it" in said.getvalue()
