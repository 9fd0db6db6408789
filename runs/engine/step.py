"""One step of a live run: its row, its provider call, and its results to commit."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from uuid import UUID

from django.utils import timezone
from uuid6 import uuid7

from concurrency.threads import packers
from providers.catalog import Target
from providers.errors import LLMError
from providers.errors.stop_signal import RunCancelled, StopSignal
from providers.models import trace_store
from providers.models.trace_store import PackedTraces
from providers.retry.attempts import Attempts
from providers.retry.backoff import RetryPolicy
from providers.types import ModelRequest, StepResult
from providers.types.trace import CallContext
from runs import limits
from runs.calls.planning import PlannedCall
from runs.engine.sink import StepSink, StepTraces
from runs.limits.file_room import RunRoom
from runs.log.journal import Journal
from runs.log.run_log import RunLog
from runs.models import Step
from runs.store.embedded import Embedded
from runs.store.made import MadeFile, NotKept
from runs.store.media import Contents
from runs.store.step_endings import Answer, StepEnding
from runs.telemetry import notes
from runs.usage.budget import BudgetMeter

logger = logging.getLogger("runnel.engine")


@dataclass(frozen=True, kw_only=True, slots=True)
class StepContext:
    """The objects that all steps of one segment use."""

    journal: Journal
    log: RunLog
    owner_id: int
    conversation_id: UUID
    cancel: StopSignal
    budget: BudgetMeter
    #: Called when the budget is spent in the middle of an answer.
    on_spent: Callable[[], None]
    #: Called when what a user has said to the run was handed to its model.
    on_steered: Callable[[], None]
    #: The room that the conversation's files have in memory.
    room: RunRoom
    #: Their Base64, read once for all steps.
    contents: Contents = field(default_factory=dict)


def new_row(run_id: UUID, index: int, target: Target) -> Step:
    """Return the unsaved row of a step with number ``index``, which asks ``target`` first."""
    origin = target.origin
    return Step(
        run_id=run_id,
        index=index,
        provider=origin.provider,
        wire=origin.wire,
        model=origin.model,
        started_at=timezone.now(),
    )


def name_of(row: Step) -> str:
    """Return the name of a step in events."""
    return f"step {row.index}"


class RunningStep:
    """One step of a run."""

    def __init__(self, row: Step, targets: tuple[Target, ...], policy: RetryPolicy) -> None:
        self.row = row
        self.message_id = uuid7()
        self.recorder = StepTraces()
        self.attempts = Attempts(targets, policy=policy, recorder=self.recorder)
        #: The files in the answer.
        self._files: tuple[tuple[Embedded, MadeFile | NotKept], ...] = ()
        self._traces = PackedTraces()
        self._reasoning_seconds: tuple[float, ...] = ()
        #: Whether the log has the step's ``STEP_STARTED`` and not its ``STEP_FINISHED``.
        self.is_open = True

    @property
    def name(self) -> str:
        """The step's name in events."""
        return name_of(self.row)

    async def run(self, request: ModelRequest, context: StepContext) -> StepResult:
        """Make the provider call and return its result. Close all open events, also after an error.

        Raises:
            LLMError: the last attempt failed; ``partial`` holds the answer so far.
            RunCancelled: the run was stopped.
            Fenced: another process took the run over, or its log could not be written.
        """
        context.budget.begin(request.origin)
        sink = StepSink(
            context.journal,
            context.log,
            self.name,
            self.message_id,
            owner_id=context.owner_id,
            budget=context.budget,
            on_spent=context.on_spent,
        )
        result: StepResult | None = None
        try:
            result = await self.attempts.run(
                request,
                call=CallContext(
                    run_id=self.row.run_id,
                    step_id=self.row.id,
                    user_id=context.owner_id,
                    max_calls=(await limits.of_user(context.owner_id)).calls_per_step,
                ),
                cancel=context.cancel,
                sink=sink,
            )
            return result
        except (LLMError, RunCancelled) as ending:
            result = ending.partial
            raise
        finally:
            try:
                await sink.settle()
                # Before the step's last events, so that they are committed together with what follows them.
                await self._pack_traces(context.conversation_id)
            finally:
                self._files = tuple(sink.files)
                sink.close()
                self._reasoning_seconds = tuple(sink.events.reasoning_seconds)
                self.is_open = False
                context.budget.settle(self.attempts.spending.by_model)
                notes.step_made(request, result, self.recorder.traces, self.attempts.spending)

    async def _pack_traces(self, conversation_id: UUID) -> None:
        """Prepare the traces for the step's commit, so that neither the event loop nor the journal nor a reader does it."""
        records = tuple(self.recorder.traces)
        self._traces = trace_store.without_payloads(records)
        try:
            self._traces = await packers.run(trace_store.pack, records, conversation_id)
        except Exception:
            logger.exception("the payloads of a call are not kept: they could not be packed")

    def ending(
        self, result: StepResult | None, calls: tuple[PlannedCall, ...] = (), *, error_code: str = ""
    ) -> StepEnding:
        """Return the step's results to store. Without a ``result``, the answer is read from the log."""
        answer = None
        if result is not None:
            origin = self.attempts.target.origin
            answer = Answer(
                message_id=self.message_id,
                origin=origin,
                result=result,
                cost=self.attempts.spending.cost,
                calls=calls,
                files=self._files,
                reasoning_seconds=self._reasoning_seconds,
            )
        return StepEnding(
            step_id=self.row.id,
            answer=answer,
            error_code=error_code,
            traces=self._traces,
        )
