"""OpenRouter's ``reasoning_details`` while they stream: thoughts with their signatures.

They must go back unchanged with the message, so pieces are put together here and nothing is
interpreted. Source: https://openrouter.ai/docs/use-cases/reasoning-tokens
"""

from collections.abc import Iterable

from providers.types import Json

#: Where the words of a detail stand. Only details with words come in pieces.
_WORDS = {"reasoning.text": "text", "reasoning.summary": "summary"}


class ReasoningDetails:
    """The details of one message, in arrival order."""

    def __init__(self) -> None:
        self._details: list[tuple[Json, list[str]]] = []

    def add(self, detail: Json) -> None:
        """Take one detail, or a piece of the one before it (same type, same index)."""
        words = detail.get(_WORDS.get(detail.get("type", ""), "")) or ""
        if self._details and detail.get("type") in _WORDS:
            last, pieces = self._details[-1]
            if all(last.get(name) == detail.get(name) for name in ("type", "index")):
                pieces.append(words)
                last.update((name, value) for name, value in detail.items() if value is not None)
                return
        self._details.append((dict(detail), [words]))

    def assembled(self) -> list[Json]:
        """Return the details as an answer that was not streamed would hold them."""
        return [_whole(detail, pieces) for detail, pieces in self._details]


def spelled_out(details: Iterable[Json]) -> str:
    """Return the words in one chunk's details."""
    return "".join(detail.get(_WORDS.get(detail.get("type", ""), "")) or "" for detail in details)


def seals(details: Iterable[Json]) -> list[str]:
    """Return the signatures and the encrypted thoughts in one chunk's details."""
    return [value for detail in details for name in ("signature", "data") if (value := detail.get(name))]


def _whole(detail: Json, pieces: list[str]) -> Json:
    if name := _WORDS.get(detail.get("type", "")):
        return {**detail, name: "".join(pieces)}
    return detail
