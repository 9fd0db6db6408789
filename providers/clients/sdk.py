"""What an SDK's module offers to the pool: how a client is made, and what it is asked."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import httpx2

from providers.catalog import Target
from providers.types import Json


def _nothing() -> None:
    """Need nothing but the import."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Sdk:
    """One way to a provider: an SDK, and the address and credentials that its client takes."""

    module: str
    #: Makes a client for a target at an address; opens nothing and reads no credentials.
    make: Callable[[httpx2.AsyncClient, Target, str | None], Any]
    #: Loads what the first request would load, on a thread; it must not touch the network or credentials.
    prepare: Callable[[], None] = _nothing
    #: Asks which models there are.
    models: Callable[[Any, Target], Awaitable[tuple[str, ...]]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Speech:
    """How a wire is spoken through an SDK."""

    #: The SDK where the target names none.
    sdk: str
    #: What the emulator's address continues with.
    base_path: str
    #: Returns once a successful answer's headers have come.
    post: Callable[[Any, Target, Json], Awaitable[AsyncIterator[Any]]]


def names_in(items: object, field: str) -> tuple[str, ...]:
    """Return ``field`` of every item of a list that a server sent, where it is a name."""
    if not isinstance(items, list):
        return ()
    names = (item.get(field) for item in items if isinstance(item, dict))
    return tuple(dict.fromkeys(name for name in names if isinstance(name, str) and name.strip()))
