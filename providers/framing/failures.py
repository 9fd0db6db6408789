"""Why the rest of an answer's bytes cannot be read as events. ``providers.call.event_errors`` makes errors of these."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TooLong:
    """An event has more bytes than are accepted."""

    #: Bytes.
    limit: int


@dataclass(frozen=True, slots=True)
class Unreadable:
    """The data of an event is no JSON."""

    #: The event's name; empty without one.
    name: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Damaged:
    """A binary frame is not what its checksums or its form say."""

    #: A sentence for the admin.
    why: str


type FramingFailure = TooLong | Unreadable | Damaged
