"""The ceilings of one user: the most generous of the user's groups, or else the setting.

What groups set is read from the database and kept for ``KEPT_SECONDS``. A change in this process takes effect
at once; in other processes, after that time. What is old is not thrown away: it holds until it was read anew.
"""

import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from functools import partial
from math import inf
from threading import Lock
from time import monotonic as now
from typing import Any

from django.conf import settings
from django.contrib.auth.models import Group, User
from django.db import Error, transaction
from django.db.models.signals import m2m_changed, post_delete, post_save

from concurrency.tasks import spawn
from concurrency.threads import readers
from runs.models import GroupLimits

logger = logging.getLogger("runnel.limits")

#: Seconds for which the limits of a user's groups are kept.
KEPT_SECONDS = 10.0
#: Seconds after which they are read anew while they hold, so that whoever uses them all the time never waits.
_RENEWED_AFTER = KEPT_SECONDS / 2
#: Seconds between two readings for one user that nobody waits for.
_SHORTEST_PAUSE = 0.1
#: Users whose groups' limits are kept; with more, those that were read longest ago are forgotten.
_KEPT_USERS = 10_000
#: Ceilings for which 0 means that there is none.
_MAY_BE_OPEN = frozenset({"tokens_per_day", "cost_per_day"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Ceilings:
    """The most that one user may use."""

    #: Runs started in a minute.
    starts_per_minute: int
    #: Runs that are live or paused, in all processes.
    runs: int
    #: Open sockets in one process.
    sockets: int
    #: Runs and conversations that one socket follows.
    subscriptions: int
    #: Frames in a second; a frame counts once for each 512 bytes.
    frames_per_second: int
    #: Megabytes of stored files.
    stored_megabytes: int
    #: ``options.max_steps`` of a start.
    max_steps: int
    #: ``options.max_retries`` of a start.
    max_retries: int
    #: Function calls in one answer.
    calls_per_step: int
    #: Tokens of all runs in 24 hours; 0 for no ceiling.
    tokens_per_day: int
    #: US dollars of all runs in 24 hours; 0 for no ceiling.
    cost_per_day: float
    #: Whether calls may be allowed beforehand. No number, so clients are not told of it among the limits.
    standing_decisions: bool

    def shown(self) -> dict[str, int | float]:
        """Return the ceilings as the ``ready`` frame names them, without those that are none."""
        told = {name: value for name, value in asdict(self).items() if name != "standing_decisions"}
        return {name: value for name, value in told.items() if value or name not in _MAY_BE_OPEN}


_NAMES = tuple(field.name for field in fields(Ceilings))


@dataclass(slots=True)
class _Known:
    """What the groups of one user set, when it was read last."""

    set_by_groups: Mapping[str, Any] = field(default_factory=dict)
    #: ``_Cache.changes`` before the reading; -1 if there was none.
    changes: int = -1
    #: ``time.monotonic`` before the reading.
    read_at: float = -inf
    #: ``time.monotonic`` of the last reading that began, whatever became of it.
    tried_at: float = -inf


@dataclass(slots=True)
class _Cache:
    """What is known of each user, the one who was read longest ago first."""

    users: dict[int, _Known] = field(default_factory=dict)
    #: How often groups, their limits or their members have changed in this process.
    changes: int = 0
    lock: Lock = field(default_factory=Lock)

    def is_newer(self, known: _Known, seconds: float) -> bool:
        """Return whether ``known`` was read less than ``seconds`` ago, and after the last change here."""
        return known.changes == self.changes and now() - known.read_at < seconds


_cache = _Cache()


def of(user_id: int) -> Ceilings:
    """Return the ceilings of a user. Reads the database if what is kept is old."""
    known = _cache.users.get(user_id)
    if known is None or not _cache.is_newer(known, KEPT_SECONDS):
        known = _read(user_id)
    return _with_defaults(known.set_by_groups)


async def of_user(user_id: int) -> Ceilings:
    """Return the ceilings of a user, on the event loop. What is soon old is read anew meanwhile.

    If the database cannot be read, those that were read last hold; else the settings.
    """
    known = _cache.users.get(user_id)
    if known is None or not _cache.is_newer(known, KEPT_SECONDS):
        try:
            return await readers.run(of, user_id)
        except Error:
            logger.exception("the limits of user %s could not be read", user_id)
    return cached(user_id)


def cached(user_id: int) -> Ceilings:
    """Return the ceilings that were read last, without waiting; the settings before the first reading.

    What is old is read anew meanwhile, so it is returned once, and not to whoever asks next. Call it on the event loop.
    """
    known = _cache.users.get(user_id)
    if known is None:
        with _cache.lock:
            known = _cache.users.setdefault(user_id, _Known())
    if not _cache.is_newer(known, _RENEWED_AFTER) and now() - known.tried_at >= _SHORTEST_PAUSE:
        known.tried_at = now()
        spawn(readers.run(_read, user_id), name=f"limits of user {user_id}", is_shared=True)
    return _with_defaults(known.set_by_groups)


def forget_all() -> None:
    """Read the groups' limits of every user again when they are next needed. Until then the last ones hold."""
    _cache.changes += 1


def connect() -> None:
    """Forget what is kept when groups, their limits or their members change. Called once, at set-up."""
    for sender in (GroupLimits, Group):
        post_save.connect(_changed, sender=sender, dispatch_uid=f"limits of {sender.__name__}")
        post_delete.connect(_changed, sender=sender, dispatch_uid=f"no limits of {sender.__name__}")
    m2m_changed.connect(_changed, sender=User.groups.through, dispatch_uid="limits of members")


def _changed(using: str, **_: Any) -> None:
    transaction.on_commit(forget_all, using=using)


def _read(user_id: int) -> _Known:
    """Read what the groups of a user set, keep it and return it."""
    known = _Known(changes=_cache.changes, read_at=now(), tried_at=now())
    known.set_by_groups = _of_groups(user_id)
    with _cache.lock:
        _cache.users.pop(user_id, None)
        _cache.users[user_id] = known
        if len(_cache.users) > _KEPT_USERS:
            del _cache.users[next(iter(_cache.users))]
    return known


def _of_groups(user_id: int) -> dict[str, Any]:
    """Return the most generous value of each ceiling that one of the user's groups sets."""
    rows = list(GroupLimits.objects.filter(group__user=user_id).values(*_NAMES))
    most = partial(max, key=lambda value: value or float("inf"))
    found: dict[str, Any] = {}
    for name in _NAMES:
        if values := [row[name] for row in rows if row[name] is not None]:
            found[name] = most(values) if name in _MAY_BE_OPEN else max(values)
    if "cost_per_day" in found:
        found["cost_per_day"] = float(found["cost_per_day"])
    return found


def defaults() -> Ceilings:
    """Return the ceilings of the settings, which hold for a user without groups."""
    return Ceilings(
        starts_per_minute=settings.RUNNEL_STARTS_PER_MINUTE,
        runs=settings.RUNNEL_MAX_RUNS_PER_USER,
        sockets=settings.RUNNEL_SOCKETS_PER_USER,
        subscriptions=settings.RUNNEL_SUBSCRIPTIONS_PER_SOCKET,
        frames_per_second=settings.RUNNEL_FRAMES_PER_SECOND,
        stored_megabytes=settings.RUNNEL_STORED_MB_PER_USER,
        max_steps=settings.RUNNEL_STEPS_PER_RUN,
        max_retries=settings.RUNNEL_RETRIES_PER_CALL,
        calls_per_step=settings.RUNNEL_CALLS_PER_STEP,
        tokens_per_day=settings.RUNNEL_TOKENS_PER_DAY,
        cost_per_day=settings.RUNNEL_COST_PER_DAY,
        standing_decisions=settings.RUNNEL_STANDING_DECISIONS,
    )


def _with_defaults(set_by_groups: Mapping[str, Any]) -> Ceilings:
    return replace(defaults(), **set_by_groups) if set_by_groups else defaults()
