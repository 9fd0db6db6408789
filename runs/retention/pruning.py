"""Deletes what is older than the settings ``RUNNEL_RETENTION_…`` allow, kind by kind."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.contrib.sessions.models import Session
from django.db.models import Exists, OuterRef
from django.utils import timezone

from providers.models import ProviderTrace, TracePiece, trace_store
from runs.models import AuditEntry, BrowserSession, Conversation, File, Run, RunEvent
from runs.models.file import delete_unused
from runs.retention import contents
from runs.retention.pace import Pace
from runs.states import ACTIVE
from runs.store import files

logger = logging.getLogger("runnel.retention")

#: Runs whose events are looked up in one query.
_RUNS = 100


@dataclass(frozen=True, slots=True)
class Pruned:
    """How much of one kind is too old."""

    kind: str
    count: int


def prune(pace: Pace | None) -> list[Pruned]:
    """Delete what is too old, and return how much it is, by kind. Without a ``pace``, only count.

    Raises:
        Stopped: the work was stopped; what was deleted until then is.
    """
    now = timezone.now()
    found = []
    for kind, setting, work in _KINDS:
        if (age := getattr(settings, setting)) is not None:
            found.append(Pruned(kind, work(now - age, pace)))
    if settings.RUNNEL_UPLOAD_HOURS:
        found.append(Pruned("uploads that no message shows", _uploads(pace)))
    if pace is not None:
        contents.empty(pace)
        contents.delete_stray_pieces(pace)
    return found


def _uploads(pace: Pace | None) -> int:
    expired = list(files.expired().values_list("pk", flat=True))
    if pace is not None:
        pace.each_part(expired, delete_unused)
    return len(expired)


def _conversations(before: datetime, pace: Pace | None) -> int:
    old = contents.idle(Conversation.objects.filter(updated_at__lt=before))
    count = old.count()
    if pace is not None:
        contents.erase(old, pace)
    return count


def _traces(before: datetime, pace: Pace | None) -> int:
    old = trace_store.with_payloads().filter(started_at__lt=before)
    count = old.count()
    if pace is not None:
        of_conversations = Run.objects.filter(pk__in=old.values("run_id"))
        for conversation_id in set(of_conversations.values_list("conversation_id", flat=True)):
            _prune_traces(conversation_id, before, pace)
        # Traces outlive runs that are deleted one by one.
        orphans = old.exclude(run_id__in=Run.objects.values("pk"))
        _delete_payloads(list(orphans.values_list("pk", flat=True)), pace)
    return count


class _Changed(Exception):  # noqa: N818 - it names what happened
    """A run began in the conversation meanwhile."""


def _prune_traces(conversation_id: UUID, before: datetime, pace: Pace) -> None:
    """Delete the pieces that only old payloads need, then the payloads themselves.

    In this order, because what is interrupted is found again by its payloads. A conversation with an active run
    waits for the next time: the run's step may be about to refer to a piece.
    """

    def state() -> set[tuple[UUID, str]]:
        return set(Run.objects.filter(conversation_id=conversation_id).values_list("pk", "status"))

    runs = state()
    if any(status in ACTIVE for _, status in runs):
        return
    traces = ProviderTrace.objects.filter(run_id__in=[run_id for run_id, _ in runs])

    def delete_pieces(part: Sequence[bytes]) -> None:
        # The lock keeps new runs out until the commit.
        list(Conversation.all_rows.select_for_update().filter(pk=conversation_id).values_list("pk"))
        if state() != runs:
            raise _Changed
        TracePiece.objects.filter(digest__in=part).delete()

    try:
        pace.each_part(
            trace_store.unused_pieces(conversation_id, traces.filter(started_at__gte=before)), delete_pieces
        )
    except _Changed:
        logger.info("the traces of conversation %s are pruned next time: it is in use", conversation_id)
        return
    old = trace_store.with_payloads().filter(pk__in=traces.filter(started_at__lt=before).values("pk"))
    _delete_payloads(list(old.values_list("pk", flat=True)), pace)


def _delete_payloads(ids: Sequence[UUID], pace: Pace) -> None:
    pace.each_part(ids, lambda part: trace_store.delete_payloads(ProviderTrace.objects.filter(pk__in=part)))


def _events(before: datetime, pace: Pace | None) -> int:
    events = RunEvent.objects.filter(run=OuterRef("pk"))
    runs = list(Run.objects.filter(Exists(events), finished_at__lt=before).values_list("pk", flat=True))
    if pace is not None:
        for first in range(0, len(runs), _RUNS):
            contents.delete(RunEvent.objects.filter(run_id__in=runs[first : first + _RUNS]), pace)
    return len(runs)


def _files(before: datetime, pace: Pace | None) -> int:
    old = File.objects.filter(created_at__lt=before)
    count = old.count()
    if pace is not None:
        contents.delete(old, pace)
    return count


def _audit_entries(before: datetime, pace: Pace | None) -> int:
    old = AuditEntry.objects.filter(at__lt=before)
    count = old.count()
    if pace is not None:
        contents.delete(old, pace)
    return count


def _sessions(before: datetime, pace: Pace | None) -> int:
    old = Session.objects.filter(expire_date__lt=before)
    count = old.count()
    if pace is not None:
        contents.delete(old, pace)
        # What their users were shown of them.
        kept = Session.objects.values("session_key")
        contents.delete(
            BrowserSession.objects.filter(last_seen_at__lt=before).exclude(session_key__in=kept), pace
        )
    return count


#: What is counted, the setting of its age, and the function that counts or deletes what is older than a moment.
_KINDS: tuple[tuple[str, str, Callable[[datetime, Pace | None], int]], ...] = (
    ("conversations", "RUNNEL_RETENTION_CONVERSATION_DAYS", _conversations),
    ("traces with requests and responses", "RUNNEL_RETENTION_TRACE_DAYS", _traces),
    ("runs with events", "RUNNEL_RETENTION_EVENTS_DAYS", _events),
    ("files", "RUNNEL_RETENTION_FILES_DAYS", _files),
    ("entries of the audit log", "RUNNEL_RETENTION_AUDIT_DAYS", _audit_entries),
    ("expired sessions", "RUNNEL_RETENTION_SESSION_DAYS", _sessions),
)
