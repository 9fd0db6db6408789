"""The exchange of messages over one channel of Redis' pub/sub.

Nobody waits for it: messages that cannot be sent are dropped, the oldest first. Each process also hears its own
messages, and sends an empty one each second; if it hears none for ``SILENCE`` seconds, Redis counts as down, whether
it is dead or hangs, and the link is made anew. What others write into the channel is not heard: messages are sealed with a
key made of ``SECRET_KEY``.
"""

import asyncio
import contextlib
import hashlib
import hmac
import logging
import time
from collections import deque
from collections.abc import Callable
from typing import Any

import orjson
from django.utils.crypto import salted_hmac
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from concurrency import redis_names
from concurrency.tasks import spawn

logger = logging.getLogger("runnel.bus")

#: Seconds to wait for one answer of Redis.
PATIENCE = 1.0
#: Seconds between two messages if there is nothing to say.
BEAT = 1.0
#: Seconds without any message after which Redis counts as down.
SILENCE = 3.0
#: Seconds between two attempts to reach Redis.
RETRY = 0.5
#: Messages that may wait to be sent.
MOST_WAITING = 10_000
#: Messages that are sent at once.
MOST_AT_ONCE = 500
#: Bytes of a seal.
_SEAL = 16


class Sealing:
    """Seals what is sent, and opens what comes."""

    def __init__(self) -> None:
        """Make the key."""
        self._key = salted_hmac("runs.bus", "seal", algorithm="sha256").digest()

    def seal(self, body: bytes) -> bytes:
        """Return a message with its seal."""
        return hashlib.blake2b(body, digest_size=_SEAL, key=self._key).digest() + body

    def open(self, message: bytes) -> bytes | None:
        """Return what was sealed; ``None`` if somebody else has written it."""
        body = message[_SEAL:]
        return body if hmac.compare_digest(message, self.seal(body)) else None


class RedisLink:
    """The link of one event loop to Redis."""

    def __init__(self, url: str, origin: str, *, receive: Callable[[str, dict[str, Any]], None]) -> None:
        """Prepare the link.

        Args:
            url: Redis' address.
            origin: what this process calls itself in its messages.
            receive: called with each message of another process; and with ``up`` whenever messages pass, after they
                did not, and ``gone`` when another process is not heard any more.
        """
        self._origin = origin
        self._receive = receive
        self._channel = redis_names.own("bus")
        self._sealing = Sealing()
        self._redis = Redis.from_url(
            url, socket_timeout=PATIENCE, socket_connect_timeout=PATIENCE, retry=Retry(NoBackoff(), 0)
        )
        self._waiting: deque[tuple[str, dict[str, Any]]] = deque(maxlen=MOST_WAITING)
        self._rings: dict[str, int] = {}
        self._is_waiting = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._heard_at = 0.0
        #: When each other process was heard last.
        self._others: dict[str, float] = {}
        self._was_up = False
        self._is_told = False
        self._is_told_of_others = False

    @property
    def is_up(self) -> bool:
        """Whether our own messages come back, and something was heard within ``SILENCE`` seconds."""
        return self._was_up and not self._is_silent

    @property
    def _is_silent(self) -> bool:
        return time.monotonic() - self._heard_at > SILENCE

    def open(self) -> None:
        """Begin, on the running loop."""
        self._tasks = [
            spawn(self._keep_hearing(), name="bus: hear", is_shared=True),
            spawn(self._keep_sending(), name="bus: send", is_shared=True),
        ]

    async def close(self) -> None:
        """Send what waits, at most for ``PATIENCE`` seconds, and disconnect."""
        if self.is_up:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(PATIENCE):
                    while self._waiting or self._rings:  # noqa: ASYNC110 - the sender has no event for it
                        await asyncio.sleep(0.005)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        with contextlib.suppress(Exception):
            await self._redis.aclose()

    def send(self, kind: str, payload: dict[str, Any]) -> None:
        """Send a message soon."""
        self._waiting.append((kind, payload))
        self._is_waiting.set()

    def ring(self, run_id: str, last_seq: int) -> None:
        """Send the newest seq of a run soon; a newer one takes its place."""
        self._rings[run_id] = last_seq
        self._is_waiting.set()

    async def _keep_sending(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(BEAT):
                    await self._is_waiting.wait()
            self._is_waiting.clear()
            try:
                await self._redis.publish(self._channel, self._next())
            except Exception as error:  # noqa: BLE001 - whatever it is, Redis is away
                self._tell_down(error)
                await asyncio.sleep(RETRY)

    def _next(self) -> bytes:
        messages: list[tuple[str, dict[str, Any]]] = []
        if self._rings:
            rings, self._rings = self._rings, {}
            messages.append(("ring", {"runs": rings}))
        while self._waiting and len(messages) < MOST_AT_ONCE:
            messages.append(self._waiting.popleft())
        if self._waiting:
            self._is_waiting.set()
        return self._sealing.seal(orjson.dumps([self._origin, messages]))

    async def _keep_hearing(self) -> None:
        while True:
            try:
                async with self._redis.pubsub() as pubsub:
                    await pubsub.subscribe(self._channel)
                    self._heard_at = time.monotonic()
                    await self._hear(pubsub)
            except Exception as error:  # noqa: BLE001 - whatever it is, Redis is away
                self._tell_down(error)
                await asyncio.sleep(RETRY)

    async def _hear(self, pubsub: Any) -> None:
        """Hand out what comes.

        Raises:
            TimeoutError: nothing has come for ``SILENCE`` seconds.
            RedisError: the connection is lost.
        """
        while not self._is_silent:
            message = await pubsub.get_message(ignore_subscribe_messages=True, timeout=BEAT)
            if message is None:
                continue
            body = self._sealing.open(message["data"])
            if body is None:
                self._tell_of_others()
                continue
            self._heard_at = time.monotonic()
            origin, messages = orjson.loads(body)
            if origin != self._origin:
                self._others[origin] = self._heard_at
                for kind, payload in messages:
                    self._receive(kind, payload)
                continue
            if not self._was_up:
                self._tell_up()
            self._forget_silent()
        raise TimeoutError("nothing was heard")

    def _forget_silent(self) -> None:
        silent = [origin for origin, at in self._others.items() if self._heard_at - at > SILENCE]
        for origin in silent:
            del self._others[origin]
            self._receive("gone", {"process": origin})

    def _tell_of_others(self) -> None:
        if not self._is_told_of_others:
            self._is_told_of_others = True
            logger.warning(
                "Somebody without this SECRET_KEY writes into the channel in Redis: it is not listened to."
            )

    def _tell_up(self) -> None:
        self._was_up = True
        if self._is_told:
            logger.info("Redis is reached again.")
        self._is_told = False
        self._receive("up", {})

    def _tell_down(self, error: Exception) -> None:
        """Note that messages may have been lost: ``up`` follows when one of our own comes back."""
        self._was_up = False
        if not self._is_told:
            self._is_told = True
            logger.warning(
                "Redis cannot be reached (%s): processes find out by asking the database.",
                type(error).__name__,
            )
