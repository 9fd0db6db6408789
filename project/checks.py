"""What /readyz looks at. To add a check, write its class and name it in ``CHECKS``; none may hold up another."""

import dataclasses
import shutil
from datetime import timedelta

from django.conf import settings
from django.db import connection
from health_check.base import HealthCheck
from health_check.exceptions import ServiceUnavailable, ServiceWarning
from redis.asyncio import Redis as RedisClient

from concurrency.periodic import limit_waiting
from project import readiness
from runs.engine import supervisor
from runs.engine.executor import PROCRASTINATE
from runs.store import claims

_MEGABYTE = 1024 * 1024
#: Seconds for each check.
PATIENCE = 2.0
#: The time for which a run may wait for a worker without a warning.
LONG_WAIT = timedelta(minutes=1)


class Check(HealthCheck):
    """A check with a short name for the answer; its messages are read by strangers."""

    name: str
    timeout = timedelta(seconds=PATIENCE)


@dataclasses.dataclass
class Database(Check):
    """Whether the database answers, and can save."""

    name = "database"

    def run(self) -> None:
        """Ask on a connection of this thread whether it only reads, and close it."""
        on_postgresql = connection.vendor == "postgresql"
        try:
            limit_waiting(PATIENCE)
            with connection.cursor() as cursor:
                cursor.execute("SHOW transaction_read_only" if on_postgresql else "SELECT 'off'")
                (only_reads,) = cursor.fetchone()
        except Exception:  # noqa: BLE001 - its message may name the host and the user
            raise ServiceUnavailable("The database cannot be reached.") from None
        finally:
            connection.close()
        if only_reads == "on":
            raise ServiceUnavailable("The database only reads now.")


@dataclasses.dataclass
class Migrations(Check):
    """Whether the database is the one that this code needs."""

    name = "migrations"

    async def run(self) -> None:
        """Say what was found when the server began."""
        if readiness.problem:
            raise ServiceUnavailable(readiness.problem)


@dataclasses.dataclass
class Server(Check):
    """Whether the server takes new runs."""

    name = "server"

    async def run(self) -> None:
        """Say that the server begins or stops."""
        if supervisor.current().draining:
            raise ServiceUnavailable("The server is stopping.")
        if not readiness.has_begun:
            raise ServiceUnavailable("The server is starting.")


@dataclasses.dataclass
class Queue(Check):
    """Whether workers execute the runs that this server stores. It can serve without them: this is a warning only."""

    name = "queue"

    def run(self) -> None:
        """Look for runs that have waited for long, if they are executed by workers."""
        if settings.RUNNEL_EXECUTOR != PROCRASTINATE:
            return
        try:
            limit_waiting(PATIENCE)
            waiting = claims.waiting(longer_than=LONG_WAIT)
        except Exception:  # noqa: BLE001 - the check of the database says what is wrong
            return
        finally:
            connection.close()
        if waiting:
            raise ServiceWarning(f"Runs have waited for a worker for a minute or more: {waiting:,}.")


@dataclasses.dataclass
class Disk(Check):
    """Whether there is room in the data folder, which holds SQLite, uploads and large requests."""

    name = "disk"

    def run(self) -> None:
        """Look at the file system."""
        if shutil.disk_usage(settings.RUNNEL_DATA_DIR).free < settings.RUNNEL_MIN_DISK_MB * _MEGABYTE:
            raise ServiceUnavailable(f"Less than {settings.RUNNEL_MIN_DISK_MB} MB of the disk are free.")


@dataclasses.dataclass
class Redis(Check):
    """Whether Redis answers. Runnel works without it, so that this is a warning only."""

    name = "redis"

    async def run(self) -> None:
        """Ping Redis, if there is one."""
        if not settings.REDIS_URL:
            return
        try:
            async with RedisClient.from_url(
                settings.REDIS_URL, socket_timeout=PATIENCE, socket_connect_timeout=PATIENCE
            ) as client:
                await client.ping()
        except Exception:  # noqa: BLE001 - its message names the host
            raise ServiceWarning("Redis cannot be reached: each process counts alone.") from None


#: In the order of the answer.
CHECKS: tuple[type[Check], ...] = (Server, Database, Migrations, Queue, Disk, Redis)
