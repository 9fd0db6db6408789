"""A request to cancel a run. ``Supervisor.cancel`` carries out every such request.

The run's stop signal is set at once. The intent is queued on the journal at the same moment, so that it is
stored before any end that the cancel brings about. If that takes long, because the database is away, the process that
drives the run is told all the same. It does the same with the request as if it had been made there.
"""

from dataclasses import asdict, dataclass
from datetime import timedelta
from uuid import UUID

from runs import bus
from runs.bus import Kind
from runs.bus.bus import Payload
from runs.engine import stop_signals
from runs.errors import NotFound
from runs.models import AuditEntry, Run
from runs.models.audit import Actor, AuditAction
from runs.models.run import CancelMode
from runs.states import UNDRIVEN, CancelledBy, RunStatus
from runs.store import queue, transitions

#: What the audit log calls a run.
_TARGET = "runs.run"
#: How far the hosts' clocks may be apart: they set the times of runs and of the audit log's entries.
_CLOCKS = timedelta(days=1)


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredCancel:
    """The state of the run after the intent was stored."""

    #: False when the run had ended before.
    was_active: bool
    #: Whether the run is paused, queued, or waits for a worker. No engine drives such a run, so the caller must write its end.
    is_undriven: bool
    #: The conversation whose queue has changed: the run was in it, or the cancel has paused it.
    queue_changed_of: UUID | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class CancelRequest:
    """The run to cancel, the requester, and the mode."""

    run_id: UUID
    by: CancelledBy
    #: The name of the person who asks for it; empty if nobody did.
    by_name: str = ""
    #: Required owner of the run. ``None`` for an admin and for the server, which may cancel any run.
    owner_id: int | None = None
    reason: str = ""
    mode: str = CancelMode.IMMEDIATE
    #: Whether the queue of the conversation goes on after the cancel.
    keeps_queue: bool = False
    #: The admin who cancels it, for the audit log; ``None`` if that is not to be noted.
    actor: Actor | None = None
    #: Whether another process has told this one of it, because it could not store it soon.
    is_told: bool = False

    def signal(self) -> bool:
        """Set the run's stop signal if the run is live here and the cancel need not wait for its step. Return whether it is."""
        live = stop_signals.get(self.run_id)
        if live is None or self.mode != CancelMode.IMMEDIATE:
            return False
        # The live run may belong to another user who chose the same id.
        if self.owner_id is not None and self.owner_id != live.owner_id:
            return False
        return stop_signals.request(self.run_id, by=self.by, by_name=self.by_name, reason=self.reason)

    def tell_unstored(self) -> None:
        """Tell the process that drives the run to cancel it, although the intent is not stored yet."""
        if self.mode == CancelMode.IMMEDIATE and not self.is_told:
            run_id = str(self.run_id)
            bus.send(Kind.CANCEL, {"run_id": run_id, "unstored": asdict(self) | {"run_id": run_id}})

    @classmethod
    def told(cls, payload: Payload) -> "CancelRequest":
        """Return the request that another process told with ``tell_unstored``."""
        said = payload["unstored"]
        typed = {
            "run_id": UUID(said["run_id"]),
            "by": CancelledBy(said["by"]),
            "actor": Actor(**said["actor"]) if said["actor"] else None,
            "is_told": True,
        }
        return cls(**(said | typed))

    def store(self) -> StoredCancel:
        """Store the intent. Runs in a transaction that the caller opened.

        Raises:
            NotFound: there is no such run, or it belongs to another user than ``owner_id``.
        """
        run = Run.objects.filter(pk=self.run_id)
        if self.owner_id is not None:
            run = run.filter(owner_id=self.owner_id)
        before = run.values_list("status", "conversation_id").first()
        if before is None:
            raise NotFound
        was_active = transitions.request_cancel(
            self.run_id, by=self.by, by_name=self.by_name, reason=self.reason, mode=self.mode
        )
        if was_active and self.actor is not None and not self._is_noted(self.actor):
            AuditEntry.note(self.actor, AuditAction.CANCELLED, _TARGET, self.run_id, self.reason)
        # Read after the write, which waits for a pause in progress. A later pause finds the intent.
        is_undriven = run.filter(status__in=UNDRIVEN).exists()
        queue_changed_of = self._change_queue(*before) if was_active else None
        return StoredCancel(was_active=was_active, is_undriven=is_undriven, queue_changed_of=queue_changed_of)

    def _is_noted(self, actor: Actor) -> bool:
        """Return whether another process, which was told of the request or has told it, has noted it in the audit log.

        Both have changed the run's row before, so that the second one waits for the first.
        """
        since = Run.objects.filter(pk=self.run_id).values_list("created_at", flat=True).get() - _CLOCKS
        same = AuditEntry.objects.filter(actor_id=actor.user_id, actor_name=actor.name[:150], at__gte=since)
        return same.filter(action=AuditAction.CANCELLED, target=_TARGET, target_id=str(self.run_id)).exists()

    def _change_queue(self, status: str, conversation_id: UUID) -> UUID | None:
        """Pause what is queued behind the run, or note that the run is taken out of the queue."""
        if status == RunStatus.QUEUED:
            queue.changed(conversation_id)
            return conversation_id
        return None if self.keeps_queue else queue.pause_if_any(self.run_id)
