"""The processes that are broken: one on SQLite, or several on PostgreSQL and Redis."""

import asyncio
import contextlib
import itertools
import math
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

from websockets.exceptions import InvalidMessage

from benchmarks.faults.observer import Observer
from tests.faults import stack
from tests.faults.redis_process import RedisServer
from tests.faults.server_process import ServerProcess
from tests.postgresql import DatabaseServer

#: Seconds after which something that does not happen counts as stuck.
PATIENCE = 900.0


@dataclass(kw_only=True)
class Installation:
    """The processes of one installation."""

    web: Sequence[ServerProcess]
    #: Those that execute runs apart from ``web``.
    workers: Sequence[ServerProcess]
    token: str
    rows: Callable[..., list[tuple[Any, ...]]]
    #: Executes a statement that returns no rows.
    execute: Callable[[str], None]
    #: ``time.monotonic()`` after which a part begins nothing more, and prints what it has done.
    deadline: float = math.inf
    #: ``None`` with SQLite.
    redis: RedisServer | None = None
    database: DatabaseServer | None = None
    #: Starts one more web process, which drives the runs that it stores, with further settings; ends it after the ``with`` block.
    driving: Callable[..., AbstractContextManager[ServerProcess]] | None = None

    async def client(self, number: int = 0) -> Observer:
        """Open a socket to the web process with this number, or to the next one that answers."""
        async with asyncio.timeout(PATIENCE):
            for place in itertools.count(number):
                with contextlib.suppress(OSError, InvalidMessage):
                    return await Observer.connect(self.web[place % len(self.web)], self.token)
                await asyncio.sleep(0.05)
        raise AssertionError("it counts for ever")

    def key(self, id: str) -> str:
        """Return an id as the database stores it."""
        return id if self.workers else UUID(id).hex

    def runs(self, run_ids: Sequence[str]) -> dict[str, tuple[str, str, str]]:
        """Return of each run the process that has driven it last, its status and its stop reason."""
        keys = [self.key(run_id) for run_id in run_ids]
        places = ", ".join(["%s"] * len(keys))
        found = self.rows(
            f"SELECT id, worker, status, stop_reason FROM runs_run WHERE id IN ({places})", *keys
        )
        return {str(key if isinstance(key, UUID) else UUID(key)): (w, s, r or "") for key, w, s, r in found}

    def unfinished(self) -> int:
        """Return how many runs have not ended."""
        ((number,),) = self.rows("SELECT count(*) FROM runs_run WHERE finished_at IS NULL")
        return int(number)

    async def all_ended(self, patience: float = 60.0) -> int:
        """Wait until all runs have ended. Return how many have not after ``patience`` seconds."""
        end = time.monotonic() + patience
        while (left := self.unfinished()) and time.monotonic() < end:  # noqa: ASYNC110 - of other processes
            await asyncio.sleep(0.05)
        return left


@contextmanager
def one(folder: Path, **settings: str) -> Iterator[Installation]:
    """One process on SQLite."""
    server = ServerProcess(folder, **settings)

    def rows(query: str, *values: Any) -> list[tuple[Any, ...]]:
        with sqlite3.connect(folder / "runnel.sqlite3", timeout=30) as database:
            return database.execute(query.replace("%s", "?"), values).fetchall()

    def execute(statement: str) -> None:
        with sqlite3.connect(folder / "runnel.sqlite3", timeout=30) as database:
            database.execute(statement)

    server.start(patience=PATIENCE)
    try:
        yield Installation(web=[server], workers=[], token=server.issue_token(), rows=rows, execute=execute)
    finally:
        server.kill()


@contextmanager
def apart(folder: Path, **settings: str) -> Iterator[Installation]:
    """Two web processes and two workers."""
    with stack.running(folder, settings, patience=PATIENCE) as found:
        yield Installation(
            web=found.web,
            workers=found.workers,
            token=found.token,
            rows=found.rows,
            execute=found.execute,
            redis=found.redis,
            database=found.database,
            driving=partial(found.one_more, RUNNEL_EXECUTOR="inprocess"),
        )


@contextmanager
def installed(
    settings: Mapping[str, str], *, is_one: bool, inside: Path | None = None
) -> Iterator[Installation]:
    """One of both, with its files in a folder that is deleted afterwards, ``inside`` another one if that is given."""
    with tempfile.TemporaryDirectory(prefix="runnel-faults-", dir=inside) as folder:
        # PostgreSQL's user passes through it.
        Path(folder).chmod(0o711)
        with (one if is_one else apart)(Path(folder), **settings) as here:
            yield here
