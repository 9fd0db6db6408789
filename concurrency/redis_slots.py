"""Slots that all processes share, in Redis: so many may be held at the same time, and no more.

A slot is held for ``LEASE`` seconds and renewed meanwhile, so that those of a process that has died are free again.
Redis' clock counts. While Redis cannot be reached, every slot is granted: limits of one process hold all the same.
"""

import asyncio
import contextlib
import logging
from uuid import uuid4

from django.conf import settings
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from concurrency import redis_names, redis_pause
from concurrency.per_loop import PerLoop
from concurrency.tasks import spawn

logger = logging.getLogger("runnel.slots")

#: Seconds for which a slot is held after it was taken or renewed.
LEASE = 20.0

#: Takes or renews the slot ARGV[1] of the set KEYS[1] for ARGV[3] milliseconds if fewer than ARGV[2] others are held.
_TAKE = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
if not redis.call('ZSCORE', KEYS[1], ARGV[1]) and redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[2]) then
    return 0
end
redis.call('ZADD', KEYS[1], now + ARGV[3], ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 1
"""


class SharedSlots:
    """The slots that the running event loop holds, with its connection to Redis."""

    def __init__(self, url: str) -> None:
        """Take Redis' address."""
        self._url = url
        self._redis = Redis.from_url(
            url,
            socket_timeout=redis_pause.PATIENCE,
            socket_connect_timeout=redis_pause.PATIENCE,
            retry=Retry(NoBackoff(), 0),
        )
        self._take = self._redis.register_script(_TAKE)
        #: The held slots: the set of each, and how many it grants.
        self._held: dict[str, tuple[str, int]] = {}
        self._renewing: asyncio.Task[None] | None = None

    async def take(self, name: str, capacity: int) -> str | None:
        """Take one of the ``capacity`` slots of ``name``. Return what to give back, ``None`` if all are held."""
        slot = uuid4().hex
        if not await self._ask(slot, name, capacity):
            return None
        self._held[slot] = (name, capacity)
        if self._renewing is None or self._renewing.done():
            self._renewing = spawn(self._renew(), name="slots", is_shared=True)
        return slot

    async def give_back(self, slot: str) -> None:
        """Free a slot; after ``close`` its lease does."""
        name, _ = self._held.pop(slot, ("", 0))
        if name and not redis_pause.is_left_alone(self._url):
            with contextlib.suppress(Exception):
                await self._redis.zrem(_key(name), slot)

    async def close(self) -> None:
        """Disconnect. What is held is free after its lease."""
        self._held.clear()
        if self._renewing is not None:
            self._renewing.cancel()
            await asyncio.gather(self._renewing, return_exceptions=True)
        with contextlib.suppress(Exception):
            await self._redis.aclose()

    async def _ask(self, slot: str, name: str, capacity: int) -> bool:
        if redis_pause.is_left_alone(self._url):
            return True
        try:
            return bool(await self._take(keys=[_key(name)], args=[slot, capacity, int(LEASE * 1000)]))
        except Exception as error:  # noqa: BLE001 - whatever it is, a failure of the limiter must not fail the call
            redis_pause.leave_alone(self._url)
            logger.warning("Redis cannot be reached (%s): this process counts alone.", type(error).__name__)
            return True

    async def _renew(self) -> None:
        while self._held:
            await asyncio.sleep(LEASE / 4)
            for slot, (name, capacity) in tuple(self._held.items()):
                if slot in self._held:
                    await self._ask(slot, name, capacity)


def _key(name: str) -> str:
    return redis_names.own(f"slots:{name}")


def _of_settings() -> SharedSlots | None:
    return SharedSlots(settings.REDIS_URL) if settings.REDIS_URL else None


_of_this_loop = PerLoop(_of_settings)


def shared_slots() -> SharedSlots | None:
    """Return the slots of the running event loop that all processes share, ``None`` without Redis."""
    return _of_this_loop.get()


async def close_shared() -> None:
    """Give the connection of the running event loop back."""
    if (slots := _of_this_loop.pop()) is not None:
        await slots.close()
