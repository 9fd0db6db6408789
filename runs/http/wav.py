"""Puts a header before samples of sound, so that a browser plays them. Pure."""

import re
import struct

_PARAMETER = re.compile(r"\b(rate|channels)=(\d{1,6})", re.ASCII)
#: Bytes of a header, and the most that its 32-bit fields can count behind themselves.
HEADER_BYTES = 44
_MOST = 2**32 - 1


def is_raw(mime_type: str) -> bool:
    """Return whether a file of this type is 16-bit samples without a header."""
    return re.match(r"audio/(l16|pcm)\b", mime_type, re.IGNORECASE) is not None


def header(mime_type: str, size: int) -> bytes:
    """Return the header of a WAVE file.

    Args:
        mime_type: the type of the samples; ``rate`` (24,000) and ``channels`` (1) are read from it.
        size: bytes of the samples.
    """
    said = {name: int(value) for name, value in _PARAMETER.findall(mime_type.lower())}
    rate, channels = said.get("rate") or 24_000, said.get("channels") or 1
    channels = min(channels, 8)
    return struct.pack(
        "<4sI4s4sIHHIIHH4sI",
        *(b"RIFF", min(size + HEADER_BYTES - 8, _MOST), b"WAVE"),
        *(b"fmt ", 16, 1, channels, rate, rate * channels * 2, channels * 2, 16),
        *(b"data", min(size, _MOST)),
    )
