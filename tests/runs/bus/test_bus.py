"""Messages between processes: handed out here, sent over Redis, and never in anybody's way."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest
from redis.asyncio import Redis

from runs import bus
from runs.bus import bus as inside
from runs.bus import redis_link
from runs.bus.bus import Bus
from tests.faults.redis_process import RedisServer, temporary_redis

STUCK = 20.0


@pytest.fixture(scope="module")
def redis() -> Iterator[RedisServer]:
    with temporary_redis() as server:
        yield server


@pytest.fixture(autouse=True)
def handlers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no test hear what others have listened to."""
    monkeypatch.setattr(inside, "_handlers", type(inside._handlers)(list))


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(STUCK):
        while not condition():
            await asyncio.sleep(0.01)


async def test_without_redis_nothing_is_shared_and_nothing_fails() -> None:
    heard: list[Any] = []
    bus.listen("news", heard.append)
    bus.send("news", {"run_id": uuid4()})
    await asyncio.sleep(0)
    assert heard == []
    assert not bus.is_shared()
    await bus.close()


async def test_a_thread_sends_through_the_loop_and_a_handler_that_fails_holds_nobody_up(
    redis: RedisServer, settings: Any
) -> None:
    settings.REDIS_URL = redis.url
    heard = threading.Event()

    def fail(_: Any) -> None:
        raise RuntimeError("no")

    bus.listen("news", fail)
    bus.listen("news", lambda _: heard.set())
    await bus.open_link()
    other = Bus()
    other.open_link()
    await until(lambda: bus.is_shared() and other.is_shared)
    other.take("news", {})
    await until(heard.is_set)
    heard.clear()
    await asyncio.to_thread(bus.send, "news", {})
    await until(heard.is_set)
    await bus.close()
    await other.close()


def test_a_command_without_a_loop_sends_nothing_and_does_not_fail() -> None:
    bus.send("news", {})


@pytest.fixture
async def two(redis: RedisServer, settings: Any) -> AsyncIterator[tuple[Bus, Bus]]:
    settings.REDIS_URL = redis.url
    pair = Bus(), Bus()
    for each in pair:
        each.open_link()
    await until(lambda: all(each.is_shared for each in pair))
    yield pair
    for each in pair:
        await each.close()


async def test_over_redis_others_hear_messages_and_newest_rings_and_nobody_hears_its_own(
    two: tuple[Bus, Bus],
) -> None:
    heard: list[Any] = []
    bus.listen("news", heard.append)
    bus.listen("ring", heard.append)
    run_id = uuid4()
    # One turn of the loop is one message.
    for seq in range(1, 50):
        two[0].ring(run_id, seq)
    two[0].take("news", {"number": 1})
    two[1].take("news", {"number": 2})
    await until(lambda: len(heard) >= 3)
    two[0].take("news", {"number": 3})
    await until(lambda: {"number": 3} in heard)
    assert sorted(map(str, heard)) == sorted(
        map(str, [{"runs": {str(run_id): 49}}, {"number": 1}, {"number": 2}, {"number": 3}])
    )


@pytest.mark.parametrize("how", ["hung", "dead"])
async def test_a_redis_that_is_away_is_noticed_costs_no_time_and_is_found_again(
    two: tuple[Bus, Bus], redis: RedisServer, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_link, "SILENCE", 0.5)
    monkeypatch.setattr(redis_link, "BEAT", 0.1)
    heard: list[Any] = []
    ups: list[Any] = []
    bus.listen("news", heard.append)
    bus.listen(bus.Kind.UP, ups.append)
    with getattr(redis, how)():
        await until(lambda: not any(each._link and each._link._was_up for each in two))
        assert not any(each.is_shared for each in two)
        for number in range(redis_link.MOST_WAITING + 1):
            two[0].take("news", {"number": number})
    await until(lambda: all(each.is_shared for each in two) and len(ups) >= 2)

    def is_heard() -> bool:
        # On a slow machine one of them may count Redis as down again: what is sent then is lost.
        two[0].take("news", {"number": -1})
        return {"number": -1} in heard

    await until(is_heard)


async def test_after_a_message_that_could_not_be_sent_it_is_up_anew(
    two: tuple[Bus, Bus], monkeypatch: pytest.MonkeyPatch
) -> None:
    ups: list[Any] = []
    bus.listen(bus.Kind.UP, ups.append)
    link = two[0]._link
    assert link is not None
    publish = link._redis.publish

    async def fail(*_: Any) -> None:
        monkeypatch.setattr(link._redis, "publish", publish)
        raise ConnectionError

    monkeypatch.setattr(link._redis, "publish", fail)
    two[0].take("news", {})
    await until(lambda: bool(ups))
    assert two[0].is_shared


async def test_a_process_that_is_not_heard_any_more_is_told_of(
    two: tuple[Bus, Bus], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_link, "SILENCE", 0.5)
    monkeypatch.setattr(redis_link, "BEAT", 0.1)
    heard: list[Any] = []
    gone: list[Any] = []
    bus.listen("news", heard.append)
    bus.listen(bus.Kind.GONE, gone.append)
    two[1].take("news", {})
    await until(lambda: bool(heard))
    await two[1].close()

    def is_told() -> bool:
        # Also by a process that always has something to send.
        two[0].take("news", {})
        return {"process": two[1].origin} in gone

    await until(is_told)


async def test_what_others_write_into_the_channel_is_not_heard_and_disturbs_nobody(
    two: tuple[Bus, Bus], redis: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    heard: list[Any] = []
    ups: list[Any] = []
    bus.listen("news", heard.append)
    bus.listen(bus.Kind.UP, ups.append)
    async with Redis.from_url(redis.url) as other:
        (channel,) = await other.pubsub_channels("runnel:*")
        for forged in (b"", b"garbage", b'["x", [["news", {}]]]', b"0" * 16 + b'["x", [["news", {}]]]'):
            await other.publish(channel, forged)
    two[0].take("news", {"number": 1})
    await until(lambda: bool(heard))
    assert (heard, ups) == ([{"number": 1}], [])
    assert caplog.text.count("Somebody without this SECRET_KEY") == 2
