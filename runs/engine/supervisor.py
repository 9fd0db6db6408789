"""The live runs of this process: starts, counts, cancels and drains them.

One ``Supervisor`` per event loop owns the journal and the feed. Only this module starts runs as tasks. No
socket owns these tasks, so a closed socket stops no run.
"""

import asyncio
import contextlib
import logging
import os
import socket
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any
from uuid import UUID, uuid4
from weakref import WeakValueDictionary

from django.conf import settings
from django.db import InterfaceError, OperationalError

from concurrency.availability import Availability
from concurrency.log_context import bound
from concurrency.per_loop import PerLoop
from concurrency.tasks import spawn
from concurrency.threads import packers, readers
from providers.errors.stop_signal import RunCancelled, StopSignal, wait_for
from runs import bus
from runs.bus import Kind
from runs.engine import executor, lock, stop_signals, titling
from runs.engine.cancel_request import CancelRequest
from runs.engine.engine import Engine
from runs.engine.listings import Listings
from runs.engine.liveness import Liveness
from runs.engine.spec import RunSpec, WorkerSettings
from runs.engine.stop_signals import Cancellation
from runs.engine.undriven import Undriven
from runs.log.compaction import Compactor
from runs.log.feed import Feed
from runs.log.journal import Journal
from runs.log.patient_writer import GIVE_UP
from runs.log.run_log import RunLog
from runs.states import CancelledBy
from runs.store import queue

logger = logging.getLogger("runnel.supervisor")

#: Conversations that are remembered because something may be queued in them.
MOST_QUEUES = 10_000
#: Seconds between two attempts to start while the database does not answer.
START_AGAIN = 1.0
#: Seconds after which a cancel that is not stored yet is told to the process that drives the run.
UNSTORED = 1.0


class Draining(Exception):  # noqa: N818 - it names what happened
    """The server is stopping and takes no new runs."""


class Supervisor:
    """The live runs of one event loop, with their journal and feed."""

    def __init__(self) -> None:
        self.feed = Feed()
        self.listings = Listings()
        self.availability = Availability()
        self.journal = Journal(
            interval=settings.RUNNEL_COMMIT_INTERVAL_MS / 1000,
            on_commit=self.feed.publish,
            availability=self.availability,
        )
        self.settings = WorkerSettings(
            worker=f"{socket.gethostname()[:24]}:{os.getpid()}:{uuid4().hex[:8]}",
            lease=settings.RUNNEL_LEASE_SECONDS,
            run_timeout=settings.RUNNEL_RUN_TIMEOUT,
            approval_timeout=settings.RUNNEL_APPROVAL_TIMEOUT,
            max_continuations=settings.RUNNEL_MAX_CONTINUATIONS,
        )
        self.executor = executor.chosen(self.settings, launch=self.launch, announce=self.announce)
        self.draining = False
        #: Set when ``drain`` has ended, also after a failure.
        self.drained = asyncio.Event()
        self._skip_wait = StopSignal()
        self._runs: dict[UUID, asyncio.Task[None]] = {}
        #: The last ``MOST_QUEUES`` conversations in which something may be queued. The rest is found by looking.
        self._queues: dict[UUID, None] = {}
        self._launches: WeakValueDictionary[UUID, asyncio.Event] = WeakValueDictionary()
        self.undriven = Undriven(
            journal=self.journal,
            feed=self.feed,
            listings=self.listings,
            is_driven=self._runs.__contains__,
            on_free=self._freed,
        )
        self.liveness = Liveness(
            self.settings,
            driven=lambda: tuple(self._runs),
            feed=self.feed,
            availability=self.availability,
        )
        #: The tasks that make titles.
        self._titling: set[asyncio.Task[None]] = set()
        self._tidying: asyncio.Task[None] | None = None
        self._compacting: asyncio.Task[None] | None = None
        self._startup: asyncio.Task[None] | None = None

    async def ready(self) -> None:
        """Wait until recovery has finished; the first caller starts it. No run starts before that.

        Recovery waits while the database does not answer.

        Raises:
            DatabaseError: the database answered with another error.
        """
        if self._startup is None or (self._startup.done() and self._tidying is None):
            self._startup = spawn(self._start(), name="start-up", is_shared=True)
        await asyncio.shield(self._startup)

    async def _start(self) -> None:
        while True:
            try:
                await self.liveness.reap(everything=lock.is_held())
                break
            except (OperationalError, InterfaceError):
                logger.exception("runs of a dead worker cannot be looked for: trying again")
                await asyncio.sleep(START_AGAIN)
        self.liveness.start()
        self._tidying = spawn(self._tidy_up(), name="tidying", is_shared=True)
        compactor = Compactor(self.journal, interval=settings.RUNNEL_COMPACTION_SECONDS)
        self._compacting = spawn(compactor.repeat(), name="compaction", is_shared=True)
        spawn(self._begin_queued(), name="queues", is_shared=True)

    def claim(self, run_id: UUID, owner_id: int, *, segment: int = 1) -> Cancellation:
        """Register the stop signal of a segment that is about to be stored, so that a cancel finds it.

        The caller must ``drop`` it.

        Raises:
            Draining: the server takes no new runs.
        """
        if self.draining:
            raise Draining
        return stop_signals.claim(run_id, owner_id, segment=segment)

    def release(self, run_id: UUID) -> None:
        """Stop live delivery unless this process drives the run; viewers then poll the log."""
        if run_id not in self._runs:
            self.feed.close(run_id, has_ended=False)

    def launch(self, spec: RunSpec, log: RunLog) -> asyncio.Task[None]:
        """Drive a stored segment that was claimed; ``log`` is its open log. Return the task that drives it."""
        run_id = spec.segment.run_id
        claimed = stop_signals.claim(run_id, spec.owner_id, segment=spec.segment.number)
        self.feed.open(run_id, spec.segment.conversation_id)
        self.listings.changed(spec.owner_id, spec.segment.conversation_id)
        engine = Engine(
            spec,
            journal=self.journal,
            log=log,
            cancellation=claimed,
            settings=self.settings,
            on_steered=partial(self.feed.followers.changed, spec.segment.conversation_id, run_id),
        )
        driving = spawn(self._drive(spec, engine, claimed), name=f"run {run_id}")
        self._runs[run_id] = driving
        self._tell_launched(run_id)
        return driving

    def announce(self, spec: RunSpec) -> None:
        """Tell workers, and those who follow the conversation, of a stored segment that waits for a worker."""
        run_id, conversation_id = spec.segment.run_id, spec.segment.conversation_id
        bus.send(Kind.WAITS, {"run_id": str(run_id)})
        self.feed.hand_over(run_id)
        self.feed.followers.began(conversation_id, run_id)
        self.listings.changed(spec.owner_id, conversation_id)
        self._tell_launched(run_id)

    def _tell_launched(self, run_id: UUID) -> None:
        if (waiting := self._launches.get(run_id)) is not None:
            waiting.set()

    def launch_of(self, run_id: UUID) -> asyncio.Event:
        """Return an event that is set when a run is launched here, from now on."""
        return self._launches.setdefault(run_id, asyncio.Event())

    async def _drive(self, spec: RunSpec, engine: Engine, claimed: Cancellation) -> None:
        run_id, has_ended = spec.segment.run_id, False
        try:
            with bound(run_id=run_id, user_id=claimed.owner_id, request_id=spec.request_id or None):
                has_ended = await engine.drive()
        finally:
            stop_signals.drop(claimed)
            # A paused run may already be driven again, by another task.
            if self._runs.get(run_id) is asyncio.current_task():
                del self._runs[run_id]
                self.feed.close(run_id, has_ended=has_ended)
                self._freed(spec.segment.conversation_id)
            self.listings.changed(claimed.owner_id, spec.segment.conversation_id)
            if has_ended and not self.draining:
                self._spawn_titling(run_id, claimed.owner_id, spec.segment.conversation_id)

    def _spawn_titling(self, run_id: UUID, owner_id: int, conversation_id: UUID) -> None:
        """Give the conversation a title by a model, if the settings name one."""
        if not settings.RUNNEL_TITLE_MODEL:
            return

        async def make() -> None:
            if await titling.make_title(self.journal, run_id):
                self.listings.changed(owner_id, conversation_id)

        task = spawn(make(), name=f"title of {conversation_id}")
        self._titling.add(task)
        task.add_done_callback(self._titling.discard)

    def note_queue(self, conversation_id: UUID) -> None:
        """Look for what is queued in a conversation when its run ends here, and not at the next heartbeat only."""
        self._queues.pop(conversation_id, None)
        self._queues[conversation_id] = None
        if len(self._queues) > MOST_QUEUES:
            del self._queues[next(iter(self._queues))]

    def _freed(self, conversation_id: UUID) -> None:
        """Begin with what is queued in a conversation, whose run has ended or paused."""
        # A worker does not know what others have queued.
        may_be_queued = conversation_id in self._queues or self.executor.driver is None
        if may_be_queued and not self.draining:
            for begin_next in _when_free:
                spawn(begin_next(conversation_id), name=f"queue of {conversation_id}", is_shared=True)

    async def _begin_queued(self) -> None:
        """Begin with what is queued and free to begin, in all conversations."""
        for conversation_id in await readers.run(queue.ready_to_begin):
            self.note_queue(conversation_id)
            self._freed(conversation_id)

    async def cancel(self, request: CancelRequest) -> bool:
        """Cancel a run. Return whether it was active, also when a cancel had been requested before.

        A stopping server stores no intent: the run's end follows at once and names the server.

        Raises:
            NotFound: there is no such run, or it belongs to another user than ``request.owner_id``.
        """
        has_stopped = request.signal()
        if request.by is CancelledBy.SERVER:
            return True
        telling = asyncio.get_running_loop().call_later(UNSTORED, request.tell_unstored)
        try:
            # The end of a run that stops here is stored in any case, and this before it.
            stored = await self.journal.execute(request.store, about=request.run_id, is_kept=has_stopped)
        finally:
            telling.cancel()
        if stored.was_active:
            # The run may have resumed here before the intent was stored.
            request.signal()
            bus.send(Kind.CANCEL, {"run_id": str(request.run_id)})
        if stored.is_undriven:
            await self.undriven.end(request.run_id)
        if stored.queue_changed_of is not None:
            self.feed.followers.changed(stored.queue_changed_of, request.run_id)
        return stored.was_active

    def live_count(self, owner_id: int) -> int:
        """Return how many runs of a user are live in this process."""
        return sum(item.owner_id == owner_id for item in stop_signals.live())

    async def drain(self) -> None:
        """Take no new runs, give live ones ``RUNNEL_DRAIN_SECONDS``, cancel the rest, commit everything."""
        if self.draining:
            await self.drained.wait()
            return
        self.draining = True
        try:
            await self._end_all()
            await self.close()
        finally:
            # Set also after a failure, so that other callers do not wait for ever.
            self.drained.set()

    async def _end_all(self) -> None:
        loop = asyncio.get_running_loop()
        if self._runs:
            ended = spawn(self._all_ended(), name="live runs")
            with contextlib.suppress(RunCancelled):
                await wait_for(ended, cancel=self._skip_wait, seconds=settings.RUNNEL_DRAIN_SECONDS)
            ended.cancel()
        # Includes runs that were being stored when the drain began.
        while mine := [item.run_id for item in stop_signals.live() if item.loop is loop]:
            if self.availability.waiting > GIVE_UP:
                logger.warning("%d runs are left to others: their ends cannot be stored", len(mine))
                return
            for run_id in mine:
                await self.cancel(
                    CancelRequest(run_id=run_id, by=CancelledBy.SERVER, reason="the server is stopping")
                )
            await asyncio.sleep(0.005)

    async def _all_ended(self) -> None:
        await asyncio.wait(self._runs.values())

    def skip_drain_wait(self) -> None:
        """Cancel live runs now instead of after ``RUNNEL_DRAIN_SECONDS``."""
        self._skip_wait.set()

    async def close(self) -> None:
        """Stop the making of titles, the heartbeat, the compaction and the journal's thread."""
        for task in tuple(self._titling):
            task.cancel()
        await asyncio.gather(*self._titling, return_exceptions=True)
        if self._compacting is not None:
            self._compacting.cancel()
            await asyncio.gather(self._compacting, return_exceptions=True)
        if self._tidying is not None:
            self._tidying.cancel()
        # Each may wait some seconds for a database that hangs, and the sockets are closed only then.
        await asyncio.gather(self.liveness.stop(), self.journal.close())
        await asyncio.gather(packers.close(), readers.close())

    async def _tidy_up(self) -> None:
        """End the runs of dead workers, and paused runs that are overdue, once in each heartbeat's time."""
        while True:
            await asyncio.sleep(settings.RUNNEL_HEARTBEAT_SECONDS)
            try:
                self.feed.doorbells.repeat()
                await self.liveness.reap(everything=False)
                await self.undriven.end_overdue()
                await self._begin_queued()
            except Exception:
                logger.exception("overdue runs could not be looked for; the next heartbeat tries again")


#: Begin with what is queued in a conversation, if nothing is in its way.
_when_free: list[Callable[[UUID], Coroutine[Any, Any, None]]] = []


def call_when_free(begin_next: Callable[[UUID], Coroutine[Any, Any, None]]) -> None:
    """Call ``begin_next`` with a conversation that may have queued runs, when it has become free."""
    _when_free.append(begin_next)


_of_this_loop = PerLoop(Supervisor)


def current() -> Supervisor:
    """Return the running loop's supervisor; make one if there is none."""
    return _of_this_loop.get()


def serving() -> tuple[Supervisor, asyncio.AbstractEventLoop] | None:
    """Return the supervisor and its running loop, for other threads. ``None`` without a running loop."""
    return next(((supervisor, loop) for loop, supervisor in _of_this_loop.running()), None)
