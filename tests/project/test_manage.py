"""What ``manage.py`` says when a command cannot use its database."""

from typing import Any

import pytest
from django.db import OperationalError

import manage
from project import schema


@pytest.fixture(autouse=True)
def failing(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: Any) -> None:
        raise OperationalError("no such table: auth_user")

    monkeypatch.setattr(manage, "execute_from_command_line", fail)
    monkeypatch.setattr("os.umask", lambda _: 0)


def test_a_command_on_a_database_that_is_not_runnels_says_where_it_looked(
    monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    monkeypatch.setattr(schema, "problem", lambda: "The database lacks 90 migrations.")
    with pytest.raises(SystemExit, match=r"The database lacks 90 migrations\. Settings come from") as told:
        manage.main()
    assert f"data from {settings.RUNNEL_DATA_DIR}: docs/how-to/deploy.md#commands" in str(told.value)


def test_a_mistake_in_a_command_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schema, "problem", lambda: "")
    with pytest.raises(OperationalError, match="no such table"):
        manage.main()
