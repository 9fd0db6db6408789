"""The jobs that tell workers of runs that wait for them. Only this module knows Procrastinate.

A job is a bell, and no more: it is stored in the transaction that stores the run, and PostgreSQL notifies the
workers with the commit. What a worker executes, and in which order, it reads from the runs (``runs.store.claims``),
so that neither a lost job nor one too many changes anything. Of Procrastinate's locks, aborts and retries none is used,
nor its worker: to fetch and finish a job that asks for nothing takes it ten statements, and one deletes all of them.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Any, NoReturn
from uuid import UUID

from django.db import OperationalError
from procrastinate import App, PsycopgConnector
from procrastinate.contrib.django.django_connector import DjangoConnector
from procrastinate.contrib.django.utils import connector_params
from procrastinate.exceptions import ConnectorException
from psycopg import AsyncConnection

logger = logging.getLogger("runnel.jobs")

QUEUE = "runnel"
TASK = "runnel.run_waits"
#: Seconds between two looks for jobs to delete. They have rung by then: in a burst of starts, deleting them can wait.
CLEAR = 5.0
#: Seconds between two attempts while the database does not answer.
RETRY = 1.0

_DELETE_RUNG = """
DELETE FROM procrastinate_jobs WHERE id IN (
    SELECT id FROM procrastinate_jobs WHERE queue_name = %(queue)s FOR UPDATE SKIP LOCKED
)
"""

_deferring = App(connector=DjangoConnector())


def defer(run_id: UUID) -> None:
    """Store a job for a run, on this thread's connection and in its transaction.

    Raises:
        OperationalError: the database did not answer.
    """
    task = _deferring.configure_task(TASK, queue=QUEUE, allow_unknown=True)
    try:
        task.defer(run_id=str(run_id))
    except ConnectorException as error:
        raise OperationalError(str(error)) from error


class Jobs:
    """The jobs of one worker process: what it hears of them, and that they are deleted."""

    def __init__(self, ring: Callable[[], None]) -> None:
        """Take what is called, on the event loop, when there may be runs that wait."""
        self._ring = ring

    async def keep_answering(self) -> NoReturn:
        """Ring for each notification, and delete the jobs."""
        while True:
            try:
                await self._answer()
            except Exception as error:  # noqa: BLE001 - the database is away, or its tables are not there yet
                logger.warning("Jobs cannot be read (%s): trying again.", _why(error))
            await asyncio.sleep(RETRY)

    async def _answer(self) -> None:
        # One connection deletes. The one that listens is beside the pool.
        connector = PsycopgConnector(
            kwargs=connector_params(), min_size=1, max_size=1, configure=_commit_each
        )
        app = App(connector=connector)
        async with app.open_async(), asyncio.TaskGroup() as group:
            group.create_task(self._listen(app))
            group.create_task(self._clear(app))

    async def _listen(self, app: App) -> None:
        async def heard(**_: Any) -> None:
            self._ring()

        await app.job_manager.listen_for_jobs(on_notification=heard, queues=[QUEUE])

    async def _clear(self, app: App) -> NoReturn:
        while True:
            await app.connector.execute_query_async(_DELETE_RUNG, queue=QUEUE)
            await asyncio.sleep(CLEAR)


async def _commit_each(connection: AsyncConnection) -> None:
    """Leave out transactions: a process that is stopped inside of one would keep its locks."""
    await connection.set_autocommit(True)


def _why(error: BaseException) -> str:
    """Return in a line what the driver said of the first task that failed."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if isinstance(error, ConnectorException) and error.__cause__ is not None:
        error = error.__cause__
    return f"{type(error).__name__}: {error}".partition("\n")[0]
