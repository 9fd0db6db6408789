"""One process at a time, and once a day."""

import threading
from contextlib import ExitStack
from datetime import timedelta

import pytest
from django.utils import timezone

from runs.models import Upkeep
from runs.retention import daily, turn

pytestmark = pytest.mark.django_db


def test_two_never_have_the_turn_at_once() -> None:
    with turn.take("prune"):
        with pytest.raises(turn.Taken), turn.take("prune"):
            pytest.fail("two at once")
        with turn.take("something else"):
            pass
    with turn.take("prune"):
        pass


def test_a_dead_process_loses_its_turn() -> None:
    Upkeep.objects.create(name="prune", worker="dead", lease_until=timezone.now() - timedelta(seconds=1))
    with turn.take("prune"):
        assert Upkeep.objects.get().worker != "dead"


def test_a_slow_process_learns_that_it_has_lost_its_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turn, "_RENEW", 0.0)
    with ExitStack() as stack:
        stack.enter_context(pytest.raises(turn.Taken))
        keep = stack.enter_context(turn.take("prune"))
        keep()
        Upkeep.objects.update(worker="another")
        keep()
    assert Upkeep.objects.get().worker == "another"


def test_a_failure_does_not_count_as_done() -> None:
    with pytest.raises(ZeroDivisionError), turn.take("prune"):
        _ = 1 / 0
    row = Upkeep.objects.get()
    assert (row.worker, row.lease_until, row.finished_at) == ("", None, None)


def test_it_is_done_once_a_day() -> None:
    stop = threading.Event()
    assert daily.prune_if_due(stop)
    assert not daily.prune_if_due(stop)
    Upkeep.objects.update(finished_at=timezone.now() - timedelta(hours=23))
    assert not daily.prune_if_due(stop)
    Upkeep.objects.update(finished_at=timezone.now() - timedelta(hours=25))
    assert daily.prune_if_due(stop)
