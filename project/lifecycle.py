"""What every process of Runnel does when it begins and when it ends, whether it serves or works."""

import asyncio
import contextlib
import gc
import logging
from collections.abc import Iterable

from django.conf import settings
from django.db import connection

import emulator
from concurrency import database_limits
from concurrency.redis_slots import close_shared
from concurrency.tasks import spawn
from concurrency.threads import readers
from project import exit_limit, memory, readiness
from providers import clients
from providers.catalog import cache
from providers.clients import model_lists
from providers.usage import price_lists
from runs import bus
from runs.access import rights, shares_in_use
from runs.engine import lock, supervisor
from runs.engine.executor import PROCRASTINATE
from runs.http import metrics
from runs.retention import daily
from runs.services.working import POLL_OF_SERVERS, Worker
from runs.socket import consumers
from runs.telemetry import metrics as telemetry
from runs.telemetry import spans
from runs.toolbox import mcp

logger = logging.getLogger("runnel.lifecycle")

#: Allocations between two garbage collections. With Python's default, they caused the longest latencies.
GC_THRESHOLD = 50_000

#: Executes what was stored for workers while the settings named them.
_leftovers: list[Worker] = []
#: Tasks that run as long as the server.
_background: set[asyncio.Task[None]] = set()


async def start_up() -> None:
    """Begin, or wait in the background for a database with the tables that this code needs.

    Raises:
        lock.AlreadyRunning: another server uses the SQLite database.
    """
    lock.hold_database()
    # Below the lease: nobody's runs are held by a process that was stopped.
    database_limits.limit_sessions(settings.RUNNEL_LEASE_SECONDS * 2 / 3)
    if await readiness.check():
        await _begin()
    else:
        _background.add(spawn(_begin_later(), name="waiting for the database", is_shared=True))


async def _begin_later() -> None:
    await readiness.wait()
    await _begin()
    logger.info("The database is ready now.")


async def _begin() -> None:
    """End runs of a dead process, then load what the first stream would load."""
    spans.configure()
    await bus.open_link()
    await supervisor.current().ready()
    await readers.run(cache.refresh_if_due)
    await clients.warm_up()
    await mcp.warm_up()
    await price_lists.warm_up()
    gc.collect()
    gc.freeze()
    gc.set_threshold(GC_THRESHOLD, 50, 50)
    logger.info("what the first runs need is loaded")
    _background.add(spawn(memory.keep_small(), name="memory"))
    _background.add(spawn(clients.keep_few(), name="idle connections", is_shared=True))
    _background.add(spawn(daily.keep_pruned(), name="daily pruning"))
    _background.add(spawn(rights.keep_checking(), name="rights", is_shared=True))
    _background.add(spawn(shares_in_use.keep_checking(), name="shares", is_shared=True))
    _background.add(spawn(metrics.keep_measuring(), name="metrics", is_shared=True))
    if settings.RUNNEL_EXECUTOR != PROCRASTINATE and connection.vendor == "postgresql":
        _leftovers.append(Worker(most=settings.RUNNEL_WORKER_RUNS, poll=POLL_OF_SERVERS))
        _leftovers[-1].start(hears=False)
    if settings.RUNNEL_LIST_MODELS:
        _background.add(spawn(model_lists.keep_fresh(), name="model lists"))
    readiness.has_begun = True


async def end_sockets() -> None:
    """End the live runs, let their viewers see it, and close all sockets. ``shut_down`` does the rest.

    For a process that was told to stop: it ends soon, whatever hangs (``exit_limit``).
    """
    exit_limit.begin()
    readiness.has_begun = False
    await supervisor.current().drain()
    await consumers.close_all()


async def _all_done(tasks: Iterable[asyncio.Task[None]]) -> None:
    await asyncio.gather(*tasks)


async def shut_down() -> None:
    """Drain live runs, commit everything, close all sockets and connections.

    If one part fails, the others are still closed: otherwise open sockets would delay the server's exit.
    """
    readiness.has_begun = False
    while _background:
        _background.pop().cancel()
    # Nothing is awaited before the drain has begun: Daphne would close the sockets meanwhile, without a word.
    stopping = [spawn(worker.stop(), name="no further claims") for worker in _leftovers]
    _leftovers.clear()
    async with contextlib.AsyncExitStack() as last_first:
        last_first.callback(lock.release)
        last_first.callback(telemetry.leave)
        last_first.push_async_callback(asyncio.to_thread, spans.close)
        last_first.push_async_callback(emulator.close_shared)
        last_first.push_async_callback(bus.close)
        last_first.push_async_callback(close_shared)
        last_first.push_async_callback(clients.close_all)
        last_first.push_async_callback(mcp.close_all)
        last_first.push_async_callback(consumers.close_all)
        last_first.push_async_callback(_all_done, stopping)
        last_first.push_async_callback(supervisor.current().drain)
