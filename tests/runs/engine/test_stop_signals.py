"""The registry of events: who claims a segment shares its event, and the last one to drop it removes it."""

from uuid import uuid4

import pytest

from runs.engine import stop_signals

RUN = uuid4()


@pytest.fixture(autouse=True)
def empty() -> None:
    assert not stop_signals.live()


async def test_those_who_claim_a_segment_share_its_event() -> None:
    one, other = stop_signals.claim(RUN, 1), stop_signals.claim(RUN, 1)
    assert one is other
    stop_signals.drop(one)
    assert stop_signals.request(RUN, by="user")
    assert other.signal.is_set()
    stop_signals.drop(other)
    assert stop_signals.get(RUN) is None
    assert not stop_signals.request(RUN, by="user")


async def test_a_segment_has_an_event_of_its_own_although_the_one_before_is_still_claimed() -> None:
    paused = stop_signals.claim(RUN, 1)
    following = stop_signals.claim(RUN, 1, segment=2)
    stop_signals.request(RUN, by="user")
    assert (paused.signal.is_set(), following.signal.is_set()) == (False, True)
    stop_signals.drop(paused)
    assert stop_signals.get(RUN) is following
    stop_signals.drop(following)


async def test_who_is_late_by_a_segment_changes_nothing() -> None:
    live = stop_signals.claim(RUN, 1, segment=3)
    late = stop_signals.claim(RUN, 1, segment=2)
    stop_signals.request(RUN, by="user")
    assert (live.signal.is_set(), late.signal.is_set()) == (True, False)
    stop_signals.drop(late)
    assert stop_signals.get(RUN) is live
    stop_signals.drop(live)
