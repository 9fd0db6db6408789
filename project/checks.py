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

_MEGABYTE = 1024 * 1024
#: Seconds for each check.
PATIENCE = 2.0


class Check(HealthCheck):
    """A check with a short name for the answer; its messages are read by strangers."""

    name: str
    timeout = timedelta(seconds=PATIENCE)


@dataclasses.dataclass
class Database(Check):
    """Whether the database answers."""

    name = "database"

    def run(self) -> None:
        """Ask for 1 on a connection of this thread, and close it."""
        try:
            limit_waiting(PATIENCE)
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1")
        except Exception:  # noqa: BLE001 - its message may name the host and the user
            raise ServiceUnavailable("The database cannot be reached.") from None
        finally:
            connection.close()


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
        if not readiness.has_begun:
            raise ServiceUnavailable("The server is starting.")
        if supervisor.current().draining:
            raise ServiceUnavailable("The server is stopping.")


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


#: Further parts of the system, such as a queue of runs, add theirs.
CHECKS: tuple[type[Check], ...] = (Server, Database, Migrations, Disk, Redis)
