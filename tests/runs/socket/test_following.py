"""What a viewer gets: everything once, in order, the same bytes for all, whenever it comes."""

import asyncio
import json
from uuid import UUID, uuid4

import pytest

from concurrency.threads import readers
from runs.engine import supervisor
from runs.models import RunEvent
from tests.runs.conftest import Connect, Person
from tests.runs.rows import stored_frames
from tests.runs.sockets import Socket

pytestmark = pytest.mark.django_db(transaction=True)


async def logged(run_id: str) -> list[str]:
    """Return the event log of a run, as it is stored."""
    return await readers.run(stored_frames, UUID(run_id))


def place_of(socket: Socket, frame_id: str) -> int:
    """Return where in all that came the answer to a frame is."""
    return next(index for index, frame in enumerate(socket.frames) if frame.get("id") == frame_id)


async def test_seqs_start_at_one_and_have_no_gap(ada: Person, connect: Connect) -> None:
    socket = await connect(ada)
    run_id = (await socket.start("emulator/fast"))["run_id"]
    await socket.ended(run_id)
    assert socket.seqs(run_id) == list(range(1, len(socket.seqs(run_id)) + 1))
    assert socket.texts(run_id) == await logged(run_id)


async def test_an_ok_comes_before_the_events_that_it_causes(ada: Person, connect: Connect) -> None:
    socket = await connect(ada)
    started = [(str(uuid4()), index) for index in range(20)]
    frames = [
        (run_id, socket.send("start", run_id=run_id, model="emulator/echo", input=f"word {index}"))
        for run_id, index in started
    ]
    for run_id, frame_id in frames:
        await socket.ended(run_id)
        assert place_of(socket, frame_id) < socket.received.index(socket.texts(run_id)[0])
    later = await connect(ada)
    asked = [(run_id, later.send("subscribe", run_id=run_id)) for run_id, _ in started]
    for run_id, frame_id in asked:
        await later.ended(run_id)
        assert place_of(later, frame_id) < later.received.index(later.texts(run_id)[0])


async def test_a_cancels_ok_comes_before_the_events_that_it_causes(ada: Person, connect: Connect) -> None:
    socket = await connect(ada)
    for number in range(60):
        run_id = (await socket.start(("emulator/fast", "emulator/drip", "emulator/silent")[number % 3]))[
            "run_id"
        ]
        # Commits are under way then, which the cancel's own and the run's end may both have to wait for.
        await asyncio.sleep(number / 1000)
        stopped = socket.send("cancel", run_id=run_id)
        end = await socket.ended(run_id)
        assert end["outcome"] == {"type": "cancelled"}
        closing = len(socket.received) - 1 - place_of(socket, stopped)
        assert closing > 0, number
        assert socket.frames[place_of(socket, stopped)]["state"] == "requested"


async def test_start_and_cancel_in_one_burst_end_in_a_cancelled_run(ada: Person, connect: Connect) -> None:
    socket = await connect(ada)
    for _ in range(10):
        run_id = str(uuid4())
        started = socket.send("start", run_id=run_id, model="emulator/fast", input="hi")
        stopped = socket.send("cancel", run_id=run_id, reason="never mind")
        end = await socket.ended(run_id)
        assert end["outcome"] == {"type": "cancelled"}
        assert socket.events(run_id)[0]["type"] == "RUN_STARTED"
        assert socket.events(run_id)[0]["input"]["messages"][0]["content"] == "hi"
        assert (await socket.answer(started))["state"] == "created"
        assert (await socket.answer(stopped))["state"] == "requested"
        assert place_of(socket, started) < place_of(socket, stopped)


async def test_every_id_is_answered_exactly_once(ada: Person, connect: Connect) -> None:
    socket = await connect(ada)
    run_id, absent = str(uuid4()), str(uuid4())
    ids = [
        socket.send("start", run_id=run_id, model="emulator/fast", input="hi"),
        socket.send("subscribe", run_id=run_id),
        socket.send("subscribe", run_id=run_id, after=0),
        socket.send("ping"),
        socket.send("start", run_id=run_id, model="emulator/fast", input="hi"),
        socket.send("unsubscribe", run_id=run_id),
        socket.send("subscribe", run_id=absent),
        socket.send("cancel", run_id=absent),
        socket.send("cancel", run_id=run_id),
        socket.send("cancel", run_id=run_id),
        socket.send("subscribe", run_id=run_id),
        socket.send("nonsense"),
        socket.send("resolve", run_id=run_id, resume=[]),
    ]
    for frame_id in ids:
        await socket.answer(frame_id)
    await socket.ended(run_id)
    await socket.in_step()
    assert [len(socket.answers(frame_id)) for frame_id in ids] == [1] * len(ids)


async def test_frames_may_have_the_same_id(ada: Person, connect: Connect) -> None:
    socket = await connect(ada)
    for _ in range(3):
        socket.send("ping", id="same")
    await socket.until(lambda: len(socket.answers("same")) == 3)


@pytest.mark.parametrize("after", [0, 1, 5])
async def test_a_late_viewer_gets_what_comes_after_its_cursor_byte_for_byte(
    after: int, ada: Person, connect: Connect
) -> None:
    live = await connect(ada)
    run_id = (await live.start("emulator/reasoning@openai-responses"))["run_id"]
    await live.saw(run_id, "TEXT_MESSAGE_CONTENT")
    joining = await connect(ada)
    answer = await joining.ask("subscribe", run_id=run_id, after=after)
    assert answer["status"] == "running"
    await live.ended(run_id)
    await joining.ended(run_id)
    late = await connect(ada)
    answer = await late.ask("subscribe", run_id=run_id, after=after)
    assert (answer["status"], answer["seq"]) == ("completed", live.seqs(run_id)[-1])
    await late.ended(run_id)
    assert joining.texts(run_id) == late.texts(run_id) == live.texts(run_id)[after:]


async def test_two_viewers_see_the_same_bytes(ada: Person, connect: Connect) -> None:
    sockets = [await connect(ada) for _ in range(3)]
    run_id = (await sockets[0].start("emulator/fast"))["run_id"]
    for socket in sockets[1:]:
        await socket.ask("subscribe", run_id=run_id)
    for socket in sockets:
        await socket.ended(run_id)
    assert sockets[0].texts(run_id) == sockets[1].texts(run_id) == sockets[2].texts(run_id)


async def test_a_viewer_at_the_end_gets_nothing_more(ada: Person, connect: Connect) -> None:
    socket = await connect(ada)
    run_id = (await socket.start())["run_id"]
    await socket.ended(run_id)
    last = socket.seqs(run_id)[-1]
    late = await connect(ada)
    assert (await late.ask("subscribe", run_id=run_id, after=last))["seq"] == last
    await late.in_step()
    assert late.texts(run_id) == []


async def test_a_cursor_beyond_the_last_seq_is_refused(ada: Person, connect: Connect) -> None:
    socket = await connect(ada)
    run_id = (await socket.start())["run_id"]
    await socket.ended(run_id)
    last = socket.seqs(run_id)[-1]
    answer = await socket.ask("subscribe", run_id=run_id, after=last + 1)
    assert answer["code"] == "bad_frame"
    assert str(last) in answer["message"]


async def test_subscribing_again_moves_the_cursor(ada: Person, connect: Connect) -> None:
    socket = await connect(ada)
    run_id = (await socket.start("emulator/stall-mid"))["run_id"]
    await socket.saw(run_id, "TEXT_MESSAGE_CONTENT")
    before = len(socket.received)
    answer = await socket.ask("subscribe", run_id=run_id, after=1)
    await socket.until(lambda: len(socket.texts(run_id)) > before)
    again = [json.loads(text)["seq"] for text in socket.received[before:] if '"event"' in text]
    assert again[: answer["seq"] - 1] == list(range(2, answer["seq"] + 1))
    await socket.ask("cancel", run_id=run_id)
    await socket.ended(run_id)
    # Its first copies and the second ones: no third.
    assert socket.seqs(run_id).count(2) == 2


async def test_unsubscribing_ends_delivery_and_not_the_run(ada: Person, connect: Connect) -> None:
    socket, other = await connect(ada), await connect(ada)
    run_id = (await socket.start("emulator/drip"))["run_id"]
    await socket.saw(run_id, "TEXT_MESSAGE_CONTENT")
    await other.ask("subscribe", run_id=run_id)
    answer = await socket.ask("unsubscribe", run_id=run_id)
    assert answer == {"type": "ok", "id": answer["id"], "run_id": run_id}
    seen, delivered = len(socket.texts(run_id)), len(other.texts(run_id))
    await other.until(lambda: len(other.texts(run_id)) > delivered + 5)
    assert len(socket.texts(run_id)) == seen
    assert (await socket.ask("unsubscribe", run_id=run_id))["type"] == "ok"
    await other.ask("cancel", run_id=run_id)
    assert (await other.ended(run_id))["outcome"] == {"type": "cancelled"}


async def test_a_closed_socket_stops_no_run(ada: Person, connect: Connect) -> None:
    socket = await connect(ada)
    run_id = (await socket.start("emulator/hello"))["run_id"]
    await socket.saw(run_id, "TEXT_MESSAGE_CONTENT")
    await socket.close()
    later = await connect(ada)
    await later.ask("subscribe", run_id=run_id, after=socket.seqs(run_id)[-1])
    assert (await later.ended(run_id))["outcome"] == {"type": "success"}
    assert socket.texts(run_id) + later.texts(run_id) == await logged(run_id)


async def test_who_follows_a_conversation_gets_its_active_run_from_the_start_and_every_later_one(
    ada: Person, connect: Connect
) -> None:
    actor, follower = await connect(ada), await connect(ada)
    first = await actor.start("emulator/stall-mid")
    conversation_id = first["conversation_id"]
    await actor.saw(first["run_id"], "TEXT_MESSAGE_CONTENT")
    answer = await follower.ask("subscribe", conversation_id=conversation_id)
    assert (answer["conversation_id"], answer["run_id"]) == (conversation_id, first["run_id"])
    await actor.ask("cancel", run_id=first["run_id"])
    runs = [first["run_id"]]
    for _ in range(3):
        await actor.ended(runs[-1])
        runs.append((await actor.start(conversation_id=conversation_id))["run_id"])
    for run_id in runs:
        await follower.ended(run_id)
        await actor.ended(run_id)
        assert follower.texts(run_id) == actor.texts(run_id) == await logged(run_id)


async def test_a_conversation_without_an_active_run_can_be_followed(ada: Person, connect: Connect) -> None:
    actor, follower = await connect(ada), await connect(ada)
    first = await actor.start()
    await actor.ended(first["run_id"])
    conversation_id = first["conversation_id"]
    answer = await follower.ask("subscribe", conversation_id=conversation_id)
    assert answer == {
        "type": "ok",
        "id": answer["id"],
        "conversation_id": conversation_id,
        "shown": first["run_id"],
        "forks": [],
        "queue": {"paused": None, "items": []},
    }
    assert follower.count("event") == 0
    second = await actor.start(conversation_id=conversation_id)
    await follower.ended(second["run_id"])
    assert follower.texts(first["run_id"]) == []


async def test_who_starts_a_run_in_a_conversation_that_it_follows_gets_each_event_once(
    ada: Person, connect: Connect
) -> None:
    socket = await connect(ada)
    first = await socket.start()
    await socket.ended(first["run_id"])
    await socket.ask("subscribe", conversation_id=first["conversation_id"])
    await socket.ask("subscribe", conversation_id=first["conversation_id"])
    second = await socket.start(conversation_id=first["conversation_id"])
    await socket.ended(second["run_id"])
    await socket.in_step()
    assert socket.texts(second["run_id"]) == await logged(second["run_id"])


async def test_a_run_that_begins_while_its_conversation_is_being_followed_is_neither_lost_nor_early(
    ada: Person, connect: Connect
) -> None:
    actor = await connect(ada)
    first = await actor.start()
    await actor.ended(first["run_id"])
    place = {"conversation_id": first["conversation_id"]}
    for _ in range(15):
        follower = await connect(ada)
        run_id = str(uuid4())
        asked = follower.send("subscribe", **place)
        actor.send("start", run_id=run_id, model="emulator/stall-mid", input="hi", **place)
        await follower.saw(run_id, "TEXT_MESSAGE_CONTENT")
        await actor.ask("cancel", run_id=run_id)
        await follower.ended(run_id)
        await actor.ended(run_id)
        assert follower.texts(run_id) == actor.texts(run_id)
        assert follower.frames[1]["id"] == asked
        await follower.close()


async def test_who_follows_a_conversation_no_more_hears_of_no_later_run(
    ada: Person, connect: Connect
) -> None:
    actor, follower = await connect(ada), await connect(ada)
    first = await actor.start("emulator/drip")
    conversation_id = first["conversation_id"]
    await follower.ask("subscribe", conversation_id=conversation_id)
    await follower.saw(first["run_id"], "TEXT_MESSAGE_CONTENT")
    answer = await follower.ask("unsubscribe", conversation_id=conversation_id)
    assert answer == {"type": "ok", "id": answer["id"], "conversation_id": conversation_id}
    before = len(follower.received)
    await actor.ask("cancel", run_id=first["run_id"])
    await actor.ended(first["run_id"])
    second = await actor.start(conversation_id=conversation_id)
    await actor.ended(second["run_id"])
    await follower.in_step()
    assert follower.received[before:] == ['{"type":"pong"}']


async def test_a_deleted_run_ends_its_replay_quietly(ada: Person, connect: Connect) -> None:
    socket = await connect(ada)
    run_id = (await socket.start())["run_id"]
    await socket.ended(run_id)
    await readers.run(lambda: RunEvent.objects.filter(run_id=run_id).delete())
    late = await connect(ada)
    assert (await late.ask("subscribe", run_id=run_id))["type"] == "ok"
    async with asyncio.timeout(2):
        while len(supervisor.current().feed):
            await asyncio.sleep(0.01)
    assert late.texts(run_id) == []


async def test_nothing_is_kept_of_a_run_that_nobody_watches(ada: Person, connect: Connect) -> None:
    socket = await connect(ada)
    for _ in range(3):
        run_id = (await socket.start())["run_id"]
        await socket.ended(run_id)
        assert UUID(run_id).version == 7
    await socket.in_step()
    assert len(supervisor.current().feed) == 0


async def test_a_viewer_of_many_runs_on_one_socket_gets_each_in_order(ada: Person, connect: Connect) -> None:
    socket = await connect(ada)
    runs = [(await socket.start("emulator/reasoning"))["run_id"] for _ in range(8)]
    for run_id in runs:
        await socket.ended(run_id)
        assert socket.texts(run_id) == await logged(run_id)


async def test_a_cancel_after_the_end_says_so_and_changes_nothing(ada: Person, connect: Connect) -> None:
    socket = await connect(ada)
    run_id = (await socket.start())["run_id"]
    await socket.ended(run_id)
    before = await logged(run_id)
    assert (await socket.ask("cancel", run_id=run_id))["state"] == "already_terminal"
    assert (await socket.ask("subscribe", run_id=run_id))["status"] == "completed"
    assert await logged(run_id) == before
