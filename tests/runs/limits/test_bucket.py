"""The counter of one rate: what is taken comes back steadily, and never more than there was."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from runs.limits.bucket import Bucket

RATE = {"per_second": 2.0, "capacity": 4.0}


def test_it_begins_full_and_says_when_there_is_more() -> None:
    bucket = Bucket()
    assert [bucket.take(1, **RATE, now=9.0) for _ in range(5)] == [0, 0, 0, 0, 0.5]
    assert bucket.take(1, **RATE, now=9.25) == 0.25
    assert bucket.take(1, **RATE, now=9.5) == 0


def test_what_is_refused_takes_nothing() -> None:
    bucket = Bucket()
    for _ in range(4):
        bucket.take(1, **RATE, now=0.0)
    assert [bucket.take(1, **RATE, now=0.0) for _ in range(9)] == [0.5] * 9


def test_what_is_larger_than_it_waits_until_it_is_full() -> None:
    bucket = Bucket()
    bucket.take(1, **RATE, now=0.0)
    assert bucket.take(9, **RATE, now=0.0) > 0
    assert bucket.take(9, **RATE, now=0.5) == 0


def test_it_can_be_overdrawn_and_says_until_when_something_is_owed() -> None:
    bucket = Bucket()
    assert [bucket.overdraw(3, **RATE, now=0.0) for _ in range(3)] == [0, 1, 2.5]
    assert bucket.overdraw(0, **RATE, now=2.5) == 0


def test_a_lower_limit_holds_for_what_was_taken_before() -> None:
    bucket = Bucket()
    for _ in range(4):
        bucket.take(1, **RATE, now=0.0)
    assert bucket.take(1, per_second=1.0, capacity=2.0, now=0.0) == 3.0


@given(st.lists(st.tuples(st.floats(0, 3), st.floats(0.1, 4)), min_size=1, max_size=50))
def test_no_more_is_taken_in_any_time_than_its_rate_and_what_it_holds(
    asked: list[tuple[float, float]],
) -> None:
    bucket, now, taken = Bucket(), 0.0, [(0.0, 0.0)]
    for pause, amount in asked:
        now += pause
        if not bucket.take(amount, **RATE, now=now):
            taken.append((now, amount))
    for place, (begin, _) in enumerate(taken):
        total = 0.0
        for _, (end, amount) in pairwise([(begin, 0.0), *taken[place + 1 :]]):
            total += amount
            assert total <= RATE["capacity"] + (end - begin) * RATE["per_second"] + 1e-6
