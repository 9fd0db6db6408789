"""Runs that are stored and wait for a worker: which of them a worker takes, and in which order.

A claim is one statement. It gives a run a worker and a lease, and the run stays ``created`` until the worker begins it.
A worker that dies before loses the lease, and another one claims the run. Such a run is claimed alone from then on: it
may be what has killed the worker, and would take those with it that were claimed together with it.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import F, Q
from django.db.models.functions import Now

from runs.models import EventLog, Run
from runs.states import RunStatus
from runs.store import clock

#: Claims of one run after which it is given up: whoever began with it has died each time.
MOST_CLAIMS = 3

#: ``options.priority`` of a run that lets all others go first.
BACKGROUND = "background"

#: The order: interactive runs before background ones; then the user of whom the fewest runs are driven; then the oldest.
#: The first one goes alone if it was claimed before; with it go none that were.
_CLAIM = """
WITH waiting AS (
    SELECT "id", "owner_id", "created_at", "claims", COALESCE("options" ->> 'priority', '') = 'background' AS "is_background"
    FROM "runs_run"
    WHERE "status" = 'created' AND "lease_until" IS NULL AND "cancel_requested_at" IS NULL AND "claims" < {most}
), driven AS (
    SELECT "owner_id", COUNT(*) AS "number" FROM "runs_run" WHERE "lease_until" IS NOT NULL GROUP BY "owner_id"
), ordered AS (
    SELECT waiting.*, COALESCE("number", 0)
        + ROW_NUMBER() OVER (PARTITION BY waiting."owner_id" ORDER BY "is_background", "created_at", "id") AS "turn"
    FROM waiting LEFT JOIN driven ON driven."owner_id" = waiting."owner_id"
), placed AS (
    SELECT "id", ROW_NUMBER() OVER places AS "place", "claims" + FIRST_VALUE("claims") OVER places AS "claims_of_both"
    FROM ordered WINDOW places AS (ORDER BY "is_background", "turn", "created_at", "id")
), claimed AS MATERIALIZED (
    SELECT run."id" FROM "runs_run" AS run JOIN placed ON placed."id" = run."id"
    WHERE run."status" = 'created' AND run."lease_until" IS NULL AND run."cancel_requested_at" IS NULL
        AND ("place" = 1 OR "claims_of_both" = 0)
    ORDER BY "place"
    LIMIT %s {lock}
)
UPDATE "runs_run" SET "worker" = %s, "lease_until" = {until}, "claims" = "claims" + 1
FROM claimed WHERE "runs_run"."id" = claimed."id"
RETURNING {columns},
    COALESCE((SELECT "fence" FROM "runs_eventlog" WHERE "run_id" = "runs_run"."id"), 0) AS "log_fence",
    COALESCE((SELECT "last_seq" FROM "runs_eventlog" WHERE "run_id" = "runs_run"."id"), 0) AS "log_seq",
    EXISTS (SELECT 1 FROM "auth_user" WHERE "id" = "runs_run"."owner_id" AND "is_active") AS "has_owner",
    "queued_by_token" IS NULL OR EXISTS (
        SELECT 1 FROM "runs_apitoken" WHERE "id" = "queued_by_token" AND ("expires_at" IS NULL OR "expires_at" > {now})
    ) AS "has_token"
"""
#: How a worker leaves rows alone that another one claims now. SQLite has one writer.
_LOCK = {"postgresql": "FOR UPDATE OF run SKIP LOCKED", "sqlite": ""}


@dataclass(frozen=True, kw_only=True, slots=True)
class Claimed:
    """A run that was claimed, with its log. Rights may end while a run waits."""

    run: Run
    #: Whether its owner is there, and is active.
    has_owner: bool
    #: Whether the API token that started it, if one did, is still valid (``ApiToken.live``).
    has_token: bool


def claim(worker: str, lease: timedelta, *, most: int) -> list[Claimed]:
    """Claim up to ``most`` runs that wait, for a process that reserves them for ``lease``. Return the oldest first."""
    columns = ", ".join(f'"runs_run"."{field.column}"' for field in Run._meta.concrete_fields)
    lock, until = _LOCK[connection.vendor], clock.sql_after(lease)
    now = clock.sql_after(timedelta())
    sql = _CLAIM.format(most=MOST_CLAIMS, lock=lock, until=until, now=now, columns=columns)
    rows: list[Any] = list(Run.objects.raw(sql, [most, worker]))
    for row in rows:
        row.log = EventLog(run=row, fence=row.log_fence, last_seq=row.log_seq)
    claimed = [Claimed(run=row, has_owner=bool(row.has_owner), has_token=bool(row.has_token)) for row in rows]
    return sorted(claimed, key=lambda each: each.run.created_at)


def give_back(run_id: UUID, worker: str) -> bool:
    """Let another worker claim a run that ``worker`` has claimed and not begun. Return whether it was so."""
    mine = Run.objects.filter(pk=run_id, status=RunStatus.CREATED, worker=worker)
    return bool(mine.update(worker="", lease_until=None, claims=F("claims") - 1))


def free_expired() -> int:
    """Let others claim the runs whose worker has died before it began them. Return how many there are.

    Those that were claimed ``MOST_CLAIMS`` times keep their lease, which is over: recovery ends them.
    """
    expired = Run.objects.filter(may_go_on(), lease_until__lt=Now())
    # Looked for first: a write would wait for other writers, each time.
    return expired.update(worker="", lease_until=None) if expired.exists() else 0


def may_go_on() -> Q:
    """Return the condition that a run has not begun, and that another worker may claim it."""
    return Q(status=RunStatus.CREATED, claims__lt=MOST_CLAIMS)


def waiting(*, longer_than: timedelta = timedelta()) -> int:
    """Return how many runs wait for a worker, for at least that long."""
    waits = Run.objects.filter(status=RunStatus.CREATED, lease_until=None)
    return waits.filter(created_at__lte=Now() - longer_than).count()
