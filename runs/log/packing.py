"""How events are packed into a row of the log, and how the frames that viewers get are made of them again.

A frame repeats much: a token of 4 characters travels in 160 bytes. A row holds only what cannot be computed.
The frame around an event follows from the run and the seq. A delta that continues the message of the event
before it is stored as its text. This module does no I/O, and what it unpacks is equal to what was packed, byte
for byte.

A packed row is a sequence of entries, as UTF-8. JSON contains neither of the two control characters:

- ``WHOLE`` and the JSON text of an event.
- ``MORE`` and the text of a delta, as in JSON but without its quotes: the same event as the one before it
  except for this text.

A row of a compact log is compressed. Rows of earlier versions hold frames, one JSON text per line. ``unpack``
reads all of these.
"""

from collections.abc import Iterable
from uuid import UUID

from providers.packing.compression import decompressed

WHOLE, MORE = "\x1e", "\x1f"

#: The first bytes of a Zstandard frame (RFC 8878, section 3.1.1), which is no UTF-8.
_COMPRESSED = b"\x28\xb5\x2f\xfd"

_DELTA = ',"delta":"'
_END = '"}'


def frame_head(run_id: UUID) -> str:
    """Return the beginning of all frames of a run, up to the seq."""
    return f'{{"type":"event","run_id":"{run_id}","seq":'


def frames(head: str, first_seq: int, events: Iterable[str]) -> list[str]:
    """Return the server frames of consecutive events.

    Args:
        head: the ``frame_head`` of the run.
        first_seq: the seq of the first event.
        events: JSON texts.
    """
    return [f'{head}{seq},"event":{event}}}' for seq, event in enumerate(events, first_seq)]


def pack(events: Iterable[str], before: str = "") -> tuple[str, str]:
    """Return the packed events, and the head of the last one.

    Args:
        events: JSON texts, as ``orjson`` writes them.
        before: the head that the last call returned, if these events are added to the same row. A head is the
            part of a delta event before its text; it is empty if the event is no delta.
    """
    entries = []
    for event in events:
        head = _head(event)
        if head and head == before:
            entries.append(f"{MORE}{event[len(head) : -len(_END)]}")
        else:
            entries.append(f"{WHOLE}{event}")
        before = head
    return "".join(entries), before


def is_compressed(packed: bytes | memoryview | str) -> bool:
    """Return whether the events of a row are compressed."""
    return packed[: len(_COMPRESSED)] == _COMPRESSED


def unpack(run_id: UUID, packed: bytes | memoryview | str) -> list[str]:
    """Return the events of a row as JSON texts.

    Raises:
        ValueError: the row holds something else than events of this run.
    """
    if isinstance(packed, str):
        text = packed
    else:
        text = str(decompressed(bytes(packed)) if is_compressed(packed) else packed, "utf-8")
    if not text.startswith(WHOLE):
        return [_event(run_id, frame) for frame in text.split("\n")]
    events = []
    for entry in text[1:].split(WHOLE):
        event, *more = entry.split(MORE)
        events.append(event)
        if more:
            head = _head(event)
            events += [f"{head}{text}{_END}" for text in more]
    return events


def _head(event: str) -> str:
    """Return a delta event up to its text, an empty string for another event."""
    place = event.find(_DELTA)
    return event[: place + len(_DELTA)] if place > 0 and event.endswith(_END) else ""


def _event(run_id: UUID, frame: str) -> str:
    """Return the event of a frame."""
    before, found, event = frame.partition(',"event":')
    if not (found and before.startswith(frame_head(run_id)) and event.endswith("}")):
        raise ValueError(f"this is no frame of run {run_id}")
    return event[:-1]
