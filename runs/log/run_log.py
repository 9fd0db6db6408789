"""What the journal knows of one live run's log: its numbers, and the events that wait for a commit."""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from uuid import UUID

import orjson

from runs.log.writer import Append, NewestRow


@dataclass(slots=True)
class Delta:
    """A delta event that grows until it is committed; ``head`` is its JSON up to the text."""

    head: str
    pieces: list[str]
    size: int


@dataclass(slots=True, eq=False)
class RunLog:
    """The state of one live run's log in this process."""

    run_id: UUID
    fence: int
    #: The last seq that was passed to a commit.
    seq: int = 0
    pending: list[str | Delta] = field(default_factory=list)
    #: Characters of ``pending``.
    pending_size: int = 0
    #: Set when the log may not or could not be written; later commits raise ``Fenced``.
    lost: bool = False
    #: Called on the event loop at the start of each commit of pending events.
    before_commit: Callable[[], None] | None = None
    #: Cleared while ``pending_size`` is above ``MAX_PENDING``.
    drained: asyncio.Event = field(default_factory=asyncio.Event)
    #: Where the writer adds the next events.
    newest_row: NewestRow = field(default_factory=NewestRow)

    def __post_init__(self) -> None:
        self.drained.set()

    def take(self, items: Iterable[str | Delta]) -> Append:
        """Give ``items`` their seq numbers and return what is to be written."""
        first_seq = self.seq + 1
        events = [item if isinstance(item, str) else _joined(item) for item in items]
        self.seq += len(events)
        return Append(self.run_id, self.fence, first_seq, events, self.newest_row)


def _joined(delta: Delta) -> str:
    return f"{delta.head}{orjson.dumps(''.join(delta.pieces)).decode()}}}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Committed:
    """Consecutive committed frames of one run."""

    run_id: UUID
    first_seq: int
    last_seq: int
    frames: list[str]
