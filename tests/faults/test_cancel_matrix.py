"""A cancel at every point of a run's life, over every wire."""

import asyncio

from uuid6 import uuid7

from emulator import ExchangeOutcome
from runs import services
from runs.engine import stop_signals
from tests.faults.aftermath import assert_call_was_cut, assert_cancelled, assert_sound, said
from tests.faults.line import PROMPTLY, WIRES, Line, is_gone
from tests.faults.phases import PHASES, Phase, every_phase, every_wire, reach


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
