"""The only writer of the event log. It numbers events, commits them in groups and enforces the fence.

The journal collects the events of all live runs until the next commit. It merges adjacent deltas of the
same message or call; nothing else is merged. One thread writes each group in one transaction (the SQL is in
``runs.log.writer``). A commit begins ``interval`` seconds after the previous one began, or at once for
decisions. While the database cannot be reached, the same group is tried again (``runs.log.patient_writer``). After
each commit the journal calls ``on_commit``, so viewers only see committed events.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from uuid import UUID

import orjson

from concurrency.availability import Availability
from concurrency.tasks import spawn
from runs.log.agui import Event
from runs.log.packing import frame_head, frames
from runs.log.patient_writer import PatientWriter
from runs.log.run_log import Committed, Delta, RunLog
from runs.log.writer import Append, AtomicChange, Fenced, Group
from runs.telemetry.metrics import note_commit

__all__ = ["Fenced", "Journal"]

logger = logging.getLogger("runnel.journal")

#: Characters of one run that may wait for a commit; above that, ``ready`` blocks the run's producer.
MAX_PENDING = 256 * 1024
#: Characters of one delta. JSON escaping can turn one into six bytes, and Daphne sends no frame above 1 MiB.
MAX_DELTA = 128 * 1024


@dataclass(slots=True)
class _Request:
    """A decision that waits for its commit."""

    log: RunLog | None
    #: JSON texts.
    events: list[str]
    apply: Callable[[], Any]
    answer: asyncio.Future[Any]
    makes_run: bool = False
    #: The run that it changes, if it has no log.
    about: UUID | None = None
    #: Whether it is stored once the database is back, also after whoever asked was told that it fails.
    is_kept: bool = False
    #: The log's pending items, which are committed together with the decision.
    before: list[str | Delta] = field(default_factory=list)

    @property
    def may_be_refused(self) -> bool:
        """Whether it is no commit of a run that is driven."""
        return self.makes_run or self.log is None

    @property
    def place(self) -> int:
        """Its place in a group. Processes that lock the rows of several runs in one order wait, and do not deadlock."""
        run_id = self.log.run_id if self.log is not None else self.about
        return run_id.int if run_id is not None else 0


class Journal:
    """Collects, numbers and commits the events of all live runs; belongs to one event loop."""

    def __init__(
        self,
        *,
        interval: float,
        on_commit: Callable[[Committed], None],
        availability: Availability | None = None,
    ) -> None:
        """Prepare the journal.

        Args:
            interval: seconds between the starts of two commits.
            on_commit: called on the event loop with each committed batch.
            availability: is told when the journal waits for the database.
        """
        self._interval = interval
        self._on_commit = on_commit
        self._writer = PatientWriter(availability or Availability())
        self._dirty: dict[RunLog, None] = {}
        self._requests: list[_Request] = []
        self._wake = asyncio.Event()
        self._is_urgent = asyncio.Event()
        self._worker: asyncio.Task[None] | None = None
        self._is_committing = False

    def open(self, run_id: UUID, *, fence: int, last_seq: int) -> RunLog:
        """Return the log of a run for appending after ``last_seq``, under the fence ``fence``."""
        return RunLog(run_id, fence, last_seq)

    def append(self, log: RunLog, event: Event) -> None:
        """Add an event to the next commit, which begins within the interval."""
        self._add(log, _dumps(event))

    def extend(self, log: RunLog, head: str, text: str) -> None:
        """Append ``text`` to the newest pending event if that has the same head, else begin a new event."""
        if len(text) > MAX_DELTA:
            for start in range(0, len(text), MAX_DELTA):
                self.extend(log, head, text[start : start + MAX_DELTA])
            return
        last = log.pending[-1] if log.pending else None
        if isinstance(last, Delta) and last.head == head and last.size + len(text) <= MAX_DELTA:
            last.pieces.append(text)
            last.size += len(text)
            log.pending_size += len(text)
            if log.pending_size > MAX_PENDING:
                log.drained.clear()
            return
        self._add(log, Delta(head, [text], len(text)), size=len(text))

    def commit_now(self) -> None:
        """Commit what is pending now instead of at the next interval."""
        self._is_urgent.set()

    async def ready(self, log: RunLog) -> None:
        """Wait until the log can take more events.

        Raises:
            Fenced: the log may not or could not be written.
        """
        await log.drained.wait()
        if log.lost:
            raise Fenced

    async def commit[T](self, log: RunLog, events: list[Event], apply: Callable[[], T]) -> T:
        """Commit ``events`` and the changes of ``apply`` together, after all pending events.

        Args:
            log: the run's log.
            events: the events to append; may be empty.
            apply: runs on the writer's thread inside the transaction; again, if that was rolled back.

        Returns:
            The result of ``apply``.

        Raises:
            Fenced: another process has taken the run over, or its log could not be written.
            Exception: ``apply`` raised it; its changes and ``events`` are rolled back.
        """
        return await self._request(log, events, apply)

    async def begin(self, log: RunLog, events: list[Event], apply: Callable[[], int]) -> int:
        """Commit the changes of ``apply``, which store a new run, together with the first ``events`` of its log.

        ``apply`` returns how many of the events are kept. Return that number.

        Raises:
            Exception: ``apply`` raised it; its changes are rolled back, and the log has no event.
        """
        return await self._request(log, events, apply, makes_run=True)

    async def execute[T](
        self, apply: Callable[[], T], *, about: UUID | None = None, is_kept: bool = False
    ) -> T:
        """Run ``apply`` in the writer's next transaction, without events, and return its result.

        Args:
            apply: runs on the writer's thread inside the transaction; again, if that was rolled back.
            about: the run that it changes, if it is one.
            is_kept: whether it is stored after an outage that was too long for whoever asked, too.

        Raises:
            Exception: ``apply`` raised it; its changes are rolled back.
        """
        return await self._request(None, [], apply, about=about, is_kept=is_kept)

    async def close(self) -> None:
        """Commit all pending events, unless the database is away for too long, and stop the writer."""
        while (self._dirty or self._requests or self._is_committing) and not self._writer.is_given_up:
            self.commit_now()
            await asyncio.sleep(0.001)
        # Cleared first: a request that arrives while this worker ends must start another one.
        worker, self._worker = self._worker, None
        if worker is not None:
            worker.cancel()
            await asyncio.gather(worker, return_exceptions=True)
        await self._writer.close()

    def _add(self, log: RunLog, item: str | Delta, *, size: int | None = None) -> None:
        log.pending.append(item)
        log.pending_size += len(item) if isinstance(item, str) else size or 0
        if log.pending_size > MAX_PENDING:
            log.drained.clear()
        self._dirty[log] = None
        self._start()

    async def _request[T](
        self,
        log: RunLog | None,
        events: list[Event],
        apply: Callable[[], T],
        *,
        makes_run: bool = False,
        about: UUID | None = None,
        is_kept: bool = False,
    ) -> T:
        if log is not None and log.lost:
            raise Fenced
        # Serialized here: an error fails this request only, while an error in the commit fails the group.
        texts = [_dumps(event) for event in events]
        answer: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._requests.append(_Request(log, texts, apply, answer, makes_run, about, is_kept))
        self._is_urgent.set()
        self._start()
        return await asyncio.shield(answer)

    def _start(self) -> None:
        self._wake.set()
        if self._worker is None or self._worker.done():
            self._worker = spawn(self._work(), name="journal", is_shared=True)

    async def _work(self) -> None:
        loop = asyncio.get_running_loop()
        next_start = 0.0
        while True:
            await self._wake.wait()
            pause = next_start - loop.time()
            if pause > 0 and not self._is_urgent.is_set():
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(pause):
                        await self._is_urgent.wait()
            self._wake.clear()
            self._is_urgent.clear()
            next_start = loop.time() + self._interval
            await self._commit_pending()

    async def _commit_pending(self) -> None:
        """Commit what was collected. Nothing of it is held afterwards: a request knows its run's files."""
        logs, requests = list(self._dirty), sorted(self._requests, key=lambda item: item.place)
        self._dirty, self._requests = {}, []
        if not logs and not requests:
            return
        self._is_committing = True
        try:
            await self._commit_group(logs, requests)
        except Exception as error:
            logger.exception("a group could not be committed")
            self._fail_group(logs, requests, error)
        finally:
            self._is_committing = False

    async def _commit_group(self, logs: list[RunLog], requests: list[_Request]) -> None:
        appended: dict[RunLog, Append] = {}
        deciding = {item.log: item for item in reversed(requests) if item.log is not None}
        for log in logs:
            if log.before_commit is not None:
                log.before_commit()
            items, log.pending, log.pending_size = log.pending, [], 0
            if items and not log.lost:
                if log in deciding:
                    deciding[log].before = items
                else:
                    appended[log] = log.take(items)
        decisions = [
            AtomicChange(
                item.log.take([*item.before, *item.events]) if item.log else None,
                item.apply,
                item.makes_run,
            )
            for item in requests
        ]
        begun_at = time.monotonic()
        outcomes = await self._writer.write(
            Group(list(appended.values()), decisions),
            give_up=partial(self._refuse_waiting, requests, decisions),
        )
        written = (*appended.values(), *(each.append for each in decisions if each.append))
        note_commit(time.monotonic() - begun_at, sum(len(each.events) for each in written))
        for log, append in appended.items():
            if append.key in outcomes.refused:
                log.lost = True
            else:
                self._publish(append)
        for log in logs:
            log.drained.set()
        for item, decision, outcome in zip(requests, decisions, outcomes.decisions, strict=True):
            self._resolve(item, decision, outcome)

    def _refuse_waiting(
        self, requests: list[_Request], decisions: list[AtomicChange], error: Exception
    ) -> None:
        """Answer those who wait for what they could ask for again, such as starts. Runs that are driven wait on."""
        for item, decision in zip(requests, decisions, strict=True):
            if item.may_be_refused and not decision.is_over:
                if not item.is_kept:
                    decision.settle(error)
                _fail(item, error)
        for item in self._requests:
            if item.may_be_refused:
                _fail(item, error)
        self._requests = [item for item in self._requests if item.is_kept or not item.may_be_refused]

    def _resolve(self, item: _Request, decision: AtomicChange, outcome: Any) -> None:
        """Resolve the caller's future.

        If the decision failed, its numbers are used again, and what was pending before it is pending again.
        """
        append = decision.append
        if isinstance(outcome, BaseException):
            if item.log is not None and append is not None:
                item.log.seq = append.first_seq - 1
                item.log.lost = item.log.lost or isinstance(outcome, Fenced)
                self._put_back(item.log, item.before)
            if not item.answer.done():
                item.answer.set_exception(outcome)
            return
        if append is not None:
            if item.log is not None and item.makes_run:
                item.log.seq = append.last_seq
            self._publish(append)
        if not item.answer.done():
            item.answer.set_result(outcome)

    def _put_back(self, log: RunLog, items: list[str | Delta]) -> None:
        if items and not log.lost:
            log.pending = [*items, *log.pending]
            log.pending_size += sum(len(item) if isinstance(item, str) else item.size for item in items)
            self._dirty[log] = None
            self._start()

    def _fail_group(self, logs: list[RunLog], requests: list[_Request], error: Exception) -> None:
        for log in logs:
            log.lost = True
            log.drained.set()
        for item in requests:
            _fail(item, error)

    def _publish(self, append: Append) -> None:
        if append.events:
            self._on_commit(
                Committed(
                    run_id=append.run_id,
                    first_seq=append.first_seq,
                    last_seq=append.last_seq,
                    frames=frames(frame_head(append.run_id), append.first_seq, append.events),
                )
            )


def _fail(item: _Request, error: Exception) -> None:
    if not item.answer.done():
        item.answer.set_exception(error)


def _dumps(event: Event) -> str:
    return orjson.dumps(event).decode()
