"""The event sink of one step. It writes events to the log and keeps traces and files until the step's end."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from uuid import UUID

from concurrency.tasks import spawn
from concurrency.threads import readers
from providers.call.sink import EventSink
from providers.types.events import ModelEvent, ProviderItem, RetryScheduled
from providers.types.trace import TraceRecord
from runs.engine.file_commits import commit_with_files
from runs.log import agui
from runs.log.journal import Fenced, Journal
from runs.log.run_log import RunLog
from runs.store import embedded, made
from runs.store import files as stored_files
from runs.store.embedded import Embedded
from runs.store.made import MadeFile, NotKept
from runs.usage.budget import BudgetMeter

logger = logging.getLogger("runnel.engine")


class StepTraces:
    """Keeps the traces of one step until they are stored with its end."""

    def __init__(self) -> None:
        self.traces: list[TraceRecord] = []

    def record(self, trace: TraceRecord) -> None:
        """Keep a trace."""
        self.traces.append(trace)


class StepSink(EventSink):
    """Translates a step's model events and writes them to the log.

    A file inside an item (a picture, speech) is stored first, and the item's event holds a link to it; or a note,
    if its owner may store no more. Later events wait for that. ``settle`` returns when nothing waits any more.
    """

    def __init__(
        self,
        journal: Journal,
        log: RunLog,
        name: str,
        message_id: UUID,
        *,
        owner_id: int,
        budget: BudgetMeter,
        on_spent: Callable[[], None],
    ) -> None:
        """Take the log, the step's name and message id, the owner, and a function to call when the budget is spent."""
        super().__init__()
        self._journal = journal
        self._log = log
        self._owner_id = owner_id
        self._budget = budget
        self._on_spent = on_spent
        self._has_flushed = False
        #: The task that stores an item's files, and the events that wait for it.
        self._storing: asyncio.Task[None] | None = None
        self._held: list[ModelEvent] = []
        #: The files of the step, each with the text of the answer that it stands for.
        self.files: list[tuple[Embedded, MadeFile | NotKept]] = []
        if budget.is_limited:
            # Once for each commit: pricing takes many times as long as writing an event.
            log.before_commit = self._stop_if_spent
        self.events = agui.StepEvents(
            name,
            message_id,
            write=lambda event: journal.append(log, event),
            delta=lambda head, text: journal.extend(log, head, text),
        )

    def take(self, event: ModelEvent) -> None:
        """Write one event, or hold it while the files of an earlier one are stored."""
        if self._budget.is_limited:
            self._budget.observe(event)
        self._write_or_hold(event)

    def _write_or_hold(self, event: ModelEvent) -> None:
        if self._storing is not None:
            self._held.append(event)
        elif self.failure is None:
            self._write(event)

    def _write(self, event: ModelEvent) -> None:
        """Write one event. The first output and a retry are committed at once, not at the next interval."""
        if isinstance(event, ProviderItem) and (found := embedded.find(event.kind, event.data)):
            self._storing = spawn(self._store(event, found), name="files of an answer")
            return
        self.events.feed(event)
        if isinstance(event, RetryScheduled):
            self._journal.commit_now()
        elif self.has_spoken and not self._has_flushed:
            self._has_flushed = True
            self._journal.commit_now()

    async def _store(self, item: ProviderItem, found: list[Embedded]) -> None:
        try:
            await self._write_with_files(item, found)
        except Fenced as lost:
            self.failure = lost
        except Exception:
            # The person sees that there is something, and the provider gets it back.
            logger.exception("the files of an answer could not be stored")
            self.events.feed(item)
        self._storing = None
        held, self._held = self._held, []
        for event in held:
            self._write_or_hold(event)

    async def _write_with_files(self, item: ProviderItem, found: list[Embedded]) -> None:
        room = await readers.run(stored_files.room, self._owner_id)
        files = await asyncio.to_thread(_save, found, room)
        kept = [file for _, file in files if isinstance(file, MadeFile)]
        texts = {each.text: file.in_place for each, file in files}
        event = agui.provider_item(
            item.kind, embedded.replaced(item.data, texts), [file.shown() for file in kept]
        )

        await commit_with_files(self._journal, self._log, event, kept, owner_id=self._owner_id)
        self.files += files

    def _stop_if_spent(self) -> None:
        if self._budget.is_spent:
            self._on_spent()

    def close(self) -> None:
        """Close all open events, then the step."""
        self._log.before_commit = None
        self.events.finish()

    async def wait_for_room(self) -> None:
        """Wait while files are stored or too many events are uncommitted.

        Raises:
            Fenced: another process took the run over, or its log could not be written.
        """
        await self.settle()
        await self._journal.ready(self._log)

    async def settle(self) -> None:
        """Return when the files of the step are stored and the events behind them are written.

        Raises:
            Fenced: another process took the run over, or its log could not be written.
        """
        while self._storing is not None:
            await asyncio.shield(self._storing)
        if isinstance(self.failure, Fenced):
            raise self.failure


def _save(found: list[Embedded], room: int) -> list[tuple[Embedded, MadeFile | NotKept]]:
    """Write the files to the storage, as far as their bytes fit into ``room``; blocks.

    A text that turns out to be no Base64 is no file.
    """
    files: list[tuple[Embedded, MadeFile | NotKept]] = []
    try:
        for each in found:
            with suppress(ValueError):
                file = _save_one(each, room)
                files.append((each, file))
                room -= file.size if isinstance(file, MadeFile) else 0
    except OSError:
        for _, file in files:
            if isinstance(file, MadeFile):
                made.discard(file)
        raise
    return files


def _save_one(each: Embedded, room: int) -> MadeFile | NotKept:
    content = each.content
    if len(content) > room:
        return NotKept(in_place=made.NO_ROOM)
    return made.save_content(content, mime_type=each.mime_type)
