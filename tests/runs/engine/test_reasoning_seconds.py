"""How long a model has thought is told once, and is the same for who looked on and for who comes later."""

from copy import deepcopy
from typing import Any

import pytest

from concurrency.threads import readers
from runs.log import replay
from runs.models import Message
from runs.store import history
from tests.runs.conftest import Connect, Person

pytestmark = pytest.mark.django_db(transaction=True)


def reasoning_of(message: Message) -> list[dict[str, Any]]:
    return [part for part in message.parts if part["kind"] == "reasoning"]


@pytest.mark.parametrize("wire", ["openai-responses", "anthropic-messages"])
async def test_the_stored_thought_took_as_long_as_the_events_say(
    connect: Connect, ada: Person, wire: str
) -> None:
    socket = await connect(ada)
    answer = await socket.start(f"emulator/reasoning@{wire}", "Think.")
    await socket.ended(answer["run_id"])
    events = socket.events(answer["run_id"])
    told = [event["metadata"]["seconds"] for event in events if event["type"] == "REASONING_MESSAGE_END"]
    assert told
    assert all(0 < seconds < 60 for seconds in told)
    message = await readers.run(Message.objects.get, run_id=answer["run_id"], role="assistant")
    assert [part["seconds"] for part in reasoning_of(message)] == told
    # The next request is made from the parts, without what only people read.
    assert getattr(history.part_from_json(reasoning_of(message)[0]), "text", "")
    said = replay.message_of(replay.last_step(events))
    assert said is not None
    assert list(said.reasoning_seconds) == told


async def test_a_thought_that_was_stopped_took_until_then(connect: Connect, ada: Person) -> None:
    socket = await connect(ada)
    answer = await socket.start("emulator/reasoning", "Think.")
    await socket.saw(answer["run_id"], "REASONING_MESSAGE_CONTENT")
    await socket.ask("cancel", run_id=answer["run_id"])
    await socket.ended(answer["run_id"])
    events = socket.events(answer["run_id"])
    (end,) = [event for event in events if event["type"] == "REASONING_MESSAGE_END"]
    message = await readers.run(Message.objects.get, run_id=answer["run_id"], role="assistant")
    assert [part["seconds"] for part in reasoning_of(message)] == [end["metadata"]["seconds"]]


def test_where_it_is_not_known_which_thought_took_how_long_none_is_told() -> None:
    parts: list[dict[str, Any]] = [
        {"kind": "reasoning", "text": "a", "sealed": None},
        {"kind": "reasoning", "text": "", "sealed": None},
        {"kind": "text", "text": "b"},
    ]
    assert history.with_seconds(deepcopy(parts), [1.0, 2.0]) == parts
    assert history.with_seconds(deepcopy(parts), [1.5])[0]["seconds"] == 1.5
    assert "seconds" not in history.with_seconds(deepcopy(parts), [None])[0]
