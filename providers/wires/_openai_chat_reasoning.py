"""Signed thoughts while they stream: OpenRouter's ``reasoning_details``, LiteLLM's ``thinking_blocks`` and their like.

They must go back unchanged with the message, so pieces are put together here and nothing is
interpreted. Source: https://openrouter.ai/docs/use-cases/reasoning-tokens
"""

from collections.abc import Iterable

from providers.types import Json
from providers.wires.shapes import text_in

#: Where the words of a detail stand. Only details with words come in pieces.
_WORDS = {
    "reasoning.text": "text",
    "reasoning.summary": "summary",
    "thinking": "thinking",
    "reasoning": "text",
    "text": "text",
}
_SEALS = ("signature", "data")


class _Detail:
    """One detail: its fields, and the pieces of its words."""

    __slots__ = ("fields", "words")

    def __init__(self, detail: Json) -> None:
        self.fields = dict(detail)
        self.words = [words_of(detail)]

    @property
    def whole(self) -> Json:
        """The detail as an answer that was not streamed would hold it."""
        name = _words_name(self.fields)
        words = "".join(self.words)
        return {**self.fields, name: words} if name and (words or name in self.fields) else self.fields

    def goes_on_with(self, piece: Json) -> bool:
        """Return whether ``piece`` is more of this detail: nothing that tells details apart differs."""
        if _words_name(piece) is None or any(
            self.fields.get(name) != piece.get(name) for name in ("type", "index")
        ):
            return False
        for name in ("id", "format", *_SEALS):
            known, later = self.fields.get(name), piece.get(name)
            if known and later and known != later:
                return False
        # Behind its signature a thought has no more words.
        return not (seals([self.fields]) and words_of(piece))

    def add(self, piece: Json) -> None:
        self.words.append(words_of(piece))
        self.fields.update((name, value) for name, value in piece.items() if value not in (None, ""))


class ReasoningDetails:
    """The details of one message, in arrival order."""

    def __init__(self) -> None:
        self._details: list[_Detail] = []

    def add(self, detail: Json) -> bool:
        """Take one detail, a piece of an earlier one, or a repetition; return whether anything was new."""
        # Words alone may be said twice. To compare them all for each piece would take ever longer.
        may_repeat = seals([detail]) or not words_of(detail)
        if may_repeat and any(known.whole == detail for known in self._details):
            return False
        # Details that are numbered may come in turns.
        candidates = self._details[-1:] if detail.get("index") is None else reversed(self._details)
        known = next((known for known in candidates if known.goes_on_with(detail)), None)
        if known is None:
            self._details.append(_Detail(detail))
        else:
            known.add(detail)
        return True

    def assembled(self) -> list[Json]:
        """Return the details as an answer that was not streamed would hold them."""
        return [detail.whole for detail in self._details]

    def sealed(self) -> list[Json]:
        """Return the details that are signed or encrypted: others may not go back as Anthropic's blocks."""
        return [detail for detail in self.assembled() if seals([detail])]


def words_of(detail: Json) -> str:
    """Return the words in one detail."""
    return text_in(detail.get(_words_name(detail) or ""))


def spelled_out(details: Iterable[Json]) -> str:
    """Return the words in one chunk's details."""
    return "".join(words_of(detail) for detail in details)


def seals(details: Iterable[Json]) -> list[str]:
    """Return the signatures and the encrypted thoughts in one chunk's details."""
    return [value for detail in details for name in _SEALS if (value := text_in(detail.get(name)))]


def _words_name(detail: Json) -> str | None:
    return _WORDS.get(text_in(detail.get("type")))
