"""What a script may know of a request, whichever wire it came over. Pure."""

from dataclasses import dataclass

from providers.types import Json


@dataclass(frozen=True, kw_only=True, slots=True)
class Function:
    """A function that the request declares. ``parameters`` is its JSON Schema, perhaps empty."""

    name: str
    parameters: Json


@dataclass(frozen=True, kw_only=True, slots=True)
class Prompt:
    """One request, as far as a script cares."""

    model: str
    #: Providers differ here: a flag in the body, or the path.
    streaming: bool
    #: The last thing the user said; empty when the user has said nothing.
    user_text: str
    #: What the functions answered, when that is the last thing in the conversation.
    tool_results: tuple[str, ...]
    functions: tuple[Function, ...]
    #: The request as it came, for what only one wire knows.
    body: Json


def entries(body: Json, name: str) -> list[Json]:
    """Return the list ``name`` of ``body``; ``LookupError`` or ``TypeError`` when there is none."""
    value = body[name]
    if not isinstance(value, list):
        raise TypeError(f"{name} is not a list")
    return value
