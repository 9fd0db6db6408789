"""Web processes and two workers on PostgreSQL and Redis, all of them real processes."""

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

from tests.faults.redis_process import RedisServer, temporary_redis
from tests.faults.server_process import STUCK, ServerProcess, WorkerProcess
from tests.postgresql import DatabaseServer, temporary_server


class Stack:
    """Web processes and two workers."""

    def __init__(
        self,
        folder: Path,
        database: DatabaseServer,
        redis: RedisServer,
        *,
        servers: int,
        settings: Mapping[str, str],
    ) -> None:
        """Take a folder, a database server and a Redis, and further settings of all processes."""
        self.database = database
        self.redis = redis
        self._folder = folder
        self._environment = {
            "DATABASE_URL": database.url,
            "DJANGO_SETTINGS_MODULE": "tests.scenarios.settings",
            "REDIS_URL": redis.url,
            "RUNNEL_EXECUTOR": "procrastinate",
            "SECRET_KEY": "one for all",
            **settings,
        }
        self.web = [self._process(ServerProcess, f"web{number}") for number in range(1, servers + 1)]
        self.workers = [self._process(WorkerProcess, name) for name in ("worker1", "worker2")]

    def _process(self, kind: type[ServerProcess], name: str, **environment: str) -> Any:
        (self._folder / name).mkdir(exist_ok=True)
        return kind(self._folder / name, **self._environment | environment)

    @contextmanager
    def one_more(self, *, patience: float = 4 * STUCK, **environment: str) -> Iterator[ServerProcess]:
        """Start one more web process, with further settings; end it afterwards."""
        server: ServerProcess = self._process(ServerProcess, "web0", **environment)
        server.start(patience=patience)
        try:
            yield server
        finally:
            server.kill()

    def start(self, *, patience: float = 4 * STUCK) -> None:
        with ThreadPoolExecutor() as pool:
            list(pool.map(lambda process: process.start(patience=patience), (*self.web, *self.workers)))
        self.token = self.web[0].issue_token()

    def stop(self) -> None:
        for each in (*self.workers, *self.web):
            each.kill()

    def rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.database.url) as connection:
            return connection.execute(query, values).fetchall()

    def execute(self, statement: str) -> None:
        with psycopg.connect(self.database.url) as connection:
            connection.execute(statement)

    def carrier(self, run_id: str) -> WorkerProcess:
        """Return the worker that drives a run."""
        ((name,),) = self.rows("SELECT worker FROM runs_run WHERE id = %s", run_id)
        found: list[WorkerProcess] = [each for each in self.workers if name.split(":")[1] == str(each.pid)]
        return found[0]


@contextmanager
def running(
    folder: Path, settings: Mapping[str, str], *, servers: int = 2, patience: float = 4 * STUCK
) -> Iterator[Stack]:
    """Start everything, with files in ``folder``; end it afterwards. Skip the test where a program is missing."""
    with temporary_redis() as redis, temporary_server() as database:
        stack = Stack(folder, database, redis, servers=servers, settings=settings)
        try:
            stack.start(patience=patience)
            yield stack
        finally:
            stack.stop()
