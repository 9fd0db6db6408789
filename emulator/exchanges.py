"""The record of each request and how its answer ended, in memory and as a log line.

Tests check here what the upstream received, and that (and when) its peer disconnected.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from itertools import count
from typing import Any

from providers.types import Json

logger = logging.getLogger("runnel.emulator")

#: How many exchanges are remembered, and the bytes of all requests together whose bodies are.
KEPT = 512
KEPT_BYTES = 16 * 1024 * 1024

_CREDENTIALS = frozenset(
    {"authorization", "proxy-authorization", "x-api-key", "x-goog-api-key", "api-key", "cookie"}
)


class ExchangeOutcome(StrEnum):
    """The state of an exchange."""

    #: The answer is not complete yet.
    OPEN = "open"
    #: The whole script was sent, including its deliberate faults.
    FINISHED = "finished"
    #: The peer closed the connection, or it broke, before the answer was complete.
    PEER_GONE = "peer_gone"
    #: The emulator itself was closed, or failed, before the answer was complete.
    CUT_OFF = "cut_off"


@dataclass(kw_only=True, slots=True)
class EmulatedExchange:
    """One request and the state of its answer; ``started`` and ``ended`` are ``time.monotonic`` seconds."""

    number: int
    #: The wire's kind, or ``None`` if the path belongs to no wire.
    wire: str | None
    path: str
    model: str | None
    #: The parsed body, or ``None`` if it is not a JSON object, or is no longer remembered.
    body: Json | None
    #: Header names are in lower case; credentials are left out.
    headers: Mapping[str, str]
    request_bytes: int
    status: int | None = None
    outcome: ExchangeOutcome = ExchangeOutcome.OPEN
    #: Bytes of the response body handed to the socket, without HTTP's own framing.
    bytes_sent: int = 0
    started: float = field(default_factory=time.monotonic)
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    ended: float | None = None
    ended_at: datetime | None = None

    @property
    def is_open(self) -> bool:
        """Return whether the exchange has not ended yet."""
        return self.outcome is ExchangeOutcome.OPEN

    def as_json(self) -> dict[str, Any]:
        """Return the exchange as JSON values, with its times in ISO 8601."""
        record = asdict(self)
        for name in ("started_at", "ended_at"):
            record[name] = record[name] and record[name].isoformat()
        return record


class ExchangeLog:
    """The last ``KEPT`` exchanges; callers can wait for one."""

    def __init__(self) -> None:
        self.exchanges: deque[EmulatedExchange] = deque(maxlen=KEPT)
        self.active: dict[int, EmulatedExchange] = {}
        self._numbers = count(1)
        self._changed = asyncio.Event()

    def begin(
        self,
        *,
        wire: str | None,
        path: str,
        model: str | None,
        body: Json | None,
        headers: Mapping[str, str],
        request_bytes: int,
    ) -> EmulatedExchange:
        """Record a request that has just been read, and return its exchange."""
        exchange = EmulatedExchange(
            number=next(self._numbers),
            wire=wire,
            path=path,
            model=model,
            body=body,
            headers={name: value for name, value in headers.items() if name not in _CREDENTIALS},
            request_bytes=request_bytes,
        )
        self.exchanges.append(exchange)
        self._forget_bodies()
        self.active[exchange.number] = exchange
        self.notify()
        return exchange

    def _forget_bodies(self) -> None:
        """Drop the bodies of the oldest exchanges, so that the others have ``KEPT_BYTES`` together."""
        left = KEPT_BYTES
        for exchange in reversed(self.exchanges):
            left -= exchange.request_bytes
            if left < 0:
                exchange.body = None

    def end(self, exchange: EmulatedExchange, outcome: ExchangeOutcome) -> None:
        """Record the end of ``exchange``, unless it has ended already."""
        if not exchange.is_open:
            return
        exchange.ended = time.monotonic()
        exchange.ended_at = datetime.now(UTC)
        exchange.outcome = outcome
        del self.active[exchange.number]
        self.notify()
        facts = {
            "exchange": exchange.number,
            "wire": exchange.wire,
            "model": exchange.model,
            "status": exchange.status,
            "outcome": outcome.value,
            "bytes_sent": exchange.bytes_sent,
            "ms": round((exchange.ended - exchange.started) * 1000, 1),
        }
        logger.info(
            "exchange ended: %s", " ".join(f"{name}={value}" for name, value in facts.items()), extra=facts
        )

    def notify(self) -> None:
        """Wake every waiter to check its predicate again."""
        self._changed.set()
        self._changed.clear()

    async def wait_for(
        self, predicate: Callable[[EmulatedExchange], bool], timeout: float
    ) -> EmulatedExchange:
        """Return the oldest kept exchange for which ``predicate`` is true; wait for it if necessary.

        Raises:
            TimeoutError: no exchange fitted within ``timeout`` seconds.
        """
        async with asyncio.timeout(timeout):
            while True:
                for exchange in self.exchanges:
                    if predicate(exchange):
                        return exchange
                await self._changed.wait()
