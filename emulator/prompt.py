"""A request as scripts see it, independent of the wire. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby

from providers.types import Json


@dataclass(frozen=True, kw_only=True, slots=True)
class Function:
    """A function that the request declares. ``parameters`` is its JSON Schema; it may be empty."""

    name: str
    parameters: Json


#: The results of functions that were called together.
type Round = tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Prompt:
    """The parts of a request that scripts use."""

    model: str
    #: Whether the client asks for a stream: with a flag in the body or with the path, as the provider wants.
    streaming: bool
    #: The user's last text; empty if there is none.
    user_text: str
    #: One round for each step since the user's last text that called functions.
    rounds: tuple[Round, ...] = ()
    functions: tuple[Function, ...]
    #: The unchanged request body, for fields that only one wire has.
    body: Json

    @property
    def tool_results(self) -> tuple[str, ...]:
        """Return the results of all functions of this turn, in order."""
        return tuple(result for answers in self.rounds for result in answers)

    @property
    def step(self) -> int:
        """Return the number of this step in its turn, from 1."""
        return len(self.rounds) + 1


def entries(body: Json, name: str) -> list[Json]:
    """Return the list ``name`` of ``body``.

    Raises:
        LookupError: ``body`` has no such field.
        TypeError: the field is not a list.
    """
    value = body[name]
    if not isinstance(value, list):
        raise TypeError(f"{name} is not a list")
    return value


def grouped(results: Iterable[str | None]) -> tuple[Round, ...]:
    """Return the rounds in ``results``: each unbroken series of results is one; ``None`` separates them."""
    runs = groupby(results, key=lambda result: result is not None)
    return tuple(tuple(str(result) for result in run) for are_results, run in runs if are_results)


def since_the_user(said: list[Json], *, is_user: Iterable[bool]) -> list[Json]:
    """Return the entries of ``said`` after the last one for which ``is_user`` is true."""
    last = max((place for place, own in enumerate(is_user) if own), default=-1)
    return said[last + 1 :]
