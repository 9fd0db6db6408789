"""What a worker does: claims the runs that wait, begins them, and looks for more when one has ended.

A claim takes a few runs at a time, so that the workers share them; the next claim follows when these have begun. Who
goes first is a matter of ``runs.store.claims``.
"""

import asyncio
import contextlib
import logging
import math
import time
from datetime import timedelta
from functools import partial
from typing import Any

from django.db import InterfaceError, OperationalError
from django.utils import timezone

from concurrency.log_context import bound
from concurrency.tasks import spawn
from concurrency.threads import readers
from providers.catalog import CatalogError
from runs import bus
from runs.bus import Kind
from runs.calls.outcomes import NotExecuted
from runs.engine import endings, queued, stop_signals, supervisor
from runs.engine.cancel_request import CancelRequest
from runs.engine.spec import RunSpec
from runs.engine.step import name_of
from runs.engine.stop_signals import Cancellation
from runs.engine.supervisor import Draining
from runs.errors import Forbidden, ServiceError
from runs.log import agui
from runs.log.journal import Fenced
from runs.models import Run
from runs.services import specs
from runs.states import CancelledBy, StopReason
from runs.store import claims, transitions
from runs.store.claims import Claimed
from runs.store.transitions import LostRace
from runs.telemetry import metrics, notes

logger = logging.getLogger("runnel.worker")

#: Seconds between two looks for runs that wait. Notifications and messages come sooner.
POLL = 1.0
#: The same for a server that executes its runs itself, and takes those that a worker was to take before.
POLL_OF_SERVERS = 10.0
#: Seconds after a notification in which a message of the bus tells nothing new: each start has both.
NOTIFIED = 1.0
#: Seconds that a worker which stops waits for the runs that it has claimed.
PATIENCE = 5.0
#: Runs that are claimed at once.
TOGETHER = 16


class Worker:
    """Drives runs that wait, on the running loop."""

    def __init__(self, *, most: int, poll: float = POLL) -> None:
        """Take the number of runs that are driven at the same time, and the seconds between two looks."""
        self._most = most
        self._poll = poll
        self._rung = asyncio.Event()
        self._notified_at = -math.inf
        self._carried: set[asyncio.Task[None]] = set()
        self._claiming: asyncio.Task[None] | None = None
        self._is_stopping = False

    def notify(self) -> None:
        """Look for runs that wait soon, because PostgreSQL has just said that there are some. On the event loop."""
        self._notified_at = time.monotonic()
        self._rung.set()

    def _hear(self, _: Any) -> None:
        """Look for runs that wait soon, unless notifications come: a pooler may keep them from this process."""
        if time.monotonic() - self._notified_at > NOTIFIED:
            self._rung.set()

    def start(self, *, hears: bool = True) -> None:
        """Begin to claim runs, and hear of those that are stored meanwhile, unless others are to take them."""
        if hears:
            bus.listen(Kind.WAITS, self._hear)
        self._claiming = spawn(self._keep_claiming(), name="worker", is_shared=True)

    async def stop(self) -> None:
        """Claim no more runs, and wait until those that were claimed have begun, for ``PATIENCE`` seconds. They go on."""
        self._is_stopping = True
        self._rung.set()
        if self._claiming is not None:
            # A database that is away holds them up.
            await asyncio.wait({self._claiming}, timeout=PATIENCE)

    async def _keep_claiming(self) -> None:
        here = supervisor.current()
        while not self._is_stopping and not here.draining:
            try:
                is_more = await self._claim()
            except (OperationalError, InterfaceError):
                logger.warning("runs that wait cannot be looked for", exc_info=True)
                is_more = False
            except Exception:
                logger.exception("runs that wait could not be claimed; the next look tries again")
                is_more = False
            if not is_more and not self._is_stopping:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self._poll):
                        await self._rung.wait()
                self._rung.clear()

    async def _claim(self) -> bool:
        """Claim some runs and begin them. Return whether there may be more for this process."""
        here = supervisor.current()
        room = min(self._most - len(self._carried), TOGETHER)
        if room <= 0:
            return False
        lease = here.settings.lease_time
        claimed = await readers.run(_claim, here.settings.worker, lease, room)
        begun = [asyncio.Event() for _ in claimed]
        for (run, spec), has_begun in zip(claimed, begun, strict=True):
            task = spawn(self._carry(run, spec, has_begun), name=f"carry {run.pk}", is_shared=True)
            self._carried.add(task)
            task.add_done_callback(self._carried.discard)
            task.add_done_callback(self._has_room)
        for has_begun in begun:
            await has_begun.wait()
        # One that was claimed before was claimed alone: others may wait behind it.
        return len(claimed) == room or any(run.claims > 1 for run, _ in claimed)

    def _has_room(self, _: object) -> None:
        """Look for more when one of as many as are allowed has ended."""
        if len(self._carried) == self._most - 1:
            self._rung.set()

    async def _carry(self, run: Run, spec: RunSpec | Exception, has_begun: asyncio.Event) -> None:
        """Begin a claimed run, and wait for the end of its segment."""
        try:
            driving = await self._begin(run, spec)
        finally:
            has_begun.set()
        if driving is not None:
            await asyncio.wait({driving})

    async def _begin(self, run: Run, spec: RunSpec | Exception) -> asyncio.Task[None] | None:
        here = supervisor.current()
        try:
            claim = here.claim(run.pk, run.owner_id, segment=run.segment)
        except Draining:
            await self._give_back(run)
            return None
        claim.token_id = run.queued_by_token
        try:
            if isinstance(spec, Exception):
                raise spec
            return await self._launch(run, spec, claim)
        except Forbidden as why:
            await here.cancel(CancelRequest(run_id=run.pk, by=CancelledBy.ACCESS, reason=why.message))
        except (CatalogError, ServiceError) as why:
            await self._fail(run, why)
        except (Fenced, LostRace):
            logger.info("run %s does not wait any more: another change came first", run.pk)
        except Exception:
            # It waits again when its lease is over, and is given up after some attempts.
            logger.exception("run %s could not be begun", run.pk)
        finally:
            stop_signals.drop(claim)
        return None

    async def _launch(self, run: Run, spec: RunSpec, claim: Cancellation) -> asyncio.Task[None] | None:
        here = supervisor.current()
        if claim.signal.is_set():
            # The process ends, or the run's credentials are not valid any more; whoever asked for a cancel ends it.
            await self._give_back(run)
            return None
        log = here.journal.open(run.pk, fence=run.fence, last_seq=run.last_seq)
        step = spec.first_step
        events = [agui.step_started(name_of(step))] if step is not None else []
        own = here.settings
        begin = partial(transitions.begin, run.pk, step, worker=own.worker, lease=own.lease_time)
        await here.journal.commit(log, events, begin)
        log.fence += 1
        if run.segment == 1:
            metrics.WAITED.observe(max(0.0, (timezone.now() - run.created_at).total_seconds()))
        return here.launch(spec, log)

    async def _give_back(self, run: Run) -> None:
        here = supervisor.current()

        def give_back() -> None:
            if claims.give_back(run.pk, here.settings.worker):
                here.executor.defer(run.pk)

        await here.journal.execute(give_back)

    async def _fail(self, run: Run, why: CatalogError | ServiceError) -> None:
        """End a run that cannot be made any more, because its model or its tools are not there by now."""
        here = supervisor.current()
        outcomes = await readers.run(queued.unanswered, run, NotExecuted.FAILED)
        event, ending = endings.failed(StopReason.ERROR, why.code, why.message, queued.usage_of(run))
        log = here.journal.open(run.pk, fence=run.fence, last_seq=run.last_seq)
        events = [*map(agui.tool_result, outcomes), event]
        with contextlib.suppress(Fenced, LostRace):
            await here.journal.commit(log, events, partial(queued.end, run, ending, outcomes))
            with bound(request_id=run.request_id or None):
                notes.run_ended(run.pk, run.owner_id, ending)
            here.listings.changed(run.owner_id, run.conversation_id)


def _claim(worker: str, lease: timedelta, most: int) -> list[tuple[Run, RunSpec | Exception]]:
    """Claim runs. Return each with what there is to do for it, or why that cannot be said. In one go: hops cost time."""
    return [(each.run, _read(each)) for each in claims.claim(worker, lease, most=most)]


def _read(claimed: Claimed) -> RunSpec | Exception:
    if not claimed.has_owner:
        return Forbidden("The user was deactivated or deleted.")
    if not claimed.has_token:
        return Forbidden("The API token that started it was revoked, or has expired.")
    try:
        return specs.read(claimed.run)
    except Exception as error:  # noqa: BLE001 - whoever begins the run judges it
        return error
