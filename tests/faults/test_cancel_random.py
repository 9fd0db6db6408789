"""Cancels at random moments of random answers, many at once: nothing is stuck, nothing ends twice.

``RANDOM_CANCELS`` says how many (2,000 take a minute), ``RANDOM_SEED`` which.
"""

import asyncio
import os
import random
from collections import Counter
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from tests.faults.aftermath import assert_sound
from tests.faults.client import Client
from tests.faults.line import WIRES, Line

CANCELS = int(os.environ.get("RANDOM_CANCELS") or 500)
SEED = int(os.environ.get("RANDOM_SEED") or 20_261_124)

#: Runs under way at the same time, and the sockets that they share.
AT_ONCE = 32
SOCKETS = 4

#: Seconds from a start's answer to its cancel, at least; spread evenly over the magnitudes from there to
#: some times what a short run takes, since what happens first happens fastest.
SHORTEST = 0.0005
#: So that many have ended by then, however slow the machine is.
TIMES_A_SHORT_RUN = 2

#: What ends soon by itself, what fails, what goes on for ever, and what is silent for ever.
MODELS = (
    *("echo", "fast", "hello", "reasoning", "tools", "length", "refusal", "empty"),
    *("truncated", "reset", "rate-limited", "context"),
    *("drip", "long", "drip", "long"),
    *("stall-headers", "silent", "stall-mid", "stall-headers", "silent", "stall-mid"),
)


@dataclass(frozen=True, kw_only=True)
class Shot:
    """One run and when and how it is cancelled."""

    number: int
    model: str
    #: Seconds from the answer to the start.
    delay: float
    door: str


def plan(count: int, seed: int, longest: float) -> list[Shot]:
    """Return what to fire; ``longest`` is the longest delay in seconds."""
    chance = random.Random(seed)
    return [
        Shot(
            number=number,
            model=f"emulator/{chance.choice(MODELS)}@{chance.choice(WIRES)}",
            delay=SHORTEST * (longest / SHORTEST) ** chance.random(),
            door=chance.choice(("own socket", "own socket", "other socket", "post", "admin")),
        )
        for number in range(count)
    ]


async def rehearse(clients: list[Client]) -> float:
    """Return the seconds that a short run takes here, beside as many as will be under way."""

    async def run(client: Client) -> None:
        await client.ended(await client.start("emulator/echo"))

    loop = asyncio.get_running_loop()
    begin = loop.time()
    await asyncio.gather(*(run(clients[number % SOCKETS]) for number in range(AT_ONCE)))
    return loop.time() - begin


async def fire(line: Line, clients: list[Client], shot: Shot) -> tuple[UUID, str]:
    """Start, wait, cancel; return the run and the answer when the run's end has been seen."""
    own, other = (clients[(shot.number + offset) % SOCKETS] for offset in (0, 1))
    run_id = await own.start(shot.model)
    await asyncio.sleep(shot.delay)
    match shot.door:
        case "own socket":
            state = await own.cancel(run_id)
        case "other socket":
            state = await other.cancel(run_id)
        case "post":
            state = await line.cancel_by_post(run_id)
        case _:
            state = await line.cancel_as_admin(run_id)
    await own.ended(run_id)
    return run_id, state


async def test_no_timing_leaves_a_run_stuck(line: Line, settings: Any) -> None:
    # Ten thousand of one user, as fast as they go: a fast machine would be told to wait.
    settings.RUNNEL_STARTS_PER_MINUTE = 10 * CANCELS
    clients = [await line.client() for _ in range(SOCKETS)]
    longest = TIMES_A_SHORT_RUN * await rehearse(clients)
    turns = asyncio.Semaphore(AT_ONCE)
    stuck: list[Shot] = []
    ended: list[tuple[Shot, UUID, str]] = []

    async def in_turn(shot: Shot) -> None:
        async with turns:
            try:
                ended.append((shot, *await fire(line, clients, shot)))
            except TimeoutError:
                stuck.append(shot)

    await asyncio.gather(*map(in_turn, plan(CANCELS, SEED, longest)))
    assert not stuck
    await line.assert_nothing_left()
    answers: Counter[str] = Counter()
    for shot, run_id, state in ended:
        stored = await line.stored(run_id)
        assert_sound(stored)
        is_cancelled = stored.run.status == "cancelled"
        assert is_cancelled == (state == "requested"), (shot, stored.run.status, state)
        for trace in stored.traces:
            was_cut = trace.status == "cancelled" and trace.http_status == 200
            assert trace.stream_was_cancelled == stored.run.stream_was_cancelled == was_cut, shot
        answers[state] += 1
    assert answers.total() == CANCELS
    # Both are common, or the timings are not what they should be.
    assert min(answers["requested"], answers["already_terminal"]) > CANCELS / 50, (answers, longest)
