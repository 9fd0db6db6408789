"""Query plans at 50,000 runs: nothing that happens periodically or per frame reads a whole table."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Iterable
from typing import Any
from uuid import UUID

import pytest
from django.db import connection

from concurrency.threads import readers
from runs.models import EventLog, Run
from runs.states import RunStatus
from tests.runs.conftest import Connect, Person
from tests.runs.rows import make_run
from tests.runs.sockets import Socket, is_terminal
from tests.runs.statements import Statements, recorded
from tests.runs.store.cloning import clone

pytestmark = pytest.mark.django_db(transaction=True)

RUNS = 50_000
#: Seconds after which something that is missing counts as stuck, on a busy machine too.
STUCK = 60.0
#: The tables that must be among the filled ones.
GROWING = {f"runs_{name}" for name in ("conversation", "run", "runevent", "step", "message", "toolcall")} | {
    "providers_providertrace"
}
LATER = "2100-01-01T00:00:00Z"
LONG_AGO = "2020-01-01T00:00:00Z"


@pytest.fixture
async def statements(transactional_db: None) -> AsyncIterator[Statements]:
    with recorded() as watching:
        yield watching


def scans(sql: str, params: Any, tables: Iterable[str]) -> list[str]:
    """Return the steps of a statement's plan that read a whole table of ``tables``."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(f"EXPLAIN (FORMAT JSON) {sql}", params)
            (plan,) = cursor.fetchone()
            nodes = _nodes((json.loads(plan) if isinstance(plan, str) else plan)[0]["Plan"])
            return [
                f"{node['Node Type']} {node['Relation Name']}"
                for node in nodes
                if node.get("Relation Name") in tables and _reads_all(node)
            ]
        cursor.execute(f"EXPLAIN QUERY PLAN {sql}", params)
        steps = [row[3] for row in cursor.fetchall()]
    # The plan of a subquery names the alias that Django gave a table.
    aliases = re.findall(rf'"({"|".join(tables)})" (U\d+)', sql)
    names = "|".join([*tables, *(alias for _, alias in aliases)])
    # A partial index that has no condition of its own is as short as the list of rows that are looked for.
    return [
        step
        for step in steps
        if re.match(rf"SCAN ({names})\b(?!.* (run_unfinished|run_being_cancelled|log_to_compact))", step)
    ]


def _reads_all(node: Any) -> bool:
    if node["Node Type"] == "Seq Scan":
        return True
    return node["Node Type"].startswith("Index") and "Index Cond" not in node and node["Plan Rows"] > 1000


def _nodes(plan: Any) -> Iterable[Any]:
    yield plan
    for part in plan.get("Plans", ()):
        yield from _nodes(part)


def _fill(run_id: UUID) -> list[str]:
    tables = clone(run_id, RUNS)
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")
    return tables


async def ended(socket: Socket, run_id: str) -> None:
    """Wait for a run's end; the first one loads what the SDKs need."""
    await socket.until(lambda: any(map(is_terminal, socket.events(run_id))), STUCK)


async def until(predicate: Any) -> None:
    async with asyncio.timeout(STUCK):
        while not await readers.run(predicate):
            await asyncio.sleep(0.02)


async def paused(socket: Socket, **fields: Any) -> str:
    """Start a run that waits for an approval; return its id."""
    order = '[[call write_note {"text": "milk"}]]'
    answer = await socket.start("emulator/calls", order, options={"tools": ["write_note"]}, **fields)
    run_id: str = answer["run_id"]
    await ended(socket, run_id)
    return run_id


async def use_everything(socket: Socket, owner: Any, conversation_id: str) -> None:
    """Send every kind of frame, and leave everything behind that a heartbeat looks for."""
    # Answered, refused, and failed turns.
    for model in ("emulator/echo", "emulator/refusal", "emulator/echo[[fault=http status=400]]"):
        answer = await socket.start(model, "more", conversation_id=conversation_id)
        await ended(socket, answer["run_id"])
    # Approvals: given, replaced by a new turn, cancelled, and overdue.
    run_id = await paused(socket)
    interrupts = socket.events(run_id)[-1]["outcome"]["interrupts"]
    resume = [
        {
            "interruptId": each["id"],
            "status": "resolved",
            "payload": {"approved": True},
            "metadata": {"digest": each["metadata"]["digest"]},
        }
        for each in interrupts
    ]
    assert (await socket.ask("resolve", run_id=run_id, resume=resume))["type"] == "ok"
    await until(lambda: Run.objects.get(pk=run_id).finished_at is not None)
    waiting = await paused(socket, conversation_id=conversation_id)
    options = {"cancel_pending": True}
    answer = await socket.start("emulator/echo", conversation_id=conversation_id, options=options)
    await ended(socket, answer["run_id"])
    overdue, cancelled = await paused(socket), await paused(socket)
    await readers.run(Run.objects.filter(pk=overdue).update, awaiting_until=LONG_AGO)
    await readers.run(
        Run.objects.filter(pk=cancelled).update, cancel_requested_at=LONG_AGO, cancelled_by="admin"
    )
    # Runs of other processes: one that is dead, one that is watched here.
    dead = await readers.run(lambda: make_run(owner=owner, status=RunStatus.RUNNING, lease_until=LONG_AGO))
    away = await readers.run(lambda: make_run(owner=owner, status=RunStatus.RUNNING, lease_until=LATER))
    for known in (away.pk, run_id, waiting):
        assert (await socket.ask("subscribe", run_id=str(known), after=0))["type"] == "ok"
    assert (await socket.ask("subscribe", conversation_id=conversation_id))["type"] == "ok"
    # A run that is cancelled while it is driven, over the socket and by another process.
    for is_here in (True, False):
        live = (await socket.start("emulator/silent"))["run_id"]
        await until(lambda live=live: Run.objects.get(pk=live).status == RunStatus.RUNNING)
        if is_here:
            assert (await socket.ask("cancel", run_id=live))["type"] == "ok"
        else:
            columns = {"cancel_requested_at": LONG_AGO, "cancel_mode": "immediate", "cancelled_by": "admin"}
            await readers.run(Run.objects.filter(pk=live).update, **columns)
        await ended(socket, live)
    # The same start twice, and another one with its id.
    again = {"run_id": answer["run_id"], "conversation_id": conversation_id, "options": options}
    assert (await socket.start("emulator/echo", **again))["state"] == "exists"
    assert (await socket.ask("start", model="emulator/echo", input="other", run_id=again["run_id"]))[
        "type"
    ] == "error"
    over = [UUID(overdue), UUID(cancelled), dead.pk]
    await until(lambda: Run.objects.filter(pk__in=over, finished_at__isnull=False).count() == len(over))


async def test_no_heartbeat_and_no_frame_reads_a_whole_table(
    statements: Statements, ada: Person, connect: Connect, settings: Any
) -> None:
    settings.RUNNEL_HEARTBEAT_SECONDS = settings.RUNNEL_COMPACTION_SECONDS = 0.05
    socket = await connect(ada)
    order = '[[call clock {"zone": "UTC"}]]'
    template = await socket.start("emulator/calls", order, options={"tools": ["clock"]})
    await ended(socket, template["run_id"])
    # Else the logs of all the copies would be compacted.
    compact = EventLog.objects.filter(run_id=template["run_id"], compacted_at__isnull=False)
    await until(compact.exists)
    tables = await readers.run(_fill, UUID(template["run_id"]))
    assert {*tables} >= GROWING

    statements.is_on = True
    await use_everything(socket, ada.user, template["conversation_id"])
    statements.is_on = False

    seen = {each.sql: each.params for each in statements.executed if each.is_query}
    assert len(seen) > 25
    found = await readers.run(lambda: {sql: scans(sql, params, tables) for sql, params in seen.items()})
    assert {sql: steps for sql, steps in found.items() if steps} == {}
