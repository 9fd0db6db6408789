"""How many statements a run takes: everybody's tokens wait behind those on the journal's one thread."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from django.db import connection  # noqa: F401 - for the condition

from tests.runs.conftest import Connect, Person
from tests.runs.sockets import Socket, is_terminal
from tests.runs.statements import Executed, Statements, recorded

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif("connection.vendor != 'sqlite'", reason="psycopg begins transactions itself, unseen"),
]

#: Seconds after which something that is missing counts as stuck; the first run loads what the SDKs need.
STUCK = 60.0
#: What is read from time to time, by whichever start comes next.
_CACHES = ("runs_grouplimits", "providers_provider", "auth_group")
_LOG = ("runs_eventlog", "runs_runevent")


@pytest.fixture
async def statements(transactional_db: None) -> AsyncIterator[Statements]:
    with recorded() as watching:
        yield watching


async def run(socket: Socket, statements: Statements, model: str, text: str, **fields: Any) -> list[Executed]:
    """Make a run, and return its statements without those that refresh caches."""
    statements.executed.clear()
    statements.is_on = True
    answer = await socket.start(model, text, **fields)
    run_id = answer["run_id"]
    await socket.until(lambda: any(map(is_terminal, socket.events(run_id))), STUCK)
    statements.is_on = False
    return [
        each for each in statements.executed if not any(f'FROM "{table}"' in each.sql for table in _CACHES)
    ]


def transactions(executed: list[Executed]) -> list[list[str]]:
    """Return the transactions of the journal's thread, without the commits of nothing but deltas."""
    found: list[list[str]] = []
    for each in executed:
        if not each.thread.startswith("runnel-journal"):
            continue
        if each.sql.startswith("BEGIN"):
            found.append([])
        else:
            found[-1].append(each.sql.strip())
    return [sqls for sqls in found if not all(any(table in sql for table in _LOG) for sql in sqls)]


def elsewhere(executed: list[Executed]) -> list[str]:
    """Return the queries of other threads, without those of the poll for cancels: the slower a run, the more."""
    counted_apart = ("runnel-journal", "runnel-poll")
    return [each.sql for each in executed if each.is_query and not each.thread.startswith(counted_apart)]


@pytest.fixture
async def socket(connect: Connect, ada: Person, statements: Statements, settings: Any) -> Socket:
    """Return a socket with which a run was made before, and no heartbeat beside it."""
    settings.RUNNEL_HEARTBEAT_SECONDS = 3600.0
    opened = await connect(ada)
    await run(opened, statements, "emulator/echo", "to load what is loaded once")
    return opened


async def test_a_run_takes_at_most_fifteen_statements(statements: Statements, socket: Socket) -> None:
    executed = await run(socket, statements, "emulator/echo", "hi")
    start, end = transactions(executed)
    # No savepoints, and nothing is looked for: a row that is in the way is found when a row is not inserted.
    assert [sql.split()[0] for sql in start] == ["INSERT"] * 6
    assert len(end) <= 7
    assert {sql.split()[0] for sql in end} == {"INSERT", "UPDATE"}
    assert len(start) + len(end) + len(elsewhere(executed)) <= 15


async def test_a_turn_in_an_old_conversation_reads_it_outside_the_transaction(
    statements: Statements, socket: Socket
) -> None:
    first = await socket.start("emulator/echo", "hi")
    await socket.until(lambda: any(map(is_terminal, socket.events(first["run_id"]))), STUCK)
    fields = {"conversation_id": first["conversation_id"]}
    executed = await run(socket, statements, "emulator/echo", "again", **fields)
    start, end = transactions(executed)
    assert [sql.split()[0] for sql in start] == ["INSERT", "UPDATE", *["INSERT"] * 4]
    assert len(end) <= 7
    # The conversation, its messages, the ids of its calls, and the pieces of its traces.
    assert len(elsewhere(executed)) <= 4


async def test_a_step_with_a_call_takes_few_statements_more(statements: Statements, socket: Socket) -> None:
    order = '[[call clock {"zone": "UTC"}]]'
    executed = await run(socket, statements, "emulator/calls", order, options={"tools": ["clock"]})
    start, *middle, end = transactions(executed)
    assert (len(start), len(end)) <= (6, 8)
    assert sum(map(len, middle)) <= 18
    assert not [sql for sqls in (start, *middle, end) for sql in sqls if "SAVEPOINT" in sql]
