"""What each SDK's module has to offer: how its client is made, and how that client is asked."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import httpx2

from providers.catalog import Target
from providers.types import Json


def _nothing() -> None:
    """Do nothing: the import is enough."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Sdk:
    """One way to a provider: an SDK, and the address and credentials that its client uses."""

    module: str
    #: Makes a client for a target at an address; opens nothing and reads no credentials.
    make: Callable[[httpx2.AsyncClient, Target, str | None], Any]
    #: Loads what the first request would load, on a thread; it must not touch the network or credentials.
    prepare: Callable[[], None] = _nothing
    #: Asks which models there are.
    models: Callable[[Any, Target], Awaitable[tuple[str, ...]]]


@dataclass(frozen=True, kw_only=True, slots=True)
class WireCalls:
    """The calls of a wire through its SDK."""

    #: The SDK where the target names none.
    sdk: str
    #: What the emulator's address continues with.
    base_path: str
    #: Asks for a stream; returns once a successful answer's headers have come, with nothing of the body read.
    post: Callable[[Any, Target, Json], Awaitable[httpx2.Response]]
    #: Asks how many tokens a body for ``post`` would make the model read; ``None`` where nobody can tell.
    count: Callable[[Any, Target, Json], Awaitable[object]] | None = None


def names_in(answer: object) -> tuple[str, ...]:
    """Return the ids in a list of models as OpenAI and Anthropic send it; a few servers send a bare list.

    Raises:
        ValueError: ``answer`` is no list of models.
    """
    items = answer.get("data") or [] if isinstance(answer, dict) else answer
    if not isinstance(items, list):
        raise ValueError("what came is no list of models")
    names = (item.get("id") for item in items if isinstance(item, dict))
    return tuple(dict.fromkeys(name for name in names if isinstance(name, str) and name.strip()))
