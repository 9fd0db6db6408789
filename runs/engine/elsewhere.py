"""What other processes tell this one, and what it does then. Most messages only make it look, sooner than it would."""

from contextlib import suppress
from functools import partial
from typing import Any
from uuid import UUID

from django.contrib.auth.models import Group, User
from django.db import InterfaceError, OperationalError, transaction
from django.db.models.signals import m2m_changed, post_delete, post_save

from concurrency.tasks import spawn
from concurrency.threads import readers
from providers.catalog import cache
from providers.models import Provider
from runs import bus
from runs.bus import Kind
from runs.bus.bus import Payload
from runs.engine import stop_signals, supervisor
from runs.engine.cancel_request import CancelRequest
from runs.errors import NotFound
from runs.limits import ceilings
from runs.models import GroupLimits


def connect() -> None:
    """Listen. Called once, when Django is set up."""
    bus.listen(Kind.UP, _up)
    bus.listen(Kind.RING, _rung)
    bus.listen(Kind.WATCHED, _watched)
    bus.listen(Kind.CANCEL, _cancelled)
    bus.listen(Kind.REAPED, _reaped)
    bus.listen(Kind.STALLED, _stalled)
    bus.listen(Kind.BEGAN, _began)
    bus.listen(Kind.CHANGED, _changed)
    bus.listen(Kind.LISTED, _listed)
    bus.listen(Kind.PROVIDERS_CHANGED, _providers_changed)
    bus.listen(Kind.LIMITS_CHANGED, lambda _: ceilings.forget_all())
    for signal in (post_save, post_delete):
        signal.connect(_tell_of_providers, sender=Provider, dispatch_uid="bus")
        for sender in (GroupLimits, Group):
            signal.connect(_tell_of_limits, sender=sender, dispatch_uid="bus")
    m2m_changed.connect(_tell_of_limits, sender=User.groups.through, dispatch_uid="bus")


def _tell_of_providers(using: str, **_: Any) -> None:
    transaction.on_commit(partial(bus.send, Kind.PROVIDERS_CHANGED, {}), using=using)


def _tell_of_limits(using: str, **_: Any) -> None:
    transaction.on_commit(partial(bus.send, Kind.LIMITS_CHANGED, {}), using=using)


def _up(_: Payload) -> None:
    supervisor.current().feed.doorbells.repeat()


def _rung(payload: Payload) -> None:
    feed = supervisor.current().feed
    for run_id, last_seq in payload["runs"].items():
        feed.ring(UUID(run_id), last_seq)


def _watched(payload: Payload) -> None:
    supervisor.current().feed.doorbells.wanted(map(UUID, payload["run_ids"]))


def _cancelled(payload: Payload) -> None:
    if not stop_signals.is_live(UUID(payload["run_id"])):
        return
    if "unstored" in payload:
        request = CancelRequest.told(payload)
        spawn(_cancel_unstored(request), name=f"cancel {request.run_id}", is_shared=True)
    else:
        supervisor.current().liveness.look_for_cancels()


async def _cancel_unstored(request: CancelRequest) -> None:
    """Cancel a run for a process that cannot store this soon.

    It is stored here too, before the end of the run: else the other process might store it after that, and what is queued
    behind the run would begin.
    """
    # Whoever asked hears of a failure from the other process.
    with suppress(NotFound, OperationalError, InterfaceError):
        await supervisor.current().cancel(request)


def _reaped(payload: Payload) -> None:
    if stop_signals.is_live(run_id := UUID(payload["run_id"])):
        supervisor.current().liveness.note_reaped(run_id, payload["segment"])


def _stalled(payload: Payload) -> None:
    for run_id in payload["run_ids"]:
        supervisor.current().feed.take_stalled(UUID(run_id), payload["waiting"])


def _began(payload: Payload) -> None:
    followers = supervisor.current().feed.followers
    followers.began_elsewhere(UUID(payload["conversation_id"]), UUID(payload["run_id"]))


def _changed(payload: Payload) -> None:
    here, conversation_id = supervisor.current(), UUID(payload["conversation_id"])
    # Perhaps something is queued behind a run that ends here.
    here.note_queue(conversation_id)
    run_id = payload["run_id"]
    here.feed.followers.changed_elsewhere(conversation_id, UUID(run_id) if run_id else None)


def _listed(payload: Payload) -> None:
    supervisor.current().listings.changed_elsewhere(payload["user_id"], UUID(payload["conversation_id"]))


def _providers_changed(_: Payload) -> None:
    spawn(readers.run(cache.refresh), name="providers", is_shared=True)
