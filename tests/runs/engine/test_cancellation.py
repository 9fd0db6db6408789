"""The registry of events: who claims a segment shares its event, and the last one to drop it removes it."""

from uuid import uuid4

import pytest

from runs.engine import cancellation

RUN = uuid4()


@pytest.fixture(autouse=True)
def empty() -> None:
    assert not cancellation.live()


async def test_those_who_claim_a_segment_share_its_event() -> None:
    one, other = cancellation.claim(RUN, 1), cancellation.claim(RUN, 1)
    assert one is other
    cancellation.drop(one)
    assert cancellation.request(RUN, by="user")
    assert other.signal.is_set()
    cancellation.drop(other)
    assert cancellation.get(RUN) is None
    assert not cancellation.request(RUN, by="user")


async def test_a_segment_has_an_event_of_its_own_although_the_one_before_is_still_claimed() -> None:
    paused = cancellation.claim(RUN, 1)
    following = cancellation.claim(RUN, 1, segment=2)
    cancellation.request(RUN, by="user")
    assert (paused.signal.is_set(), following.signal.is_set()) == (False, True)
    cancellation.drop(paused)
    assert cancellation.get(RUN) is following
    cancellation.drop(following)


async def test_who_is_late_by_a_segment_changes_nothing() -> None:
    live = cancellation.claim(RUN, 1, segment=3)
    late = cancellation.claim(RUN, 1, segment=2)
    cancellation.request(RUN, by="user")
    assert (live.signal.is_set(), late.signal.is_set()) == (True, False)
    cancellation.drop(late)
    assert cancellation.get(RUN) is live
    cancellation.drop(live)
