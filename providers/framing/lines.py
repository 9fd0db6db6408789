"""Splits the bytes of an answer into lines, however they are cut into pieces. Pure.

A line ends with LF, CR LF or CR. A byte order mark at the beginning is dropped.
"""

import re

from providers.framing.oddities import Oddity

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_LINE_FEED, _CARRIAGE_RETURN, _COLON = b"\n\r:"
_LINE_END = re.compile(rb"[\r\n]")
_BLANK_LINES = b"\n\n\n"
_FLOOD = re.compile(rb"\n{4,}")


class LineSplitter:
    """Splits one answer. Call ``feed`` with each piece of it, then ``finish``."""

    def __init__(self, oddities: set[Oddity]) -> None:
        """Take the set to which oddities of lines are added."""
        self._oddities = oddities
        #: The first bytes while they may be a byte order mark; ``None`` afterwards.
        self._head: bytes | None = b""
        self._skips_line_feed = False
        self._has_line_end = False
        #: The pieces of the line that has no end yet.
        self._unfinished: list[bytes] = []
        #: Bytes of the line that has no end yet.
        self.held = 0

    @property
    def is_inside_field(self) -> bool:
        """Whether part of a line has come that is no comment."""
        return bool(self._unfinished) and self._unfinished[0][0] != _COLON

    def feed(self, piece: bytes) -> list[bytes]:
        """Return the lines that ``piece``, the next bytes of the answer, completes, without their ends."""
        if self._head is not None:
            piece = self._without_mark(piece)
        if self._skips_line_feed and piece:
            self._skips_line_feed = False
            piece = piece[1:] if piece[0] == _LINE_FEED else piece
        if not piece:
            return []
        if _BLANK_LINES in piece:
            # A flood of blank lines says no more than one.
            piece = _FLOOD.sub(_BLANK_LINES, piece)
        lines = piece.splitlines()
        unfinished = b""
        if (last := piece[-1]) == _CARRIAGE_RETURN:
            self._skips_line_feed = True
        elif last != _LINE_FEED:
            unfinished = lines.pop()
        if not self._has_line_end:
            self._note_line_end(piece)
        if lines and self._unfinished:
            lines[0] = self._take_unfinished() + lines[0]
        if unfinished:
            self._unfinished.append(unfinished)
            self.held += len(unfinished)
        return lines

    def finish(self) -> list[bytes]:
        """Return the last line, if no line end has followed it."""
        if self._head:
            self._unfinished.append(self._head)
        self._head = None
        return [self._take_unfinished()] if self._unfinished else []

    def clear(self) -> None:
        """Forget the line that has no end yet."""
        self._unfinished.clear()
        self.held = 0

    def _take_unfinished(self) -> bytes:
        line = b"".join(self._unfinished)
        self.clear()
        return line

    def _note_line_end(self, piece: bytes) -> None:
        if (end := _LINE_END.search(piece)) is not None:
            self._has_line_end = True
            if end[0] == b"\r":
                self._oddities.add(Oddity.CARRIAGE_RETURN)

    def _without_mark(self, piece: bytes) -> bytes:
        piece = (self._head or b"") + piece
        if len(piece) < len(BYTE_ORDER_MARK) and BYTE_ORDER_MARK.startswith(piece):
            self._head = piece
            return b""
        self._head = None
        if piece.startswith(BYTE_ORDER_MARK):
            self._oddities.add(Oddity.BYTE_ORDER_MARK)
        return piece.removeprefix(BYTE_ORDER_MARK)
