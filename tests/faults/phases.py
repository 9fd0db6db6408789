"""Where in a provider's answer a cancel comes, for the tests that try all of it."""

import asyncio
from dataclasses import dataclass
from uuid import UUID

import pytest

from tests.faults.client import Client
from tests.faults.line import WIRES, Line

every_wire = pytest.mark.parametrize("wire", WIRES)


@dataclass(frozen=True, kw_only=True)
class Phase:
    """Where in a provider's answer the cancel comes."""

    name: str
    model: str
    #: What the viewer or, where there is nothing to view, the upstream has seen by then.
    has_spoken: bool
    status: int | None
    #: Whether there is an open stream to cut.
    cut: bool


PHASES = (
    Phase(name="awaiting headers", model="stall-headers", has_spoken=False, status=None, cut=False),
    Phase(name="headers without body", model="silent", has_spoken=False, status=200, cut=True),
    Phase(name="silent mid-stream", model="stall-mid", has_spoken=True, status=200, cut=True),
    Phase(name="flowing", model="drip", has_spoken=True, status=200, cut=True),
    Phase(name="flooding", model="fast", has_spoken=True, status=200, cut=True),
)

every_phase = pytest.mark.parametrize("phase", PHASES, ids=lambda phase: phase.name.replace(" ", "-"))


async def reach(line: Line, client: Client, wire: str, phase: Phase) -> UUID:
    """Start a run and return when it has come to ``phase``."""
    run_id = await client.start(f"emulator/{phase.model}@{wire}")
    if phase.has_spoken:
        await client.saw(run_id, "TEXT_MESSAGE_CONTENT")
    else:
        await line.upstream(phase.model, status=phase.status)
        # What the upstream has sent is still on its way to us.
        await asyncio.sleep(0.1)
    return run_id
