"""What can happen to bytes on their way, whatever provider they are from. Pure.

A *treatment* takes the frames of one speech and returns the pieces in which they are sent.
"""

import re
from collections.abc import Callable, Iterable

type Treatment = Callable[[bytes], Iterable[bytes]]

#: An event stream's way to say nothing; every reader must skip it.
COMMENT = b": keep-alive\n\n"

#: What a proxy or a sign-in wall sends instead of an answer.
PAGE = b"""\
<!DOCTYPE html>
<html><head><title>Sign in to the network</title></head>
<body><h1>Sign in</h1><p>Your session on this network has ended.</p></body></html>
"""

_DATA = re.compile(rb"data: (\{[^\r\n]*)")

#: Before each byte that goes on with a character.
_INSIDE_CHARACTERS = re.compile(rb"(?=[\x80-\xbf])")


def byte_by_byte(frames: bytes) -> Iterable[bytes]:
    """Cut ``frames`` into single bytes."""
    return (frames[place : place + 1] for place in range(len(frames)))


def inside_characters(frames: bytes) -> Iterable[bytes]:
    """Cut ``frames`` inside every character that has more than one byte."""
    return _INSIDE_CHARACTERS.split(frames)


def with_crlf(frames: bytes) -> Iterable[bytes]:
    """Return ``frames`` with the line ends of Windows."""
    return (frames.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"),)


def garbled(frames: bytes) -> Iterable[bytes]:
    """Return ``frames`` with only half the JSON of the first event."""
    return (_DATA.sub(lambda data: data[0][: 6 + len(data[1]) // 2], frames, count=1),)


def padded(size: int) -> Treatment:
    """Return what makes the first event one line of more than ``size`` bytes, with the same meaning."""
    padding = b"data: {" + b" " * size

    def treatment(frames: bytes) -> Iterable[bytes]:
        return (_DATA.sub(lambda data: padding + data[1][1:], frames, count=1),)

    return treatment
