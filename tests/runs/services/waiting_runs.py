"""Runs that wait for a decision, as tests of several folders start and look at them."""

import asyncio
from typing import Any
from uuid import UUID

from uuid6 import uuid7

from concurrency.threads import readers
from runs import services
from runs.engine import paused, stop_signals
from runs.models import Message, Run, ToolCall
from runs.services.new_run import StartRequest
from tests.runs.conftest import Person

STUCK = 10.0
ORDER = '[[call clock {"zone": "UTC"}]][[call write_note {"text": "oat milk"}]]'

type Json = dict[str, Any]


async def start(person: Person, text: str = ORDER, **fields: Any) -> UUID:
    options = {"tools": ["clock", "write_note", *fields.pop("tools", ())]}
    request = StartRequest(
        run_id=uuid7(),
        conversation_id=fields.pop("conversation_id", None),
        model=fields.pop("model", "emulator/calls"),
        messages=[{"id": "m", "role": "user", "content": text}],
        options=options | fields.pop("options", {}),
        **fields,
    )
    return (await services.start(person.user.pk, request)).run_id


async def until(run_id: UUID, *statuses: str) -> Run:
    """Wait until a run has one of these statuses and is live no more."""
    async with asyncio.timeout(STUCK):
        while True:
            run = await readers.run(Run.objects.select_related("log").get, pk=run_id)
            if run.status in statuses and stop_signals.get(run_id) is None:
                return run
            await asyncio.sleep(0.005)


async def paused_run(person: Person, **fields: Any) -> Run:
    return await until(await start(person, **fields), "awaiting_approval")


async def calls(run_id: UUID) -> dict[str, ToolCall]:
    rows = await readers.run(lambda: list(ToolCall.objects.filter(run_id=run_id)))
    return {row.name: row for row in rows}


async def resume_of(run_id: UUID, **payload: Any) -> list[Json]:
    found = await readers.run(paused.read, run_id)
    assert found is not None
    return [
        {
            "interruptId": str(call.id),
            "status": "resolved",
            "payload": {"approved": True, **payload},
            "metadata": {"digest": call.asked_digest},
        }
        for call in found.pending
    ]


async def results(run_id: UUID) -> list[str]:
    """Return what the conversation holds as answers."""
    rows = await readers.run(lambda: list(Message.objects.filter(run_id=run_id, role="tool")))
    return [part["content"] for row in rows for part in row.parts]
