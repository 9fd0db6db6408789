"""A cancel at every point of a run's life, over every wire, through every door."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from uuid import UUID

import pytest
from django.db import transaction
from uuid6 import uuid7

from concurrency.threads import readers
from emulator import ExchangeOutcome
from runs import services
from runs.engine import stop_signals
from runs.models import Message
from tests.faults.aftermath import assert_call_was_cut, assert_cancelled, assert_sound, said
from tests.faults.client import Client
from tests.faults.line import PROMPTLY, WIRES, Line, is_gone

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


@every_wire
@every_phase
async def test_it_stops_at_once_and_keeps_what_there_was(line: Line, wire: str, phase: Phase) -> None:
    client = await line.client()
    run_id = await reach(line, client, wire, phase)
    assert await client.cancel(run_id) == "requested"
    gone = await line.emulator.wait_for(is_gone, timeout=PROMPTLY)
    assert (gone.wire, gone.model, gone.status) == (wire, phase.model, phase.status)
    await client.ended(run_id)
    await line.assert_nothing_left()
    stored = await line.stored(run_id)
    events = assert_cancelled(stored, cut=phase.cut)
    assert_call_was_cut(stored)
    assert bool(said(events)) == phase.has_spoken
    assert len(stored.answers) == phase.has_spoken
    assert client.frames[str(run_id)] == stored.frames
    assert len(line.emulator.exchanges) == 1


@every_wire
async def test_it_wins_in_one_burst_with_the_start(line: Line, wire: str) -> None:
    client = await line.client()
    run_id = uuid7()
    start = client.send("start", run_id=str(run_id), model=f"emulator/hello@{wire}", input="Hello?")
    cancel = client.send("cancel", run_id=str(run_id))
    assert (await client.answer(start))["state"] == "created"
    assert (await client.answer(cancel))["state"] == "requested"
    await client.ended(run_id)
    await line.assert_nothing_left()
    stored = await line.stored(run_id)
    assert_cancelled(stored, cut=False)
    assert not stored.answers
    assert not line.emulator.exchanges


async def test_it_wins_when_the_run_is_stored_and_has_not_begun(line: Line) -> None:
    client = await line.client()
    run_id = uuid7()
    start = client.send("start", run_id=str(run_id), model="emulator/hello", input="Hello?")
    while stop_signals.get(run_id) is None:
        await asyncio.sleep(0)
    # Not by a frame: that would take some turns of the loop, and the store is under way.
    assert await services.cancel(line.user.pk, run_id, reason="second thoughts") == "requested"
    assert (await client.answer(start))["state"] == "created"
    await client.ended(run_id)
    await line.assert_nothing_left()
    stored = await line.stored(run_id)
    events = assert_cancelled(stored, cut=False)
    assert [event["type"] for event in events] == ["RUN_STARTED", "RUN_FINISHED"]
    assert stored.run.cancel_reason == "second thoughts"
    assert stored.run.started_at is None
    assert [stored.steps, stored.traces, stored.answers] == [[], [], []]
    assert not line.emulator.exchanges


#: How many times the cancel is aimed at the end of a run.
SHOTS = 40


@every_wire
async def test_it_and_the_end_of_the_run_have_one_winner(line: Line, wire: str) -> None:
    client = await line.client()
    model, clock = f"emulator/echo@{wire}", asyncio.get_running_loop().time
    for _ in range(2):  # the first one pays for what is built lazily
        began = clock()
        await client.ended(await client.start(model))
        length = clock() - began
    delay, states = length, []
    for _ in range(SHOTS):
        due = clock() + delay
        run_id = await client.start(model)
        # Finer than the loop's timers, and everybody else has their turns.
        while clock() < due:
            await asyncio.sleep(0)
        state = await client.cancel(run_id)
        # Too early, so later, or the other way round: the shots gather where the two meet.
        delay += length / 10 if state == "requested" else -length / 10
        states.append(state)
        await client.ended(run_id)
        stored = await line.stored(run_id)
        (trace,) = stored.traces
        assert_sound(stored)
        assert stored.run.status == {"requested": "cancelled", "already_terminal": "completed"}[state]
        if stored.run.status == "cancelled":
            # Cut, if the provider's end had not been read; else only the run's end was overtaken.
            assert_cancelled(stored, cut=trace.status == "cancelled" and trace.http_status == 200)
        else:
            assert (trace.status, trace.stream_was_cancelled) == ("completed", False)
    await line.assert_nothing_left()
    assert set(states) == {"requested", "already_terminal"}


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


@every_wire
async def test_it_may_wait_for_the_step_to_end(line: Line, wire: str) -> None:
    client = await line.client()
    run_id = await client.start(f"emulator/hello@{wire}", prompt="Finish your sentence.")
    await client.saw(run_id, "TEXT_MESSAGE_CONTENT")
    assert await client.cancel(run_id, mode="after_step") == "requested"
    await client.ended(run_id)
    await line.assert_nothing_left()
    stored = await line.stored(run_id)
    events = assert_cancelled(stored, cut=False)
    assert said(events).endswith("nothing has to be restarted.")
    (trace,) = stored.traces
    assert (trace.status, stored.run.usage_source) == ("completed", "reported")
    (exchange,) = line.emulator.exchanges
    assert exchange.outcome is ExchangeOutcome.FINISHED


async def test_an_impatient_cancel_overtakes_one_that_waits_for_the_step(line: Line) -> None:
    client = await line.client()
    run_id = await reach(line, client, "anthropic-messages", PHASES[2])
    assert await client.cancel(run_id, mode="after_step", reason="when you have finished") == "requested"
    await asyncio.sleep(0.1)
    assert line.emulator.active
    assert await client.cancel(run_id, reason="now") == "requested"
    await line.emulator.wait_for(is_gone, timeout=PROMPTLY)
    await client.ended(run_id)
    await line.assert_nothing_left()
    assert_cancelled(await line.stored(run_id), cut=True)


async def test_it_does_not_touch_other_runs(line: Line) -> None:
    client, other = await line.client(), await line.client()
    runs = [await client.start(f"emulator/stall-mid@{wire}") for wire in WIRES]
    bystander = await other.start("emulator/hello")
    for run_id in runs:
        await client.saw(run_id, "TEXT_MESSAGE_CONTENT")
        await client.cancel(run_id)
    assert (await other.ended(bystander))["outcome"] == {"type": "success"}
    await line.assert_nothing_left()
    assert_sound(await line.stored(bystander))


async def test_a_closed_socket_does_not_stop_a_run(line: Line) -> None:
    client = await line.client()
    run_id = await client.start("emulator/hello")
    await client.saw(run_id, "TEXT_MESSAGE_CONTENT")
    await client.close()
    other = await line.client()
    await other.ask("subscribe", run_id=str(run_id))
    assert (await other.ended(run_id))["outcome"] == {"type": "success"}
    await line.assert_nothing_left()
    assert other.frames[str(run_id)] == (await line.stored(run_id)).frames


@every_wire
@every_phase
async def test_the_conversation_goes_on_after_it(line: Line, wire: str, phase: Phase) -> None:
    client = await line.client()
    cancelled = await reach(line, client, wire, phase)
    await client.cancel(cancelled)
    await client.ended(cancelled)
    partial = said(client.events(cancelled)).strip()
    conversation_id = str((await line.stored(cancelled)).run.conversation_id)
    next_run = await client.start(
        f"emulator/echo@{wire}", prompt="Go on, please.", conversation_id=conversation_id
    )
    assert (await client.ended(next_run))["outcome"] == {"type": "success"}
    # Where the model had said nothing, some wires join the two things that the user said.
    assert said(client.events(next_run)).endswith("Go on, please.")
    sent = json.dumps((await line.upstream("echo")).body, ensure_ascii=False)
    # As JSON writes it, the answer's line ends included.
    assert json.dumps(partial, ensure_ascii=False)[1:-1] in sent
    assert sent.index("Tell me something.") < sent.index("Go on, please.")
    await line.assert_nothing_left()
    assert_sound(await line.stored(next_run))


@every_wire
async def test_half_a_thought_is_kept_and_not_sent_back(line: Line, wire: str) -> None:
    answer, sent = await cut_and_go_on(line, wire, "reasoning", when="REASONING_MESSAGE_CONTENT")
    assert [part["kind"] for part in answer.parts] == ["reasoning"]
    for name in ("thinking", "reasoning", "reasoning_content", "thought", "thoughtSignature"):
        assert f'"{name}"' not in sent, sent


#: How each wire writes a call and the answer to one: by "type", or by the name of the field.
CALLS = {
    "openai-chat": ('"type": "function"', '"role": "tool"'),
    "openai-responses": ('"type": "function_call"', '"type": "function_call_output"'),
    "anthropic-messages": ('"type": "tool_use"', '"type": "tool_result"'),
    "gemini-generate": ('"functionCall"', '"functionResponse"'),
}


@every_wire
async def test_a_call_that_was_cut_is_kept_and_none_goes_back_unanswered(line: Line, wire: str) -> None:
    answer, sent = await cut_and_go_on(line, wire, "tools", when="TOOL_CALL_ARGS")
    calls = [part for part in answer.parts if part["kind"] == "tool_call"]
    assert calls
    call, result = CALLS[wire]
    assert sent.count(call) == sent.count(result) == sum(part["complete"] for part in calls), sent


async def cut_and_go_on(line: Line, wire: str, model: str, *, when: str) -> tuple[Message, str]:
    """Cancel at the first event of type ``when``; return what is kept, and what the next turn sends."""
    client = await line.client()
    cancelled = await client.start(f"emulator/{model}@{wire}")
    await client.saw(cancelled, when)
    await client.cancel(cancelled)
    await client.ended(cancelled)
    stored = await line.stored(cancelled)
    assert_cancelled(stored, cut=True)
    (answer,) = stored.answers
    conversation_id = str(stored.run.conversation_id)
    next_run = await client.start(f"emulator/echo@{wire}", prompt="Go on.", conversation_id=conversation_id)
    assert (await client.ended(next_run))["outcome"] == {"type": "success"}
    sent = json.dumps((await line.upstream("echo")).body)
    await line.assert_nothing_left()
    return answer, sent


def columns(row: object) -> dict[str, object]:
    return {name: value for name, value in vars(row).items() if not name.startswith("_")}
