"""What a user has said to a live run: stored and told to its model with the beginning of the next step."""

from dataclasses import dataclass
from uuid import UUID

from concurrency.threads import readers
from providers.types import Role
from runs.engine.step import StepContext, name_of
from runs.log import agui
from runs.log.agui import Event
from runs.models import Message, Run, Step
from runs.store import files, history, messages, queue, transitions
from runs.store.queue import QueueChanged, Waiting


@dataclass(frozen=True, kw_only=True, slots=True)
class Steered:
    """Queued messages that become messages of a run."""

    waiting: Waiting
    rows: tuple[Message, ...]
    events: tuple[Event, ...]

    def store(self) -> None:
        """Store the messages at the end of the run. Runs in a transaction of the caller.

        Raises:
            QueueChanged: the queue was changed since they were read.
        """
        self.waiting.take()
        messages.inserting(self.rows).execute()


async def begin_step(run_id: UUID, row: Step, context: StepContext, *, may_be_steered: bool) -> None:
    """Commit the beginning of a step, together with what was said to the run meanwhile.

    Raises:
        LostRace: a cancel was stored first, or the run is not running.
        Fenced: another process took the run over.
    """
    started = agui.step_started(name_of(row))
    while True:
        steered = None
        if may_be_steered:
            steered = await readers.run(_read, run_id, context.conversation_id)

        def store(said: Steered | None = steered) -> None:
            transitions.next_step(run_id, row, before=said.store if said is not None else None)

        try:
            await context.journal.commit(context.log, [*(steered.events if steered else ()), started], store)
        except QueueChanged:
            continue
        if steered is not None:
            context.on_steered()
        return


def _read(run_id: UUID, conversation_id: UUID) -> Steered | None:
    waiting = queue.for_step_of(run_id, conversation_id)
    if waiting is None:
        return None
    kept, rows, events = [], [], []
    for queued in waiting.rows:
        its = _messages(run_id, queued)
        if its is None:
            # One of its files is gone. It stays in the queue, which tells the user.
            continue
        kept.append(queued)
        rows += its
        events.append(agui.steered(queued.pk, queued.input, [row.pk for row in its]))
    if not kept:
        return None
    taken = Waiting(conversation_id=conversation_id, revision=waiting.revision, rows=tuple(kept))
    return Steered(waiting=taken, rows=tuple(rows), events=tuple(events))


def _messages(run_id: UUID, queued: Run) -> list[Message] | None:
    named = history.files_in(queued.input)
    owned = files.owned(queued.owner_id, named) if named else {}
    if named - owned.keys():
        return None
    parts = [history.user_parts(message, owned) for message in queued.input]
    return [Message(run_id=run_id, role=Role.USER.value, parts=its) for its in parts]
