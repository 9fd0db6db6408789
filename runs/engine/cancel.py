"""A request to cancel a run. ``Supervisor.cancel`` carries it out, whoever asks.

The run's stop signal is set at once. The intent is queued on the journal at the same moment, so that it is
stored before any end that the cancel brings about.
"""

from dataclasses import dataclass
from uuid import UUID

from runs.engine import cancellation
from runs.errors import NotFound
from runs.models import Run
from runs.models.run import CancelMode
from runs.states import CancelledBy, RunStatus
from runs.store import transitions


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredCancel:
    """What the database says after the intent was stored."""

    #: False when the run had ended before.
    was_active: bool
    #: Whether the run is paused: then nothing drives it, and its end must be written.
    is_paused: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class CancelRequest:
    """Which run to cancel, for whom, and how."""

    run_id: UUID
    by: CancelledBy
    #: Only a run of this user is cancelled. ``None`` for an admin and for the server, who may cancel any run.
    owner_id: int | None = None
    reason: str = ""
    mode: str = CancelMode.IMMEDIATE

    def signal(self) -> None:
        """Set the run's stop signal if the run is live here and the cancel need not wait for its step."""
        live = cancellation.get(self.run_id)
        if live is None or self.mode != CancelMode.IMMEDIATE:
            return
        # Another user may be trying to start a run with the same id: that run is not this owner's.
        if self.owner_id is None or self.owner_id == live.owner_id:
            cancellation.request(self.run_id, by=self.by, reason=self.reason)

    def store(self) -> StoredCancel:
        """Store the intent. Runs in a transaction that the caller opened.

        Raises:
            NotFound: there is no such run, or it belongs to another user than ``owner_id``.
        """
        run = Run.objects.filter(pk=self.run_id)
        if self.owner_id is not None:
            run = run.filter(owner_id=self.owner_id)
        if not run.exists():
            raise NotFound
        was_active = transitions.request_cancel(self.run_id, by=self.by, reason=self.reason, mode=self.mode)
        # Read after the write, which waited for a pause that was being stored; a later pause finds the intent.
        is_paused = run.filter(status=RunStatus.AWAITING_APPROVAL).exists()
        return StoredCancel(was_active=was_active, is_paused=is_paused)
