import asyncio
import json
import logging

import pytest
import structlog

from concurrency.log_context import bound
from concurrency.tasks import spawn
from concurrency.threads import DatabaseThreads
from project.logging import configure


@pytest.fixture(params=[True, False], ids=["console", "json"])
def lines(request: pytest.FixtureRequest):
    """Return a list of lines as the server prints them."""
    before = structlog.get_config()
    config = configure(debug=request.param)["formatters"]["structlog"]
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=config["foreign_pre_chain"], processors=config["processors"]
    )
    found: list[str] = []

    class Keeper(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            found.append(formatter.format(record))

    keeper, logger = Keeper(), logging.getLogger("providers.some")
    logger.addHandler(keeper)
    yield found
    logger.removeHandler(keeper)
    structlog.configure(**before)


def say(name: str) -> None:
    logging.getLogger("providers.some").warning("%s says", name)


def has(line: str, **values: str) -> bool:
    if line.startswith("{"):
        return bool(json.loads(line).items() >= values.items())
    return all(f"{name}={value}" in line for name, value in values.items())


async def test_runs_at_once_keep_their_own_context_in_tasks_and_threads(lines: list[str]):
    threads = DatabaseThreads("log", workers=2)

    async def pump(name: str) -> None:
        await asyncio.sleep(0)
        say(name)
        await threads.run(say, name)

    async def run(name: str) -> None:
        with bound(run_id=name, user_id=f"u{name}"):
            await asyncio.sleep(0)
            await spawn(pump(name), name="pump")

    await asyncio.gather(spawn(run("r1"), name="one"), spawn(run("r2"), name="two"))
    await threads.run(say, "nobody")
    await threads.close()

    for name in ("r1", "r2"):
        mine = [line for line in lines if f"{name} says" in line]
        assert len(mine) == 2
        assert all(has(line, run_id=name, user_id=f"u{name}") for line in mine)
    assert "run_id" not in lines[-1]
    assert "user_id" not in lines[-1]
