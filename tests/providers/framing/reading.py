"""How the tests read bytes as an event stream, and what they expect of it."""

from typing import Any

from providers.framing.event_data import StreamEvent
from providers.framing.event_stream import EventStream

MARK = b"\xef\xbb\xbf"
A, B = {"a": 1}, {"b": "zwei"}
ERROR = {"error": {"message": "Out of paper", "code": 507}}


def read(*pieces: bytes, **options: Any) -> tuple[list[StreamEvent], EventStream]:
    stream = EventStream(**{"longest_event": 100_000, **options})
    events: list[StreamEvent] = []
    for piece in pieces:
        events += stream.feed(piece)
    return events + stream.finish(), stream


def plain(*data: object) -> list[StreamEvent]:
    return [("", value) for value in data if isinstance(value, dict)]
