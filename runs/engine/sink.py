"""The event sink of one step. It writes events to the log and keeps the traces until the step's end."""

from collections.abc import Callable
from uuid import UUID

from providers.call.sink import EventSink
from providers.types.events import ModelEvent, RetryScheduled
from providers.types.trace import TraceRecord
from runs.log import agui
from runs.log.journal import Journal, RunLog
from runs.usage.budget import BudgetMeter


class StepTraces:
    """Keeps the traces of one step until they are stored with its end."""

    def __init__(self) -> None:
        self.traces: list[TraceRecord] = []

    def record(self, trace: TraceRecord) -> None:
        """Keep a trace."""
        self.traces.append(trace)


class StepSink(EventSink):
    """Translates a step's model events and writes them to the log."""

    def __init__(
        self,
        journal: Journal,
        log: RunLog,
        name: str,
        message_id: UUID,
        *,
        budget: BudgetMeter,
        on_spent: Callable[[], None],
    ) -> None:
        """Take the log, the step's name and message id, and a function to call when the budget is spent."""
        super().__init__()
        self._journal = journal
        self._log = log
        self._budget = budget
        self._on_spent = on_spent
        self._has_flushed = False
        self.events = agui.StepEvents(
            name,
            message_id,
            write=lambda event: journal.append(log, event),
            delta=lambda head, text: journal.extend(log, head, text),
        )

    def take(self, event: ModelEvent) -> None:
        """Write one event. The first output and a retry are committed at once, not at the next interval."""
        self.events.feed(event)
        if self._budget.is_limited:
            self._budget.observe(event)
            if self._budget.is_spent:
                self._on_spent()
        if isinstance(event, RetryScheduled):
            self._journal.commit_now()
        elif self.has_spoken and not self._has_flushed:
            self._has_flushed = True
            self._journal.commit_now()

    async def wait_for_room(self) -> None:
        """Wait while too many events are uncommitted.

        Raises:
            Fenced: another process took the run over, or its log could not be written.
        """
        await self._journal.ready(self._log)
