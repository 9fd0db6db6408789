"""The argument text of one function call while it streams: what of it may be shown at once, and what it comes to. Pure.

Text is shown as it comes once it has begun an object. Text that begins otherwise (``null``, ``[]``, an object that was
encoded twice, an empty object that stands in for later arguments) is held until it is known which object it stands for.
When the object is complete, blanks and the same object said again are not shown. So what is shown, kept and executed is one text.
"""

import re

from providers.text.arguments import object_of, returnable
from providers.text.cleaning import joined

#: What stands for no arguments, before the arguments themselves.
_PLACEHOLDERS = re.compile(r"\A\s*+(?:(?:null|\"\"|\[\s*\]|\{\s*\})\s*)+(?=\{)")
#: Characters in which the object's end is looked for. Longer arguments are understood at their end alone.
_LONGEST_SEARCH = 250_000

#: Text that may still turn out to be placeholders, and its most characters.
_MAYBE_PLACEHOLDERS = re.compile(r"\A\s*+(?:(?:null|\"\"|\[\s*\]|\{\s*\})\s*)*(?:n|nu|nul|\"|\[\s*|\{\s*)?")
_LONGEST_PLACEHOLDERS = 200

_MARKS = re.compile(r'"|[{\[]+|[}\]]+')
_IN_STRING = re.compile(r'(?:[^"\\]+|\\.)*', re.DOTALL)


class ArgumentStream:
    """The argument text of one call."""

    __slots__ = ("_extra", "_held", "_is_odd", "_object", "_shown")

    def __init__(self) -> None:
        self._held: list[str] = []
        #: Whether the held text is neither an object's beginning nor a placeholder.
        self._is_odd = False
        self._shown: list[str] = []
        self._extra: list[str] = []
        self._object = _ObjectEnd()

    @property
    def shown(self) -> str:
        """The text that has been shown."""
        return joined(self._shown)

    @property
    def raw(self) -> str:
        """All text that came, except placeholders that were dropped."""
        return self.shown + joined(self._held) + joined(self._extra)

    @property
    def is_object(self) -> bool:
        """Whether a whole JSON object has come, as it is or said twice. More text may follow."""
        if self._shown and self._object.is_open:
            return False
        return _is_object(self.shown or joined(self._held))

    def take(self, piece: str) -> str:
        """Take more text; return what of it to show now."""
        if self._extra:
            self._extra.append(piece)
            return ""
        if not self._shown:
            self._held.append(piece)
            piece = "" if self._is_odd else self._released()
        return self._show(piece) if piece else ""

    def end(self) -> str:
        """Note that the arguments have come to their end; return the rest to show."""
        if self._extra:
            extra, self._extra = "".join(self._extra), []
            return "" if _repeats(self.shown, extra) else self._add(extra)
        if self._shown:
            return ""
        held = self._take_held()
        if object_of(held) is None:
            return self._add(held)
        return self._add(returnable(held))

    def cut(self) -> str:
        """Note that the answer was cut, maybe within the arguments; return the rest to show."""
        if self.is_object:
            return self.end()
        return self._add(self._take_held())

    def complete(self, whole: str) -> str:
        """Take the whole text, which pieces may have said already; return what of it to show now."""
        raw = self.raw
        if not self._shown and object_of(raw) is None and object_of(whole) is not None:
            # GitHub Copilot streams the pieces in cipher.
            self._held, self._is_odd = [], False
            return self.take(whole)
        return self.take(whole[len(raw) :]) if len(whole) > len(raw) and whole.startswith(raw) else ""

    def _released(self) -> str:
        """Return the held text if it begins an object that has content, else nothing."""
        held = "".join(self._held)
        if placeholders := _PLACEHOLDERS.match(held):
            held = held[placeholders.end() :]
        self._held = [held]
        if len(held) <= _LONGEST_PLACEHOLDERS and _MAYBE_PLACEHOLDERS.fullmatch(held):
            return ""
        self._is_odd = not held.lstrip().startswith("{")
        return "" if self._is_odd else self._take_held()

    def _take_held(self) -> str:
        held, self._held = "".join(self._held), []
        return held

    def _show(self, piece: str) -> str:
        if self._object.is_complete:
            end = 0
        elif (end := self._object.find(piece)) < 0:
            return self._add(piece)
        if extra := piece[end:]:
            self._extra.append(extra)
        return self._add(piece[:end])

    def _add(self, text: str) -> str:
        if text:
            self._shown.append(text)
        return text


class _ObjectEnd:
    """Finds where the first object of a text ends, without parsing the text again for each piece."""

    __slots__ = ("_depth", "_escaped", "_in_string", "_searched", "is_complete")

    def __init__(self) -> None:
        self._depth = 0
        self._in_string = False
        self._escaped = False
        self._searched = 0
        self.is_complete = False

    @property
    def is_open(self) -> bool:
        """Whether the object certainly has not ended."""
        return not self.is_complete and self._searched <= _LONGEST_SEARCH

    def find(self, piece: str) -> int:
        """Return the position behind the object's last brace, -1 if it is not in ``piece``."""
        self._searched += len(piece)
        if self._searched > _LONGEST_SEARCH:
            return -1
        at = 0
        while at < len(piece):
            if self._in_string:
                at = self._leave_string(piece, at)
                continue
            mark = _MARKS.search(piece, at)
            if mark is None:
                return -1
            at = mark.end()
            if mark[0] == '"':
                self._in_string = True
            elif mark[0][0] in "{[":
                self._depth += at - mark.start()
            elif (depth := self._depth - (at - mark.start())) > 0:
                self._depth = depth
            else:
                self.is_complete = True
                return at + depth
        return -1

    def _leave_string(self, piece: str, at: int) -> int:
        if self._escaped:
            self._escaped = False
            at += 1
        match = _IN_STRING.match(piece, at)
        at = match.end() if match else at
        if at < len(piece):
            # A quotation mark, or a backslash whose character comes with the next piece.
            self._escaped = piece[at] == "\\"
            self._in_string = self._escaped
            at += 1
        return at


def _is_object(text: str) -> bool:
    return object_of(text) is not None and returnable(text) == text.strip()


def _repeats(whole: str, extra: str) -> bool:
    """Return whether ``extra`` says ``whole`` again, the last time maybe not to its end, or says nothing."""
    if not extra.strip():
        return True
    value = object_of(whole)
    if value is None:
        return False
    if object_of(whole + extra) is not None or object_of(extra) in ({}, value):
        return True
    plain, again = whole.strip(), extra.strip()
    return bool(plain) and (plain * (len(again) // len(plain) + 1)).startswith(again)
