"""Why this process does not serve yet, or does not serve at all."""

import asyncio
import logging

from concurrency.threads import readers
from project import schema
from runs.engine import executor

logger = logging.getLogger("runnel.lifecycle")

#: Seconds between two looks at a database that this process may not serve.
INTERVAL = 2.0

#: A sentence while the database is not the one that this code needs; empty once it is.
problem = ""

#: Whether the server takes requests: recovery has finished, and it does not stop.
has_begun = False


async def check() -> bool:
    """Return whether the database is the one that this code needs. Log a sentence when it is not, once."""
    global problem  # noqa: PLW0603 - one for the process
    found = _of_settings() or await readers.run(schema.problem)
    # The rest of the sentence changes while another process migrates.
    if found and found.split()[:3] != problem.split()[:3]:
        logger.log(logging.INFO if found == schema.BEING_UPDATED else logging.ERROR, "Not ready: %s", found)
    problem = found
    return not found


def _of_settings() -> str:
    """Return what `manage.py check` says of an executor without its database, for servers that do not ask it."""
    return " ".join(f"{error.msg} {error.hint}" for error in executor.check_database())


async def wait_until_begun() -> None:
    """Return as soon as the process takes runs."""
    while not has_begun:  # noqa: ASYNC110 - it waits for a database, mostly
        await asyncio.sleep(INTERVAL / 10)


async def wait() -> None:
    """Return as soon as the database is the one that this code needs."""
    while not await check():  # noqa: ASYNC110 - it waits for a database
        await asyncio.sleep(INTERVAL)
