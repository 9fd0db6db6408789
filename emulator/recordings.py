"""Recorded response bodies from a folder. The name of the model selects one and says how to cut it.

``recording/<stem>`` is ``<folder>/<wire>/<stem>.sse`` in one piece. ``recording/<stem>~<n>`` is the
same in uneven pieces of about ``n`` bytes. ``error/<provider>/<stem>`` is a recorded error.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

RECORDING = "recording/"
ERROR = "error/"


@dataclass(frozen=True, kw_only=True, slots=True)
class RecordedStream:
    """A streamed body and the pieces in which to send it."""

    pieces: tuple[bytes, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class RecordedError:
    """An error body with its HTTP status."""

    status: int
    content_type: str
    body: bytes


class Recordings:
    """The recordings below one folder; there are none without a folder."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    def find(self, model: str, *, wire: str) -> RecordedStream | RecordedError | None:
        """Return the recording that ``model`` names, or ``None`` if there is none inside the folder."""
        if model.startswith(ERROR):
            provider, _, stem = model.removeprefix(ERROR).partition("/")
            found = self._read("errors", provider, f"{stem}.json")
            return None if found is None else _parse_error(found)
        if not model.startswith(RECORDING):
            return None
        stem = model.removeprefix(RECORDING)
        whole = self._read(wire, f"{stem}.sse")
        if whole is not None:
            return RecordedStream(pieces=(whole,))
        stem, _, size = stem.rpartition("~")
        found = self._read(wire, f"{stem}.sse")
        if found is None or not (size.isascii() and size.isdigit() and int(size)):
            return None
        return RecordedStream(pieces=tuple(_cut(found, int(size))))

    def _read(self, *names: str) -> bytes | None:
        # Names without separators, and not made of dots only, cannot lead out of the folder on any system.
        if self._folder is None or any(not name or set(name) & set("/\\:\0") for name in names):
            return None
        if any(name.strip(".") == "" for name in names):
            return None
        path = self._folder.joinpath(*names)
        return path.read_bytes() if path.is_file() else None


def _parse_error(text: bytes) -> RecordedError:
    record = json.loads(text)
    body = record["body"]
    return RecordedError(
        status=record["status"],
        content_type=record.get("content_type") or "application/json",
        body=(body if isinstance(body, str) else json.dumps(body)).encode(),
    )


def _cut(data: bytes, size: int) -> Iterator[bytes]:
    """Yield ``data`` in uneven pieces, so that cuts fall inside lines and characters too. ``size``: bytes."""
    sizes = cycle((size, size + 1, 1, 2 * size + 1))
    start = 0
    while start < len(data):
        end = start + next(sizes)
        yield data[start:end]
        start = end
