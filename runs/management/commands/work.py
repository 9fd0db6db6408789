"""``manage.py work``: execute runs that web processes have stored, and serve nothing."""

import asyncio
import contextlib
import signal
from socket import socket
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from concurrency.tasks import spawn
from project import (
    environment,
    exit_limit,
    lifecycle,
    listening,
    memory,
    readiness,
    shutdown_signals,
    worker_probes,
)
from runs.engine import supervisor
from runs.engine.executor import PROCRASTINATE
from runs.management.live_runs import print_live_runs
from runs.services.working import Worker


class Command(BaseCommand):
    """Work in the foreground until SIGTERM or Ctrl-C."""

    help = "Execute runs that wait for a worker (RUNNEL_EXECUTOR=procrastinate), several at the same time."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare how many runs, and where probes are answered; the defaults are settings."""
        parser.add_argument("--runs", type=int, default=settings.RUNNEL_WORKER_RUNS)
        parser.add_argument("--host", default=environment.text("HOST", "127.0.0.1"))
        parser.add_argument("--port", type=int, default=settings.RUNNEL_WORKER_PORT, help="0 for no probes")

    def handle(self, *args: Any, **options: Any) -> None:
        """Work until SIGTERM or Ctrl-C.

        Raises:
            CommandError: the settings, or --runs, say that there is nothing to do for a worker, or its port is in use.
        """
        if settings.RUNNEL_EXECUTOR != PROCRASTINATE:
            raise CommandError(
                "There is nothing for a worker to do: the web processes execute their runs themselves. "
                "Set RUNNEL_EXECUTOR=procrastinate for all of them and for the workers."
            )
        if options["runs"] < 1:
            raise CommandError("A worker executes one run at a time at least: give --runs a number from 1.")
        memory.keep_large_objects_apart()
        shutdown_signals.stop_at_hangup()
        port = options["port"]
        try:
            reserved = (
                listening.reserve(options["host"], port, variable="RUNNEL_WORKER_PORT") if port else None
            )
        except listening.Unavailable as unavailable:
            raise CommandError(str(unavailable)) from None
        asyncio.run(self._work(options["runs"], reserved))
        self.stdout.write("Stopped.")

    async def _work(self, most: int, reserved: socket | None) -> None:
        with worker_probes.answered(reserved) if reserved else contextlib.nullcontext():
            await self._execute(most)

    async def _execute(self, most: int) -> None:
        from runs.engine.jobs import Jobs  # imported here, because it takes Procrastinate

        told_to_stop = self._stop_at_signals()
        await lifecycle.start_up()
        await _first(readiness.wait_until_begun(), told_to_stop.wait())
        worker = Worker(most=most)
        answering = spawn(Jobs(worker.notify).keep_answering(), name="jobs", is_shared=True)
        if not told_to_stop.is_set():
            worker.start()
            self.stdout.write(f"This worker executes up to {most:,} runs at a time  (Ctrl-C stops it)")
            self.stdout.flush()
        await told_to_stop.wait()
        print_live_runs(self.stdout)
        await worker.stop()
        answering.cancel()
        await asyncio.gather(answering, return_exceptions=True)
        await lifecycle.shut_down()

    def _stop_at_signals(self) -> asyncio.Event:
        """Return an event that SIGTERM or SIGINT sets; the next one ends the wait for live runs.

        The first one also begins the exit's limit: the process may still wait for a database to begin with.
        """
        told = asyncio.Event()

        def stop() -> None:
            exit_limit.begin()
            if told.is_set():
                supervisor.current().skip_drain_wait()
            told.set()

        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stop)
        return told


async def _first(*waits: Any) -> None:
    """Wait for whichever comes first."""
    tasks = [spawn(wait, name="waiting", is_shared=True) for wait in waits]
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        task.cancel()
