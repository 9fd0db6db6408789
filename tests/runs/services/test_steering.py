"""Steering: what is said to a run is heard at its next step, or else becomes a run of its own."""

from typing import Any

import pytest

from concurrency.threads import readers
from runs.models import File, Run
from runs.states import RunStatus
from tests.runs.conftest import Connect, Person
from tests.runs.services.test_queue import CALLS, NOTE, approve, busy, queues, stop, waiting
from tests.runs.talks import ECHO, Talk, sent

pytestmark = pytest.mark.django_db(transaction=True)

WIRES = ("openai-chat", "openai-responses", "anthropic-messages", "gemini-generate")


@pytest.fixture
async def talk(connect: Connect, ada: Person) -> Talk:
    return Talk(ada, await connect(ada))


async def steer(talk: Talk, run_id: str, text: str) -> Any:
    answer = await talk.socket.ask("steer", run_id=run_id, input=text)
    assert answer["type"] == "ok", answer
    return answer


async def paused(talk: Talk, model: str = CALLS) -> str:
    return await talk.say(NOTE, model=model, options={"tools": ["write_note"]})


@pytest.mark.parametrize("wire", WIRES)
async def test_a_model_hears_it_behind_the_results_of_its_calls(talk: Talk, wire: str) -> None:
    run_id = await paused(talk, f"emulator/calls@{wire}")
    for text in ("Mind the eggs.", "And the flour."):
        answer = await steer(talk, run_id, text)
        assert (answer["state"], answer["conversation_id"]) == ("accepted", talk.id)
    assert await waiting(talk) == ["Mind the eggs.", "And the flour."]
    await approve(talk, run_id)
    await talk.socket.until(lambda: any(each.get("name") == "steer" for each in talk.socket.events(run_id)))
    await talk.socket.until(lambda: talk.socket.events(run_id)[-1]["type"] == "RUN_FINISHED")
    # The emulator refuses what the wire's provider would refuse, such as a message between a call and its result.
    assert talk.socket.events(run_id)[-1]["outcome"] == {"type": "success"}
    messages = await talk.messages()
    assert [message["role"] for message in messages] == [
        "user",
        "assistant",
        "tool",
        "user",
        "user",
        "assistant",
    ]
    told = [each for each in talk.socket.events(run_id) if each.get("name") == "steer"]
    assert [each["value"]["message_ids"] for each in told] == [[messages[3]["id"]], [messages[4]["id"]]]
    assert [each["value"]["messages"][0]["content"] for each in told] == ["Mind the eggs.", "And the flour."]
    kinds = [each["type"] for each in talk.socket.events(run_id)]
    places = [place for place, kind in enumerate(kinds) if kind == "CUSTOM"]
    assert kinds[places[-1] + 1] == "STEP_STARTED"
    assert kinds[places[0] - 1] == "TOOL_CALL_RESULT"
    assert await waiting(talk) == []
    if wire == "openai-chat":
        assert [role for role, _ in await sent(run_id)] == ["user", "assistant", "tool", "user", "user"]


async def test_its_run_is_not_there_twice_once_it_was_heard(talk: Talk) -> None:
    run_id = await paused(talk)
    answer = await steer(talk, run_id, "Mind the eggs.")
    await approve(talk, run_id)
    await talk.socket.until(lambda: talk.socket.events(run_id)[-1].get("outcome") == {"type": "success"})
    assert [row.id.hex for row in await readers.run(lambda: list(Run.objects.all()))] == [
        run_id.replace("-", "")
    ]
    assert (await talk.socket.ask("queue_edit", run_id=answer["queued_run_id"], input="x"))[
        "code"
    ] == "not_found"


async def test_without_a_next_step_it_is_asked_before_what_is_queued(talk: Talk) -> None:
    run_id = await paused(talk)
    later = await talk.socket.ask(
        "start", model=ECHO, input="later", conversation_id=talk.id, when_busy="queue"
    )
    first = await steer(talk, run_id, "first")
    second = await steer(talk, run_id, "second")
    assert await waiting(talk) == ["first", "second", "later"]
    items = (await talk.read())["queue"]["items"]
    assert [item["steers"] for item in items] == [run_id, run_id, None]
    await stop(talk, run_id)
    # A cancel keeps all of it.
    items = (await talk.read())["queue"]["items"]
    assert [(item["text"], item["steers"]) for item in items] == [
        ("first", None),
        ("second", None),
        ("later", None),
    ]
    await talk.socket.ask("queue_resume", conversation_id=talk.id)
    for answer in (first["queued_run_id"], second["queued_run_id"], later["run_id"]):
        await talk.socket.ended(answer)
    users = [text for role, text in await sent(later["run_id"]) if role == "user"]
    assert users == [NOTE, "first", "second", "later"]


async def test_a_run_without_tools_has_no_next_step(talk: Talk) -> None:
    run_id = await busy(talk)
    answer = await steer(talk, run_id, "shorter")
    assert answer["state"] == "queued"
    await stop(talk, run_id)
    await talk.socket.ask("queue_resume", conversation_id=talk.id)
    await talk.socket.until(lambda: bool(talk.socket.events(answer["queued_run_id"])))


async def test_what_is_said_to_a_run_that_has_ended_begins_at_once(talk: Talk) -> None:
    run_id = await talk.say("one")
    answer = await steer(talk, run_id, "two")
    assert answer["state"] == "queued"
    await talk.socket.ended(answer["queued_run_id"])
    assert await talk.texts() == ["one", "one", "two", "two"]


async def test_what_is_edited_or_removed_meanwhile_is_heard_so(talk: Talk) -> None:
    run_id = await paused(talk)
    kept, gone = [(await steer(talk, run_id, text))["queued_run_id"] for text in ("kept", "gone")]
    await talk.socket.ask("queue_edit", run_id=kept, input="kept, better")
    await talk.socket.ask("queue_remove", run_id=gone)
    await approve(talk, run_id)
    await talk.socket.until(lambda: talk.socket.events(run_id)[-1].get("outcome") == {"type": "success"})
    assert [text for role, text in await sent(run_id) if role == "user"] == [NOTE, "kept, better"]


async def test_all_who_follow_see_it_wait_and_be_heard(talk: Talk, ada: Person, connect: Connect) -> None:
    run_id = await paused(talk)
    tab = await connect(ada)
    await tab.ask("subscribe", conversation_id=talk.id)
    await steer(talk, run_id, "Mind the eggs.")
    await tab.until(lambda: bool(queues(tab)) and bool(queues(tab)[-1]["items"]))
    await approve(talk, run_id)
    await tab.until(lambda: queues(tab)[-1]["items"] == [])
    await tab.until(lambda: tab.events(run_id)[-1].get("outcome") == {"type": "success"})
    assert [each["name"] for each in tab.events(run_id) if each["type"] == "CUSTOM"] == ["steer"]


async def test_what_names_a_file_that_is_gone_stays_queued(talk: Talk) -> None:
    run_id = await paused(talk)
    file = await readers.run(
        lambda: File.objects.create(owner=talk.person.user, name="a.txt", mime_type="text/plain", size=1)
    )
    content = [{"type": "document", "source": {"type": "file", "value": str(file.pk)}}]
    message = {"id": "m", "role": "user", "content": content}
    answer = await talk.socket.ask("steer", run_id=run_id, input=[message])
    assert answer["state"] == "accepted", answer
    await readers.run(file.delete)
    await approve(talk, run_id)
    await talk.socket.until(lambda: talk.socket.events(run_id)[-1].get("outcome") == {"type": "success"})
    row = await readers.run(Run.objects.get, pk=answer["queued_run_id"])
    assert row.status == RunStatus.QUEUED


async def test_an_empty_word_is_none(talk: Talk) -> None:
    run_id = await talk.say("one")
    empty: list[Any] = ["", []]
    for said in empty:
        answer = await talk.socket.ask("steer", run_id=run_id, input=said)
        assert answer["code"] == "bad_frame"
