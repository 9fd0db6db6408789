"""A journal on the real database, and what it says was committed."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from concurrency.threads import readers
from runs.log import agui
from runs.log.journal import Journal
from runs.log.packing import unpack
from runs.log.run_log import Committed, RunLog
from runs.models import Run, RunEvent
from runs.states import RunStatus
from tests.runs.conftest import Person
from tests.runs.rows import make_run, stored_frames

HEAD = agui.head("TEXT_MESSAGE_CONTENT", "messageId", "m")
OTHER_HEAD = agui.head("TEXT_MESSAGE_CONTENT", "messageId", "n")


def custom(value: Any) -> agui.Event:
    return {"type": "CUSTOM", "name": "test", "value": value}


@dataclass
class Book:
    """A journal, and what it said was committed."""

    journal: Journal
    owner: Any
    heard: list[Committed] = field(default_factory=list)

    async def open(self) -> RunLog:
        run = await readers.run(lambda: make_run(owner=self.owner, status=RunStatus.RUNNING))
        return self.journal.open(run.pk, fence=0, last_seq=0)

    async def frames(self, log: RunLog) -> list[Any]:
        """Return the parsed log of a run, and check its numbers against its rows and the run's own."""
        await self.journal.execute(lambda: None)

        def read() -> list[Any]:
            last = 0
            for row in RunEvent.objects.filter(run_id=log.run_id).order_by("first_seq"):
                assert row.first_seq == last + 1
                assert row.last_seq == last + len(unpack(log.run_id, row.packed))
                last = row.last_seq
            assert Run.objects.get(pk=log.run_id).last_seq == last
            return list(map(json.loads, stored_frames(log.run_id)))

        frames = await readers.run(read)
        assert [frame["seq"] for frame in frames] == list(range(1, len(frames) + 1))
        assert {frame["run_id"] for frame in frames} <= {str(log.run_id)}
        return frames

    async def events(self, log: RunLog) -> list[Any]:
        return [frame["event"] for frame in await self.frames(log)]

    def told(self, log: RunLog) -> list[str]:
        """Return the frames that were published of a run."""
        return [frame for batch in self.heard if batch.run_id == log.run_id for frame in batch.frames]


@pytest.fixture
async def book(ada: Person) -> AsyncIterator[Book]:
    heard: list[Committed] = []
    journal = Journal(interval=0.005, on_commit=heard.append)
    yield Book(journal, ada.user, heard)
    await journal.close()
    await readers.close()
