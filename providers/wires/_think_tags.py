"""Separates thoughts in tags from the words of an answer, while it streams. Pure.

Servers of one's own pass on what a model writes, and many models write their thoughts before the answer, in tags. Tags
count at the beginning of an answer only, and later at the beginning of a line if the answer began with one: an answer
that is about such tags keeps them.
"""

import re
from collections.abc import Iterator

#: How models of several families open and close a thought, in lower case; any case will do.
_TAGS = (
    ("<think>", "</think>"),
    ("<thinking>", "</thinking>"),
    ("<thought>", "</thought>"),
    ("<reasoning>", "</reasoning>"),
    ("[think]", "[/think]"),
    ("<thoughts>", "</thoughts>"),
    ("<mm:think>", "</mm:think>"),
    ("<longcat_think>", "</longcat_think>"),
    ("<|think|>", "<|/think|>"),
    ("<seed:think>", "</seed:think>"),
    ("◁think▷", "◁/think▷"),
    ("<|start_thinking|>", "<|end_thinking|>"),
    ("<|begin_of_thought|>", "<|end_of_thought|>"),
    ("<|channel|>analysis<|message|>", "<|end|>"),
    ("<|start|>assistant<|channel|>analysis<|message|>", "<|end|>"),
    ("<|channel>thought", "<channel|>"),
)
#: What stands before the answer behind a thought, or between its parts, and what ends it; neither is said.
_ANSWERS = {
    "<|start|>assistant<|channel|>final<|message|>": ("<|return|>", "<|end|>"),
    "<|channel|>final<|message|>": ("<|return|>", "<|end|>"),
    "<|start|>assistant<|channel|>commentary<|message|>": ("<|end|>",),
    "<|channel|>commentary<|message|>": ("<|end|>",),
    "<|start_response|>": ("<|end_response|>",),
    "<answer>": ("</answer>",),
}
#: Such a tag that is one behind a thought only; an answer may begin with it.
_BEHIND_THOUGHTS = "<answer>"
_CLOSING = dict(_TAGS)
_OPENINGS = tuple(_CLOSING)
_CLOSINGS = tuple(dict.fromkeys(_CLOSING.values()))
_LONGEST = max(map(len, (*_OPENINGS, *_CLOSINGS, *_ANSWERS)))
#: Blanks before a tag that are held, because they are no words if it comes. A flood of them would be copied each time.
_MOST_BLANKS = 1_000


class ThinkTags:
    """The words of one answer."""

    def __init__(self) -> None:
        self._held = ""
        #: The tag that ends the open thought; empty outside of thoughts.
        self._closing = ""
        #: The tags one of which ends the answer that a tag has begun.
        self._ends: tuple[str, ...] = ()
        #: Whether a tag may come now: nothing but blanks came since the beginning, a thought's end or a line's.
        self._may_open = True
        self._has_thoughts = False
        self._has_begun = False

    def split(self, text: str) -> list[tuple[bool, str]]:
        """Return ``text`` in pieces, each with whether it is a thought. The beginning of a tag is held."""
        text, self._held = self._held + text, ""
        return [(is_thought, piece) for is_thought, piece in self._split(text) if piece]

    def flush(self) -> list[tuple[bool, str]]:
        """Return what is still held, now that no more words will come."""
        held, self._held = self._held, ""
        return [(bool(self._closing), held)] if held else []

    def _split(self, text: str) -> Iterator[tuple[bool, str]]:
        while text:
            if self._closing:
                piece, text = self._until(text, self._closing)
                yield True, piece
            elif self._may_open:
                blanks = text[: len(text) - len(text.lstrip())]
                opening = self._opening(text[len(blanks) :])
                if opening is None:
                    if len(blanks) > _MOST_BLANKS:
                        yield False, blanks
                        text = text[len(blanks) :]
                    self._held = text
                    return
                if opening:
                    text = text[len(blanks) + len(opening) :]
                    self._closing, self._ends = _CLOSING.get(opening, ""), _ANSWERS.get(opening, ())
                    self._has_thoughts = True
                    continue
                self._may_open = False
                if not self._has_begun and (thought := _without_opening(text)):
                    yield True, thought[0]
                    text = thought[1]
                self._has_begun = True
            else:
                words, text = self._words(text)
                yield False, words

    def _words(self, text: str) -> tuple[str, str]:
        """Return words of the answer, and what may hold a tag again. What may begin the answer's end is held."""
        found = [(at, end) for end in self._ends if (at := _find(text, end)) >= 0]
        line_end = text.find("\n") + 1 if self._has_thoughts else 0
        if found and (not line_end or min(found)[0] < line_end):
            at, end = min(found)
            self._ends, self._may_open = (), True
            return text[:at], text[at + len(end) :]
        if line_end:
            self._may_open = True
            return text[:line_end], text[line_end:]
        start = len(text) - max((_overlap(text, end) for end in self._ends), default=0)
        self._held = text[start:]
        return text[:start], ""

    def _until(self, text: str, closing: str) -> tuple[str, str]:
        """Return the thought up to ``closing``, and what follows it; the beginning of the tag is held."""
        end = _find(text, closing)
        if end >= 0:
            self._closing, self._may_open, self._has_begun = "", True, True
            return text[:end], text[end + len(closing) :]
        start = len(text) - _overlap(text, closing)
        self._held = text[start:]
        return text[:start], ""

    def _opening(self, text: str) -> str | None:
        """Return the tag at the beginning of ``text``; empty if there is none, ``None`` if one may still come."""
        # A server that separates thoughts by itself may leave the closing tag in the answer.
        answers = (tag for tag in _ANSWERS if self._has_thoughts or tag != _BEHIND_THOUGHTS)
        candidates = (*_OPENINGS, *answers, *(() if self._has_begun else _CLOSINGS))
        start = text[:_LONGEST].lower()
        for tag in candidates:
            if start.startswith(tag):
                return tag
        return None if any(tag.startswith(start) for tag in candidates) else ""


def _without_opening(text: str) -> tuple[str, str] | None:
    """Return the thought and the rest of an answer whose opening tag stood in the prompt."""
    found = [(at, closing) for closing in _CLOSINGS if (at := _find(text, closing)) >= 0]
    if not found:
        return None
    at, closing = min(found)
    rest = text[at + len(closing) :]
    if _opening_before(text, at) or not rest.startswith("\n"):
        return None
    return text[:at], rest


def _opening_before(text: str, end: int) -> bool:
    return any(0 <= _find(text, opening) < end for opening in _OPENINGS)


def _find(text: str, tag: str) -> int:
    """Return where ``tag`` stands in ``text``, in any case; -1 if nowhere."""
    found = re.search(re.escape(tag), text, re.IGNORECASE)
    return found.start() if found else -1


def _overlap(text: str, tag: str) -> int:
    """Return how many characters at the end of ``text`` may begin ``tag``."""
    longest = min(len(text), len(tag) - 1)
    return next((size for size in range(longest, 0, -1) if tag.startswith(text[-size:].lower())), 0)
