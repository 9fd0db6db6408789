"""The decided calls of a run that have no answer yet, and their execution."""

import contextlib
from collections.abc import Iterable
from dataclasses import replace
from uuid import UUID

from concurrency.tasks import spawn
from providers.errors.stop_signal import RunCancelled
from runs.calls import execution, records
from runs.calls.execution import RunContext
from runs.calls.outcomes import CallOutcome, NotExecuted
from runs.calls.planning import PlannedCall
from runs.calls.progress import Progress
from runs.engine import endings
from runs.engine.step import StepContext
from runs.engine.tool_files import commit_answer
from runs.log import agui
from runs.models.tool_call import ToolCallStatus


class OpenCalls:
    """The open calls of one segment. Each leaves when its answer is committed."""

    def __init__(self, calls: Iterable[PlannedCall], *, conversation_id: UUID, context: StepContext) -> None:
        self._conversation_id = conversation_id
        self._context = context
        self._calls: dict[UUID, PlannedCall] = {}
        self.hold(calls)

    def hold(self, calls: Iterable[PlannedCall]) -> None:
        """Take the decided calls of a step, in place of those before. None of them has begun."""
        self._calls = {call.id: replace(call, status=ToolCallStatus.HELD) for call in calls}

    def unanswered(self, why: NotExecuted) -> list[CallOutcome]:
        """Return an answer to each open call when its run ends for the reason ``why``."""
        return [call.unanswered(why) for call in self._calls.values()]

    async def execute(self) -> None:
        """Execute the open calls and commit each answer as it arrives.

        Raises:
            RunCancelled: the run was stopped.
            Fenced: another process took the run over.
        """
        if not self._calls:
            return
        context, cancel = self._context, self._context.cancel
        if cancel.is_set():
            raise RunCancelled(cancel)
        answers = execution.execute(
            tuple(self._calls.values()),
            RunContext(
                user_id=context.owner_id, conversation_id=self._conversation_id, run_id=context.log.run_id
            ),
            cancel=cancel,
            why=lambda: endings.NOT_EXECUTED[cancel.cause],
            note_abandoned=self._store_note,
            tell_progress=self._tell_progress,
        )
        # From here on each call may take effect, even if its answer is lost.
        self._calls = {key: replace(call, status=ToolCallStatus.RUNNING) for key, call in self._calls.items()}
        async with contextlib.aclosing(answers):
            async for outcome in answers:
                await commit_answer(context.journal, context.log, outcome, owner_id=context.owner_id)
                del self._calls[outcome.id]
        if cancel.is_set():
            raise RunCancelled(cancel)

    def _tell_progress(self, note: Progress) -> None:
        self._context.journal.append(self._context.log, agui.tool_progress(note))

    def _store_note(self, call_id: UUID, sentence: str) -> None:
        """Store a note about a tool that ended after it was abandoned, perhaps long after the run."""
        spawn(self._context.journal.execute(lambda: records.note(call_id, sentence)), name="late tool")
