"""What each SDK's module has to offer: how its client is made, and how that client is asked."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import httpx2

from providers.catalog import Target
from providers.types import Json
from providers.types.listed_model import ListedModel


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
    models: Callable[[Any, Target], Awaitable[tuple[ListedModel, ...]]]


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
