"""Cancelling a run, for a socket, a view or the admin."""

from functools import partial
from uuid import UUID

from django.db import connection, transaction

from concurrency.threads import readers
from runs import bus
from runs.bus import Kind
from runs.engine import from_threads, supervisor
from runs.engine.cancel_request import CancelRequest
from runs.models.audit import Actor
from runs.models.run import CancelMode
from runs.services.sharing import Onlooker, run_to_stop
from runs.states import CancelledBy


async def cancel(
    owner_id: int, run_id: UUID, *, mode: str = CancelMode.IMMEDIATE, reason: str = "", name: str = ""
) -> str:
    """Cancel a run of the user ``owner_id``, and return after the cancel is stored.

    With the mode ``immediate`` the run stops at once, before the cancel is stored. ``name`` is the user's.

    Returns:
        ``requested``, also if an earlier cancel was stored, or ``already_terminal`` if the run has ended.

    Raises:
        NotFound: there is no such run, or it belongs to another user.
    """
    request = CancelRequest(
        run_id=run_id, by=CancelledBy.USER, by_name=name, owner_id=owner_id, reason=reason, mode=mode
    )
    return _state(await supervisor.current().cancel(request))


async def cancel_shared(onlooker: Onlooker, run_id: UUID, *, name: str, reason: str = "") -> str:
    """Cancel a run of somebody else at once, as ``cancel`` does, where its owner lets those who look do so.

    Args:
        onlooker: who looks.
        run_id: the run.
        name: the name of who looks, as the owner and others read it.
        reason: the reason to store.

    Raises:
        NotFound: there is no such run, ``onlooker`` may not look at it, or may not stop it.
    """
    owner_id = await readers.run(run_to_stop, onlooker, run_id)
    request = CancelRequest(
        run_id=run_id, by=CancelledBy.USER, by_name=name, owner_id=owner_id, reason=reason
    )
    return _state(await supervisor.current().cancel(request))


def cancel_from_thread(
    owner_id: int | None, run_id: UUID, *, reason: str = "", name: str = "", actor: Actor | None = None
) -> str:
    """Do the same as ``cancel``, for views and the admin, which run outside the event loop.

    ``owner_id`` is ``None`` for an admin, who may cancel every user's runs, and who is noted as ``actor``.

    Raises:
        NotFound: there is no such run, or it belongs to another user.
        TimeoutError: the event loop did not answer within ``from_threads.THREAD_TIMEOUT`` seconds.
    """
    by = CancelledBy.ADMIN if owner_id is None else CancelledBy.USER
    by_name = actor.name if actor is not None else name
    request = CancelRequest(
        run_id=run_id, by=by, by_name=by_name, owner_id=owner_id, reason=reason, actor=actor
    )
    serving = supervisor.serving()
    # Inside a transaction this would deadlock: the journal and this thread would wait for each other.
    if serving is not None and not connection.in_atomic_block:
        here, loop = serving
        return _state(from_threads.wait_on(loop, lambda: here.cancel(request)))
    request.signal()
    stored = request.store()
    if stored.was_active:
        request.signal()
        transaction.on_commit(partial(bus.send, Kind.CANCEL, {"run_id": str(run_id)}))
    if stored.is_undriven:
        # A serving process ends the run now. Otherwise another process ends it at its next heartbeat.
        transaction.on_commit(partial(from_threads.end_undriven_soon, run_id))
    return _state(stored.was_active)


def _state(was_active: bool) -> str:
    return "requested" if was_active else "already_terminal"
