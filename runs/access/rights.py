"""Looks at rights again: every few seconds, for all open sockets and live runs of this process at once.

A sign-out on this server's own pages closes sockets at once (``runs.access.sign_out``), and lets other processes check
at once if there is Redis. This check finds all other changes: a session or a token that has expired, and what a command
or another process has done. It makes one query
each for users, tokens and sessions, on a thread.
"""

import asyncio
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY, get_user_model
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from concurrency.per_loop import PerLoop
from concurrency.tasks import spawn
from concurrency.threads import readers
from runs import bus
from runs.access import last_use, open_sockets
from runs.access.authentication import Identity, is_current
from runs.bus import Kind
from runs.engine import stop_signals, supervisor
from runs.engine.cancel_request import CancelRequest
from runs.errors import NotFound
from runs.models import ApiToken
from runs.states import CancelledBy

logger = logging.getLogger("runnel.access")


@dataclass(frozen=True, slots=True)
class Lapse:
    """Why credentials are not valid any more."""

    reason: str
    #: Whether the runs end that were started with them. A person who signs out lets theirs go on.
    ends_runs: bool = True


_USER = Lapse("The user was deactivated or deleted.")
_TOKEN = Lapse("The API token that started it was revoked, or has expired.")
_SESSION = Lapse("The session that started it has expired.")
_SIGNED_OUT = Lapse("The user signed out, or changed the password.", ends_runs=False)

#: Whose credentials started or continued each live run of this process.
_starters: dict[UUID, Identity] = {}


def started(run_id: UUID, identity: Identity) -> None:
    """Note that a run was started, or continued, with these credentials."""
    _starters[run_id] = identity


def connect() -> None:
    """Check at once when another process says that somebody's credentials have ended. Called once, at set-up."""
    bus.listen(Kind.SIGNED_OUT, lambda _: _checks.get().begin())


class _Checks:
    """A check that is under way, for many who ask for one at the same time."""

    def __init__(self) -> None:
        self._is_asked = False
        self._task: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Check soon, after the check that is under way."""
        self._is_asked = True
        if self._task is None or self._task.done():
            self._task = spawn(self._work(), name="rights, again", is_shared=True)

    async def _work(self) -> None:
        while self._is_asked:
            self._is_asked = False
            await check()


_checks = PerLoop(_Checks)


async def keep_checking() -> None:
    """Check every ``RUNNEL_RIGHTS_CHECK_SECONDS``, until the task is cancelled."""
    while True:
        await asyncio.sleep(settings.RUNNEL_RIGHTS_CHECK_SECONDS)
        try:
            await check()
        except Exception:
            logger.exception("rights could not be looked at again; the next check tries again")


async def check() -> None:
    """Close the sockets and end the live runs whose credentials are not valid any more."""
    live = {
        item.run_id: Identity(user_id=item.owner_id, username="", token_id=item.token_id)
        for item in stop_signals.live()
    }
    for run_id in _starters.keys() - live.keys():
        del _starters[run_id]
    owners = {run_id: _starters.get(run_id) or owner for run_id, owner in live.items()}
    identities = {*open_sockets.identities(), *owners.values()}
    lapsed = await readers.run(_lapsed, identities) if identities else {}
    await readers.run(last_use.store, {item.token_id for item in open_sockets.identities() if item.token_id})
    if not lapsed:
        return
    open_sockets.close(lapsed.keys())
    for run_id, identity in owners.items():
        if (lapse := lapsed.get(identity)) is not None and lapse.ends_runs:
            await _end(run_id, lapse.reason)


async def _end(run_id: UUID, reason: str) -> None:
    request = CancelRequest(run_id=run_id, by=CancelledBy.ACCESS, reason=reason)
    try:
        await supervisor.current().cancel(request)
    except NotFound:
        logger.info("run %s was deleted before it could be ended", run_id)


def _lapsed(identities: Iterable[Identity]) -> dict[Identity, Lapse]:
    """Return those of the identities that are not valid any more, each with the reason. Reads the database."""
    asked = list(identities)
    users = get_user_model()._default_manager.filter(
        pk__in={identity.user_id for identity in asked}, is_active=True
    )
    active = {user.pk: user for user in users.only("pk", "password")}
    token_ids = {identity.token_id for identity in asked if identity.token_id is not None}
    tokens = (
        set(ApiToken.live().filter(pk__in=token_ids).values_list("pk", flat=True)) if token_ids else set()
    )
    sessions = _sessions({identity.session_key for identity in asked if identity.session_key is not None})
    found = {}
    for identity in asked:
        lapse: Lapse | None = None
        if identity.share_id is not None:
            # ``shares_in_use`` looks after these.
            continue
        if identity.user_id not in active:
            lapse = _USER
        elif identity.token_id is not None:
            lapse = None if identity.token_id in tokens else _TOKEN
        elif identity.session_key is not None:
            lapse = _session_lapse(identity, active[identity.user_id], sessions)
        if lapse is not None:
            found[identity] = lapse
    return found


def _sessions(keys: set[str]) -> Mapping[str, Any] | None:
    """Return the stored sessions with these keys, ``None`` if the sessions are in no table."""
    store = import_module(settings.SESSION_ENGINE).SessionStore
    if not hasattr(store, "get_model_class"):
        return None
    return store.get_model_class().objects.in_bulk(keys) if keys else {}


def _session_lapse(identity: Identity, user: Any, sessions: Mapping[str, Any] | None) -> Lapse | None:
    if sessions is None:
        return None if is_current(identity) else _SIGNED_OUT
    row = sessions.get(identity.session_key or "")
    if row is None:
        return _SIGNED_OUT
    if row.expire_date <= timezone.now():
        return _SESSION
    data = row.get_decoded()
    hashes = (user.get_session_auth_hash(), *user.get_session_auth_fallback_hash())
    stored = data.get(HASH_SESSION_KEY, "")
    is_signed_in = data.get(SESSION_KEY) == str(user.pk) and any(
        constant_time_compare(stored, valid) for valid in hashes
    )
    return None if is_signed_in else _SIGNED_OUT
