"""Work is divided into transactions that are as short as the database is slow."""

import threading
from collections.abc import Sequence

import pytest
from django.db import connection

from runs.retention import pace as pace_module
from runs.retention.pace import HOLD, MOST, Pace, Stopped

pytestmark = pytest.mark.django_db(transaction=True)


class Clock(threading.Event):
    """A clock that only work and pauses move."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.paused = 0.0

    def monotonic(self) -> float:
        return self.now

    def wait(self, timeout: float | None = None) -> bool:
        self.paused += timeout or 0.0
        return self.is_set()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(pace_module, "time", clock)
    return clock


def run(clock: Clock, *, seconds_per_row: float, rows: int = 3_000) -> list[int]:
    """Return the number of rows of each transaction."""
    done: list[int] = []
    sizes: list[int] = []

    def work(part: Sequence[int]) -> None:
        assert connection.in_atomic_block
        clock.now += seconds_per_row * len(part)
        done.extend(part)
        sizes.append(len(part))

    Pace(stop=clock).each_part(range(rows), work)
    assert done == list(range(rows))
    return sizes


@pytest.mark.parametrize("seconds_per_row", [1e-5, 1e-4, 1e-3])
def test_a_transaction_takes_about_as_long_as_it_may(clock: Clock, seconds_per_row: float) -> None:
    sizes = run(clock, seconds_per_row=seconds_per_row)
    assert max(sizes) * seconds_per_row <= HOLD * 1.01
    assert max(sizes) >= min(MOST, 0.9 * HOLD / seconds_per_row)


def test_rows_that_take_long_come_one_at_a_time(clock: Clock) -> None:
    assert set(run(clock, seconds_per_row=0.02, rows=30)[1:]) == {1}


def test_most_of_the_time_is_left_to_others(clock: Clock) -> None:
    run(clock, seconds_per_row=1e-3)
    assert clock.paused >= 3.9 * clock.now


def test_it_stops_between_two_transactions(clock: Clock) -> None:
    done: list[int] = []

    def work(part: Sequence[int]) -> None:
        done.extend(part)
        clock.set()

    with pytest.raises(Stopped):
        Pace(stop=clock).each_part(range(3_000), work)
    assert 0 < len(done) < 3_000


def test_it_asks_before_each_transaction(clock: Clock) -> None:
    asked: list[bool] = []
    pace = Pace(stop=clock, before_each=lambda: asked.append(connection.in_atomic_block))
    pace.each_part(range(20), lambda part: None)
    assert asked
    assert not any(asked)
