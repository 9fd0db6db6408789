"""What one step's provider calls write to: the log, and the traces that are committed with the step's end."""

from collections.abc import Callable
from dataclasses import replace
from uuid import UUID

from providers.types.events import ModelEvent, ResponseStarted, RetryScheduled, UsageSeen
from providers.types.trace import TraceRecord, TraceStatus
from runs.log import agui
from runs.log.journal import Journal, RunLog
from runs.states import StopReason
from runs.usage.ledger import Meter


class StepTraces:
    """Keeps the traces of one step until they are committed with its end."""

    def __init__(self) -> None:
        self.traces: list[TraceRecord] = []

    def record(self, trace: TraceRecord) -> None:
        """Take a trace."""
        self.traces.append(trace)

    def time_is_up(self, sentence: str) -> None:
        """Let the last call be one that took too long: to the adapter a limit looks like a cancel."""
        if self.traces and self.traces[-1].status is TraceStatus.CANCELLED:
            self.traces[-1] = replace(
                self.traces[-1],
                status=TraceStatus.FAILED,
                error_code=StopReason.TIMEOUT.value,
                error={"shown": sentence, "watchdog": "run"},
                stream_was_cancelled=False,
            )


class StepSink:
    """Where a step's model events go: translated, straight into the log."""

    def __init__(
        self,
        journal: Journal,
        log: RunLog,
        name: str,
        message_id: UUID,
        *,
        meter: Meter,
        on_spent: Callable[[], None],
    ) -> None:
        """Take the log, the step's name and its message's id, and whom to tell when the budget is spent."""
        self._journal = journal
        self._log = log
        self._meter = meter
        self._on_spent = on_spent
        self._spoke = False
        self.events = agui.StepEvents(
            name,
            message_id,
            write=lambda event: journal.append(log, event),
            delta=lambda head, text: journal.extend(log, head, text),
        )

    def write(self, event: ModelEvent) -> None:
        """Take one event; what somebody waits for does not wait for the commit interval."""
        self.events.feed(event)
        if self._meter.is_limited:
            self._meter.hear(event)
            if self._meter.is_spent:
                self._on_spent()
        if isinstance(event, RetryScheduled):
            self._journal.hurry()
        elif not self._spoke and not isinstance(event, ResponseStarted | UsageSeen):
            self._spoke = True
            self._journal.hurry()

    async def ready(self) -> None:
        """Wait while the log is too far behind; raise ``LogLost`` when it is ours no more."""
        await self._journal.ready(self._log)
