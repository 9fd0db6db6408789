"""Who drives the runs that this process stores: the process itself, or workers. ``RUNNEL_EXECUTOR`` says.

A start and a decision store a run in one transaction, then pass it on here. Nothing else differs: whoever drives
the run, its rows and its log are all that others know of it.
"""

from collections.abc import Callable
from typing import Protocol
from uuid import UUID

from django.conf import settings
from django.core.checks import CheckMessage, Error, register
from django.db import connection

from runs.engine.spec import RunSpec, WorkerSettings
from runs.log.run_log import RunLog

#: The value of ``RUNNEL_EXECUTOR`` with which workers drive all runs.
PROCRASTINATE = "procrastinate"

#: Drives a stored segment; the second argument is its open log.
type Launch = Callable[[RunSpec, RunLog], object]
#: Tells workers, and those who follow the conversation, of a stored segment.
type Announce = Callable[[RunSpec], None]


class Executor(Protocol):
    """Drives what is stored, or has it driven."""

    @property
    def driver(self) -> WorkerSettings | None:
        """The process that drives what is stored now; ``None`` if a worker is to claim it."""
        ...

    def defer(self, run_id: UUID) -> None:
        """Do what belongs into the transaction that stores a segment."""
        ...

    def submit(self, spec: RunSpec, log: RunLog) -> None:
        """Begin to drive a stored segment, or tell the workers of it; ``log`` is its open log."""
        ...


class InProcess:
    """The process that stores a run drives it."""

    def __init__(self, driver: WorkerSettings, launch: Launch) -> None:
        self.driver = driver
        self._launch = launch

    def defer(self, run_id: UUID) -> None:
        """Do nothing: the run begins with its transaction."""

    def submit(self, spec: RunSpec, log: RunLog) -> None:
        """Drive the segment."""
        self._launch(spec, log)


class ByWorkers:
    """A worker drives the run: whichever claims it first."""

    driver = None

    def __init__(self, announce: Announce, defer: Callable[[UUID], None]) -> None:
        self._announce = announce
        self._defer = defer

    def defer(self, run_id: UUID) -> None:
        """Leave a job, whose notification the workers get with the commit."""
        self._defer(run_id)

    def submit(self, spec: RunSpec, log: RunLog) -> None:
        """Tell of it."""
        self._announce(spec)


def chosen(driver: WorkerSettings, *, launch: Launch, announce: Announce) -> Executor:
    """Return the executor that the settings name."""
    if settings.RUNNEL_EXECUTOR == PROCRASTINATE:
        from runs.engine import jobs  # imported here, because it takes PostgreSQL and time

        return ByWorkers(announce, jobs.defer)
    return InProcess(driver, launch)


@register()
def check_database(**_: object) -> list[CheckMessage]:
    """Return an error if workers are to drive all runs, and the database has no queue for them."""
    if settings.RUNNEL_EXECUTOR != PROCRASTINATE or connection.vendor == "postgresql":
        return []
    hint = "Set DATABASE_URL to a PostgreSQL database, or RUNNEL_EXECUTOR=inprocess."
    return [Error("RUNNEL_EXECUTOR=procrastinate needs PostgreSQL.", hint=hint, id="runnel.E001")]
