"""Bounds and joins the lines that an MCP server's process writes.

The library joins a line piece by piece without a limit, which takes a time that grows with the square of its length.
So it decodes a process's output by the codec ``ENCODING``, whose decoder passes on whole lines only, and replaces a line
beyond ``RUNNEL_MCP_ANSWER_MB`` by an error for the request that the line answers.
"""

import codecs
import json
import re

from django.conf import settings

from runs.toolbox.mcp.trouble import ABOUT, Kind, Trouble

#: The name of the codec. It encodes as UTF-8 does.
ENCODING = "runnel-mcp-lines"

#: Bytes of a line that is too long in which its request's id is looked for, at each of its ends.
_KEPT = 4_096
_ID = rb'"id"\s*:\s*("(?:[^"\\]|\\.){0,200}"|-?\d{1,20})'
_VERSION = rb'"jsonrpc"\s*:\s*"[^"]{1,9}"'
#: Where the id of an answer stands: among its first fields or its last ones, never inside the result.
_AT_START = re.compile(rb"\A\s*\{(?:\s*" + _VERSION + rb"\s*,)?\s*" + _ID)
_NO_ANSWER = re.compile(rb"\A\s*\{(?:\s*" + _VERSION + rb"\s*,)?(?:\s*" + _ID + rb'\s*,)?\s*"method"')
_AT_END = re.compile(_ID + rb"\s*(?:,\s*" + _VERSION + rb"\s*)?\}\s*$")
#: A notification that the library ignores.
_IGNORED = b'{"jsonrpc":"2.0","method":"notifications/runnel/ignored"}'


class LineDecoder(codecs.IncrementalDecoder):
    """Decodes UTF-8, wrong bytes replaced. Returns whole lines only."""

    def __init__(self, errors: str = "replace") -> None:
        super().__init__(errors)
        self._longest = settings.RUNNEL_MCP_ANSWER_MB * 2**20
        self._pieces: list[bytes] = []
        self._held = 0
        #: The beginning of a line that is too long; its end is in ``_pieces``.
        self._start: bytes | None = None

    def decode(self, input: bytes, final: bool = False) -> str:  # type: ignore[override]
        """Return the lines that ``input`` completes, each with its end; empty if none."""
        whole, end, rest = bytes(input).rpartition(b"\n")
        lines = []
        if end:
            first, *others = whole.split(b"\n")
            self._hold(first)
            lines = [self._line(), *(self._bounded(line) for line in others)]
        self._hold(rest)
        return b"".join(line + b"\n" for line in lines).decode(errors="replace")

    def _hold(self, piece: bytes) -> None:
        if not piece:
            return
        self._pieces.append(piece)
        self._held += len(piece)
        if self._held > self._longest or self._start is not None:
            held = b"".join(self._pieces)
            self._start = held[:_KEPT] if self._start is None else self._start
            self._pieces = [held[-_KEPT:]]
            self._held = len(self._pieces[0])

    def _line(self) -> bytes:
        """Return the line that has just ended."""
        held, start = b"".join(self._pieces), self._start
        self._pieces, self._held, self._start = [], 0, None
        return held if start is None else _instead(start, held)

    def _bounded(self, line: bytes) -> bytes:
        return line if len(line) <= self._longest else _instead(line[:_KEPT], line[-_KEPT:])


def _instead(start: bytes, end: bytes) -> bytes:
    """Return an error for the request that a too long line with this ``start`` and ``end`` answers."""
    if _NO_ANSWER.match(start):
        return _IGNORED
    found = _AT_START.match(start) or _AT_END.search(end)
    about = Trouble(kind=Kind.TOO_LONG, detail=f"{settings.RUNNEL_MCP_ANSWER_MB} MB").as_json()
    error = {"code": -32603, "message": "", "data": {ABOUT: about}}
    message = {"jsonrpc": "2.0", "id": json.loads(found[1]) if found else None, "error": error}
    return json.dumps(message).encode()


def _codec(name: str) -> codecs.CodecInfo | None:
    if name.replace("_", "-") != ENCODING:
        return None
    utf_8 = codecs.lookup("utf-8")
    return codecs.CodecInfo(utf_8.encode, utf_8.decode, incrementaldecoder=LineDecoder, name=ENCODING)


codecs.register(_codec)
