"""Changes bytes as a network or a proxy may change them; the same for every provider. Pure.

A *treatment* takes the frames of one speech and returns the pieces in which they are sent.
"""

import re
from collections.abc import Callable, Iterable

type Treatment = Callable[[bytes], Iterable[bytes]]

#: A comment in an event stream; every reader must skip it.
COMMENT = b": keep-alive\n\n"

#: The page that a proxy or a sign-in wall sends instead of an answer.
PAGE = b"""\
<!DOCTYPE html>
<html><head><title>Sign in to the network</title></head>
<body><h1>Sign in</h1><p>Your session on this network has ended.</p></body></html>
"""

_DATA = re.compile(rb"data: (\{[^\r\n]*)")

#: Matches before each UTF-8 continuation byte.
_INSIDE_CHARACTERS = re.compile(rb"(?=[\x80-\xbf])")


def byte_by_byte(frames: bytes) -> Iterable[bytes]:
    """Cut ``frames`` into single bytes."""
    return (frames[place : place + 1] for place in range(len(frames)))


def inside_characters(frames: bytes) -> Iterable[bytes]:
    """Cut ``frames`` inside every character that has more than one byte."""
    return _INSIDE_CHARACTERS.split(frames)


def with_crlf(frames: bytes) -> Iterable[bytes]:
    """Return ``frames`` with CRLF at the end of each line."""
    return (frames.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"),)


def garbled(frames: bytes) -> Iterable[bytes]:
    """Return ``frames`` with only half the JSON of the first event."""
    return (_DATA.sub(lambda data: data[0][: 6 + len(data[1]) // 2], frames, count=1),)


def padded(size: int) -> Treatment:
    """Return a treatment that pads the first event's JSON with ``size`` bytes of spaces."""
    padding = b"data: {" + b" " * size

    def treatment(frames: bytes) -> Iterable[bytes]:
        return (_DATA.sub(lambda data: padding + data[1][1:], frames, count=1),)

    return treatment
