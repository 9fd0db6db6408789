"""Which executor the settings choose, and what ``manage.py`` says of one that cannot work."""

from types import SimpleNamespace
from typing import Any

import pytest
from django.core.checks import run_checks
from django.core.management import CommandError, call_command

from project import environment
from runs.engine import executor
from runs.engine.executor import ByWorkers, InProcess


@pytest.mark.django_db
def test_a_database_without_a_queue_is_an_error_of_the_check(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.RUNNEL_EXECUTOR = "procrastinate"
    monkeypatch.setattr(executor, "connection", SimpleNamespace(vendor="sqlite"))
    (found,) = [error for error in run_checks() if error.id == "runnel.E001"]
    assert found.msg == "RUNNEL_EXECUTOR=procrastinate needs PostgreSQL."
    monkeypatch.setattr(executor, "connection", SimpleNamespace(vendor="postgresql"))
    assert not executor.check_database()
    settings.RUNNEL_EXECUTOR = "inprocess"
    monkeypatch.setattr(executor, "connection", SimpleNamespace(vendor="sqlite"))
    assert not executor.check_database()


def test_the_settings_choose(settings: Any) -> None:
    def make() -> executor.Executor:
        driver: Any = object()
        return executor.chosen(driver, launch=lambda *_: None, announce=lambda _: None)

    assert isinstance(make(), InProcess)
    assert make().driver is not None
    settings.RUNNEL_EXECUTOR = "procrastinate"
    assert isinstance(make(), ByWorkers)
    assert make().driver is None


def test_a_worker_that_has_nothing_to_do_says_so() -> None:
    with pytest.raises(CommandError, match="Set RUNNEL_EXECUTOR=procrastinate for all of them"):
        call_command("work")


def test_a_worker_that_would_execute_nothing_says_so(settings: Any) -> None:
    settings.RUNNEL_EXECUTOR = "procrastinate"
    with pytest.raises(CommandError, match="from 1"):
        call_command("work", runs=0)


def test_a_choice_is_one_of_its_values(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNNEL_EXECUTOR", "celery")
    with pytest.raises(environment.Mistake, match="inprocess or procrastinate, not 'celery'"):
        environment.choice("RUNNEL_EXECUTOR", "inprocess", "procrastinate")
    monkeypatch.setenv("RUNNEL_EXECUTOR", " Procrastinate ")
    assert environment.choice("RUNNEL_EXECUTOR", "inprocess", "procrastinate") == "procrastinate"
