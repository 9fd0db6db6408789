"""Whose request is answered next. Each one that is worked on takes a thread, memory and descriptors for the database.

A client has a few of them at the same time; its further requests wait, and those of others pass them. If too many
wait, the address that has most of them is told to come again.
"""

import asyncio
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from django.conf import settings
from django.http import parse_cookie

from concurrency.per_loop import PerLoop
from project.application import Application
from runs.access import addresses

#: Requests that are worked on at the same time, in all and of one client.
AT_ONCE = 32
OF_ONE_CLIENT = 8
#: Requests that wait: each keeps a connection.
WAITING = 256
#: Seconds after which a client may ask again that had no place among these.
_AGAIN = 5


class Busy(Exception):  # noqa: N818 - it names what happened
    """Too many requests wait."""


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks, as far as that can be told without the database."""

    address: str | None
    #: A digest of what the request shows to be let in: a token or a session, whether valid or not.
    credentials: bytes


def asker(scope: Mapping[str, Any]) -> Asker:
    """Return who sends the request of an ASGI scope."""
    headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
    session = parse_cookie(headers.get(b"cookie", "")).get(settings.SESSION_COOKIE_NAME, "")
    shown = headers.get(b"authorization") or session
    return Asker(addresses.of_scope(scope), sha256(shown.encode("latin-1", "replace")).digest())


@dataclass(slots=True)
class Turns:
    """The requests that are worked on, and those that wait, in the order in which they came."""

    _held: Counter[Asker] = field(default_factory=Counter)
    _held_by_address: Counter[str | None] = field(default_factory=Counter)
    _waiting: dict[asyncio.Future[None], Asker] = field(default_factory=dict)

    async def take(self, who: Asker) -> None:
        """Wait for a turn. ``give_back`` it afterwards.

        Raises:
            Busy: too many requests wait, most of them from this address.
        """
        ticket: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[ticket] = who
        self._grant()
        if len(self._waiting) > WAITING:
            self._refuse_one()
        try:
            await ticket
        except asyncio.CancelledError:
            if self._waiting.pop(ticket, None) is None and ticket.exception() is None:
                self.give_back(who)
            raise

    def give_back(self, who: Asker) -> None:
        """End a turn."""
        # Adding drops what is zero.
        self._held += Counter({who: -1})
        self._held_by_address += Counter({who.address: -1})
        self._grant()

    def _grant(self) -> None:
        """Give free turns to those that hold the fewest: of the addresses, and of the clients at an address."""
        while self._held.total() < AT_ONCE:
            next_ones = [
                (ticket, who)
                for ticket, who in self._waiting.items()
                # One that was cancelled is done, before ``take`` knows.
                if not ticket.done() and self._held[who] < OF_ONE_CLIENT
            ]
            if not next_ones:
                return
            ticket, who = min(next_ones, key=self._burden)
            del self._waiting[ticket]
            self._held[who] += 1
            self._held_by_address[who.address] += 1
            ticket.set_result(None)

    def _refuse_one(self) -> None:
        """Refuse the newest request of the address of which most wait."""
        ((most, _),) = Counter(who.address for who in self._waiting.values()).most_common(1)
        ticket = next(ticket for ticket, who in reversed(self._waiting.items()) if who.address == most)
        del self._waiting[ticket]
        if not ticket.done():
            ticket.set_exception(Busy())

    def _burden(self, item: tuple[asyncio.Future[None], Asker]) -> tuple[int, int]:
        who = item[1]
        return self._held_by_address[who.address], self._held[who]


_turns = PerLoop(Turns)


def take_turns(application: Application) -> Application:
    """Return ``application``, whose requests wait for their turn. A turn ends when the answer begins."""

    async def wrapped(scope: Any, receive: Any, send: Any) -> None:
        turns, who = _turns.get(), asker(scope)
        try:
            await turns.take(who)
        except Busy:
            await _refuse(send)
            return
        has_turn = True

        def end_turn() -> None:
            nonlocal has_turn
            if has_turn:
                has_turn = False
                turns.give_back(who)

        async def send_and_end_turn(message: Any) -> None:
            end_turn()
            await send(message)

        try:
            await application(scope, receive, send_and_end_turn)
        finally:
            end_turn()

    return wrapped


async def _refuse(send: Any) -> None:
    headers = [(b"content-type", b"application/json"), (b"retry-after", str(_AGAIN).encode())]
    body = b'{"code": "busy", "message": "Too many requests are waiting. Try again in a moment."}'
    await send({"type": "http.response.start", "status": 503, "headers": headers})
    await send({"type": "http.response.body", "body": body})
