"""A cancel by every door, once, twice and all at once."""

import asyncio
from collections.abc import Awaitable, Callable
from uuid import UUID

import pytest
from django.db import transaction

from concurrency.threads import readers
from runs import services
from tests.faults.aftermath import assert_call_was_cut, assert_cancelled
from tests.faults.client import Client
from tests.faults.line import PROMPTLY, Line, is_gone
from tests.faults.phases import PHASES, every_wire, reach


async def by_frame(line: Line, client: Client, run_id: UUID) -> str:
    return await client.cancel(run_id)


async def by_another_socket(line: Line, client: Client, run_id: UUID) -> str:
    return await (await line.client()).cancel(run_id)


async def by_post(line: Line, client: Client, run_id: UUID) -> str:
    return await line.cancel_by_post(run_id)


async def by_admin(line: Line, client: Client, run_id: UUID) -> str:
    return await line.cancel_as_admin(run_id)


type Door = Callable[[Line, Client, UUID], Awaitable[str]]

every_door = pytest.mark.parametrize("door", [by_frame, by_another_socket, by_post, by_admin])


@every_wire
@every_door
async def test_it_comes_in_by_any_door(line: Line, wire: str, door: Door) -> None:
    client = await line.client()
    run_id = await reach(line, client, wire, PHASES[2])
    assert await door(line, client, run_id) == "requested"
    await line.emulator.wait_for(is_gone, timeout=PROMPTLY)
    await client.ended(run_id)
    await line.assert_nothing_left()
    stored = await line.stored(run_id)
    assert_cancelled(stored, cut=True, by="admin" if door is by_admin else "user")
    assert_call_was_cut(stored)


@every_door
async def test_it_changes_nothing_once_the_run_has_ended(line: Line, door: Door) -> None:
    client = await line.client()
    for model, status in (("echo", "completed"), ("truncated", "failed"), ("stall-mid", "cancelled")):
        run_id = await client.start(f"emulator/{model}")
        if model == "stall-mid":
            await client.saw(run_id, "TEXT_MESSAGE_CONTENT")
            await client.cancel(run_id, reason="the first one")
        await client.ended(run_id)
        await line.assert_nothing_left()
        before = await line.stored(run_id)
        assert before.run.status == status
        assert await door(line, client, run_id) == "already_terminal"
        after = await line.stored(run_id)
        assert columns(after.run) == columns(before.run)
        assert after.frames == before.frames


@every_wire
async def test_twice_is_once(line: Line, wire: str) -> None:
    client, other = await line.client(), await line.client()
    run_id = await reach(line, client, wire, PHASES[3])
    states = await asyncio.gather(*(each.cancel(run_id) for each in (client, other, client, other)))
    # Frames of one socket that name the same run take turns: the run may have ended by the second one's.
    assert states[:2] == ["requested", "requested"]
    assert set(states) <= {"requested", "already_terminal"}
    await client.ended(run_id)
    await line.assert_nothing_left()
    assert_cancelled(await line.stored(run_id), cut=True)


async def test_all_doors_at_once_end_it_once(line: Line) -> None:
    client, other = await line.client(), await line.client()
    run_id = await reach(line, client, "openai-responses", PHASES[3])
    states = await asyncio.gather(
        client.cancel(run_id), other.cancel(run_id), line.cancel_by_post(run_id), line.cancel_as_admin(run_id)
    )
    assert set(states) <= {"requested", "already_terminal"}
    assert states[0] == "requested"
    await client.ended(run_id)
    await line.assert_nothing_left()
    stored = await line.stored(run_id)
    assert_cancelled(stored, cut=True, by=stored.run.cancelled_by)


async def test_it_does_not_wait_for_itself_inside_a_transaction(line: Line) -> None:
    def cancel_in_transaction() -> str:
        with transaction.atomic():
            return services.cancel_from_thread(line.user.pk, run_id)

    client = await line.client()
    run_id = await reach(line, client, "openai-chat", PHASES[3])
    assert await asyncio.wait_for(readers.run(cancel_in_transaction), PROMPTLY) == "requested"
    await client.ended(run_id)
    await line.assert_nothing_left()
    assert_cancelled(await line.stored(run_id), cut=True)


def columns(row: object) -> dict[str, object]:
    return {name: value for name, value in vars(row).items() if not name.startswith("_")}
