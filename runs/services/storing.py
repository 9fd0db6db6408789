"""Stores a prepared start, inside a transaction of the journal that all runs share: a few statements, no checks."""

from datetime import timedelta
from typing import Any

from django.contrib.auth.models import User
from django.db.models.functions import Now
from django.utils import timezone

from runs.engine.spec import WorkerSettings
from runs.errors import AwaitsDecision, ConversationBusy, Forbidden, NoSuchFile, NotFound
from runs.limits import Ceilings
from runs.models import Conversation, File, Run, Step
from runs.services.new_run import PreparedStart, Repeated, known, too_many
from runs.states import ACTIVE, RunStatus
from runs.store import branches, clock, messages, statements
from runs.store.statements import Statement

#: How often a run's row is inserted while what is in its way goes before it can be named.
ATTEMPTS = 3

#: Whether a user may have one more run. It names the statuses so that SQLite takes the index of unfinished runs.
MAY_HAVE_ONE_MORE = (
    '(SELECT COUNT(*) FROM "runs_run" WHERE "owner_id" = %s AND "finished_at" IS NULL AND "status" IN (%s, %s, %s)) < %s'
    ' AND EXISTS (SELECT 1 FROM "auth_user" WHERE "id" = %s AND "is_active")'
)


def may_have_one_more(owner_id: int, ceilings: Ceilings) -> list[Any]:
    """Return the values of ``MAY_HAVE_ONE_MORE``."""
    return [owner_id, *sorted(ACTIVE), ceilings.runs, owner_id]


def store(start: PreparedStart, step: Step | None, driver: WorkerSettings | None, ceilings: Ceilings) -> None:
    """Store a run with its user messages. Runs in a transaction of the journal.

    The run is running, driven by ``driver``; without one it waits for a worker. Its first ``step`` is missing if it
    was cancelled before, or waits. The run's row is the first one: if it cannot be stored, nothing was, and the
    reason is looked for only then.

    Raises:
        Repeated: the run is stored already.
        Conflict: the run's id belongs to another user or to a different request.
        AwaitsDecision: the conversation has a paused run.
        ConversationBusy: the conversation has another unfinished run.
        TooManyRuns: the user has as many live and paused runs as allowed, in all processes.
        NotFound: the conversation was deleted.
        NoSuchFile: a file that a message names was deleted.
        Forbidden: the user's account was closed.
    """
    run = start.run
    now = timezone.now()
    if driver is not None:
        run.status, run.worker = RunStatus.RUNNING, driver.worker
    if step is not None:
        run.started_at = step.started_at = now
    insert = _insert_run(start, ceilings, driver.lease_time if driver is not None else None)
    for _ in range(ATTEMPTS):
        if insert.execute():
            break
        if (reason := _why_not(start, ceilings)) is not None:
            raise reason
    else:
        raise ConversationBusy
    if start.is_first:
        times = ("created_at", "updated_at", "changed_at", "seen_at")
        now_there = {column: (clock.sql_after(timedelta()), "") for column in times}
        statements.insert([start.conversation], computed=now_there).execute()
    elif not _update_conversation(start).execute():
        raise NotFound
    if start.uploads:
        show_uploads(start)
    messages.inserting(start.messages).execute()
    if step is not None:
        statements.insert([step]).execute()


def _insert_run(start: PreparedStart, ceilings: Ceilings, lease: timedelta | None) -> Statement:
    """Return the statement that inserts the run if its owner may have one more, and nothing is in its way.

    An account that was closed since the start was checked takes no run: it may be about to be erased. Unless the
    start says where it begins, the run begins at the end of the branch that is shown now. Without a ``lease`` it waits.
    """
    run = start.run
    computed = {"created_at": (clock.sql_after(timedelta()), "")}
    if lease is not None:
        computed["lease_until"] = clock.sql_after(lease), ""
        if run.started_at is not None:
            computed["started_at"] = computed["created_at"]
    if not start.is_first and not run.begins:
        computed["parent_id"] = branches.END_OF_SHOWN, "conversation_id"
    return statements.insert(
        [run],
        computed=computed,
        or_nothing=True,
        condition=MAY_HAVE_ONE_MORE,
        values=may_have_one_more(run.owner_id, ceilings),
    )


def show_uploads(start: PreparedStart) -> None:
    """Note which uploads the conversation shows. Raises ``NoSuchFile`` if one was deleted since it was checked."""
    ids = sorted(file.pk for file in start.uploads)
    # Locked, so that none is deleted before the commit. A missing one would fail there, without a sentence.
    found = File.objects.filter(pk__in=ids).order_by("pk").select_for_update(no_key=True)
    if list(found.values_list("pk", flat=True)) != ids:
        raise NoSuchFile
    shown = File.conversations.through
    shown.objects.bulk_create(
        [shown(file_id=key, conversation_id=start.conversation.pk) for key in ids], ignore_conflicts=True
    )


def _update_conversation(start: PreparedStart) -> Statement:
    columns: dict[str, Any] = {"updated_at": Now(), "shown_run_id": start.run.pk}
    names = start.request.options.get("tools")
    if names is not None and start.conversation.tools != names:
        columns["tools"] = names
    # What was hidden meanwhile is emptied soon: a run in it would be seen by nobody, and its words might stay.
    return statements.update(
        Conversation, columns, key=start.conversation.pk, condition='"erased_at" IS NULL'
    )


def _why_not(start: PreparedStart, ceilings: Ceilings) -> Exception | None:
    """Return the reason why a run's row was not inserted; ``None`` if it has gone meanwhile, as a run in its way has ended."""
    if (existing := known(start.owner_id, start.request)) is not None:
        return Repeated(existing)
    active = Run.objects.filter(conversation_id=start.conversation.pk, status__in=ACTIVE).order_by()
    if (status := active.values_list("status", flat=True).first()) is not None:
        return AwaitsDecision() if status == RunStatus.AWAITING_APPROVAL else ConversationBusy()
    if not User.objects.filter(pk=start.owner_id, is_active=True).exists():
        return Forbidden("This account is closed.")
    unfinished = Run.objects.filter(owner_id=start.owner_id, finished_at=None, status__in=ACTIVE).order_by()
    return too_many(ceilings) if unfinished.count() >= ceilings.runs else None
