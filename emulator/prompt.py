"""What a script may know of a request, whichever wire it came over. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby

from providers.types import Json


@dataclass(frozen=True, kw_only=True, slots=True)
class Function:
    """A function that the request declares. ``parameters`` is its JSON Schema, perhaps empty."""

    name: str
    parameters: Json


#: What the functions that were called together answered.
type Round = tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Prompt:
    """One request, as far as a script cares."""

    model: str
    #: Providers differ here: a flag in the body, or the path.
    streaming: bool
    #: The last thing the user said; empty when the user has said nothing.
    user_text: str
    #: One for each step of this turn that called functions: since the user last said something.
    rounds: tuple[Round, ...] = ()
    functions: tuple[Function, ...]
    #: The request as it came, for what only one wire knows.
    body: Json

    @property
    def tool_results(self) -> tuple[str, ...]:
        """What all functions of this turn answered, in order."""
        return tuple(result for answers in self.rounds for result in answers)

    @property
    def step(self) -> int:
        """Which step of its turn this is, from 1."""
        return len(self.rounds) + 1


def entries(body: Json, name: str) -> list[Json]:
    """Return the list ``name`` of ``body``; ``LookupError`` or ``TypeError`` when there is none."""
    value = body[name]
    if not isinstance(value, list):
        raise TypeError(f"{name} is not a list")
    return value


def grouped(results: Iterable[str | None]) -> tuple[Round, ...]:
    """Return the rounds in what has come since the user spoke; ``None`` stands for what is no result."""
    runs = groupby(results, key=lambda result: result is not None)
    return tuple(tuple(str(result) for result in run) for are_results, run in runs if are_results)


def since_the_user(said: list[Json], *, is_user: Iterable[bool]) -> list[Json]:
    """Return what comes after the last of ``said`` that is the user's own."""
    last = max((place for place, own in enumerate(is_user) if own), default=-1)
    return said[last + 1 :]
