"""What ``manage.py serve`` says before it serves."""

from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db.migrations.executor import MigrationExecutor

from project import listening
from runs.management.commands import serve

pytestmark = pytest.mark.django_db


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the names of the commands that are called, none of which does anything."""
    names: list[str] = []
    monkeypatch.setattr(serve, "call_command", lambda name, **_: names.append(name))
    return names


def said(monkeypatch: pytest.MonkeyPatch, *, plan: list[Any], applied: dict[Any, Any]) -> str:
    get_user_model().objects.create_user("ada")

    class Executor(MigrationExecutor):
        def __init__(self, connection: Any) -> None:
            super().__init__(connection)
            self.loader.applied_migrations = applied

        def migration_plan(self, *_: Any, **__: Any) -> list[Any]:
            return plan

    monkeypatch.setattr(serve, "MigrationExecutor", Executor)
    # The connection of the test stays open.
    monkeypatch.setattr("django.db.connection.close", lambda: None)
    out = StringIO()
    serve.Command(stdout=out)._prepare()
    return out.getvalue()


@pytest.mark.parametrize(
    ("plan", "applied", "word"),
    [(["one"], {"old": 1}, "Updating the database"), (["one"], {}, ""), ([], {"old": 1}, "")],
)
def test_it_says_when_an_old_database_is_updated(
    monkeypatch: pytest.MonkeyPatch, calls: list[str], plan: list[Any], applied: dict[Any, Any], word: str
) -> None:
    told = said(monkeypatch, plan=plan, applied=applied)
    assert told.startswith(word)
    assert bool(told) is bool(word)
    assert ("migrate" in calls) is bool(plan)


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("out", "is_shown"), [(StringIO(), False), (Terminal(), True)])
def test_the_first_password_is_in_a_file_of_its_owner_and_in_no_log(
    settings: Any, tmp_path: Path, out: StringIO, is_shown: bool
) -> None:
    settings.RUNNEL_DATA_DIR = tmp_path
    told = serve.Command(stdout=out)._make_first_admin()

    kept = tmp_path / "first_password"
    password = kept.read_text().strip()
    assert len(password) >= 16
    assert get_user_model().objects.get().check_password(password)
    assert kept.stat().st_mode & 0o777 == 0o600
    assert str(kept) in out.getvalue()
    assert told.endswith("the password is above." if is_shown else "the password is in the file.")
    assert (password in out.getvalue()) is is_shown


@pytest.mark.parametrize(
    ("server", "host", "is_behind_proxy", "is_said"),
    [
        ("uvicorn", "0.0.0.0", False, True),
        ("uvicorn", "0.0.0.0", True, False),
        ("uvicorn", "127.0.0.1", False, False),
        ("daphne", "0.0.0.0", False, False),
    ],
)
def test_it_says_that_uvicorn_wants_a_proxy(
    settings: Any, server: str, host: str, is_behind_proxy: bool, is_said: bool
) -> None:
    settings.RUNNEL_SERVER, settings.RUNNEL_BEHIND_PROXY = server, is_behind_proxy
    with listening.reserve(host, 0) as reserved:
        assert any("uvicorn leaves" in hint for hint in serve._hints(reserved)) is is_said


@pytest.mark.parametrize(
    ("demands_https", "where"), [(False, "Open it "), (True, "Open the site's https address ")]
)
def test_the_first_steps_lead_where_one_can_sign_in(
    settings: Any, tmp_path: Path, demands_https: bool, where: str
) -> None:
    settings.RUNNEL_DATA_DIR, settings.SECURE_SSL_REDIRECT = tmp_path, demands_https
    assert serve.Command(stdout=StringIO())._make_first_admin().startswith(where)
