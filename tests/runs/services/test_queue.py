"""The queue of a conversation: what waits, when it begins, and what its owner changes in it."""

from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import pytest

from concurrency.threads import readers
from runs import services
from runs.engine import supervisor
from runs.models import ApiToken, Conversation, Run
from runs.states import RunStatus
from tests.runs.conftest import Connect, Person
from tests.runs.sockets import Socket
from tests.runs.talks import ECHO, Talk, sent

pytestmark = pytest.mark.django_db(transaction=True)

#: Says a few words and goes on for ever.
SLOW = "emulator/stall-mid@openai-chat"
CALLS = "emulator/calls@openai-chat"
NOTE = '[[call write_note {"text": "milk"}]]'


@pytest.fixture
async def talk(connect: Connect, ada: Person) -> Talk:
    return Talk(ada, await connect(ada))


async def busy(talk: Talk) -> str:
    """Begin the conversation with an answer that does not end. Return its run's id."""
    run_id = await talk.start("a story", model=SLOW)
    await talk.socket.saw(run_id, "TEXT_MESSAGE_CONTENT")
    return run_id


async def queue(talk: Talk, text: str, **fields: Any) -> str:
    """Queue a message, and return the id of its run."""
    fields = {"model": ECHO, "input": text, "when_busy": "queue", "conversation_id": talk.id} | fields
    answer = await talk.socket.ask("start", **fields)
    assert (answer["type"], answer.get("state")) == ("ok", "queued"), answer
    run_id: str = answer["run_id"]
    return run_id


async def stop(talk: Talk, run_id: str) -> None:
    await talk.socket.ask("cancel", run_id=run_id)
    await talk.socket.ended(run_id)


async def waiting(talk: Talk) -> list[str]:
    return [item["text"] for item in (await talk.read())["queue"]["items"]]


def queues(socket: Socket) -> list[Any]:
    """Return what a socket was told about the queue, each time."""
    return [frame["queue"] for frame in socket.frames if frame["type"] == "conversation"]


async def resume(talk: Talk) -> None:
    answer = await talk.socket.ask("queue_resume", conversation_id=talk.id)
    assert (answer["type"], answer["state"]) == ("ok", "resumed")


async def test_what_is_queued_begins_in_order_when_the_conversation_is_free(talk: Talk) -> None:
    first = await talk.say(NOTE, model=CALLS, options={"tools": ["write_note"]})
    runs = [await queue(talk, text) for text in ("one", "two")]
    # The approval holds it.
    assert await waiting(talk) == ["one", "two"]
    await approve(talk, first)
    for run_id in runs:
        await talk.socket.ended(run_id)
    assert [text for role, text in await sent(runs[1]) if role == "user"] == [NOTE, "one", "two"]
    assert (await talk.read())["queue"] == {"paused": None, "items": []}


async def approve(talk: Talk, run_id: str) -> None:
    (interrupt,) = talk.socket.events(run_id)[-1]["outcome"]["interrupts"]
    entry = {
        "interruptId": interrupt["id"],
        "status": "resolved",
        "payload": {"approved": True},
        "metadata": {"digest": interrupt["metadata"]["digest"]},
    }
    answer = await talk.socket.ask("resolve", run_id=run_id, resume=[entry])
    assert answer["type"] == "ok", answer


async def test_in_a_free_conversation_nothing_waits(talk: Talk) -> None:
    await talk.say("one")
    answer = await talk.socket.ask(
        "start", model=ECHO, input="two", when_busy="queue", conversation_id=talk.id
    )
    assert answer["state"] == "created"
    new = await talk.socket.ask("start", model=ECHO, input="one", when_busy="queue")
    assert new["state"] == "created"


async def test_a_cancel_keeps_the_queue_paused_until_it_is_resumed(talk: Talk) -> None:
    run_id = await busy(talk)
    queued = [await queue(talk, text) for text in ("one", "two")]
    await stop(talk, run_id)
    told = (await talk.read())["queue"]
    assert (told["paused"]["why"], [item["run_id"] for item in told["items"]]) == ("cancelled", queued)
    # What is said meanwhile is answered, and what was queued still waits.
    await talk.say("between")
    assert await waiting(talk) == ["one", "two"]
    await resume(talk)
    await talk.socket.ended(queued[1])
    users = [text for role, text in await sent(queued[1]) if role == "user"]
    assert users == ["a story", "between", "one", "two"]


async def test_a_restart_keeps_the_queue_and_goes_on_with_it(talk: Talk, ada: Person) -> None:
    run_id = await busy(talk)
    queued = await queue(talk, "one")
    # As a dead process leaves it.
    await readers.run(lambda: Run.objects.filter(pk=run_id).update(status="failed", lease_until=None))
    here = supervisor.current()
    here._queues.clear()
    await here._begin_queued()
    await talk.socket.ended(queued)
    assert (await readers.run(Run.objects.get, pk=queued)).status == RunStatus.COMPLETED


async def test_it_interrupts_and_keeps_what_was_said(talk: Talk) -> None:
    run_id = await busy(talk)
    later = await queue(talk, "later")
    answer = await talk.socket.ask(
        "start", model=ECHO, input="now", when_busy="interrupt", conversation_id=talk.id
    )
    assert answer["state"] == "created"
    # The answer comes before the last events of the run that it has cancelled.
    place = [frame.get("id") for frame in talk.socket.frames].index(answer["id"])
    assert not any(frame["type"] == "event" for frame in talk.socket.frames[place - 1 : place])
    await talk.socket.ended(answer["run_id"])
    assert talk.socket.events(run_id)[-1]["outcome"] == {"type": "cancelled"}
    request = await sent(answer["run_id"])
    assert [role for role, _ in request] == ["user", "assistant", "user"]
    # It is no cancel: what was queued goes on behind it.
    await talk.socket.ended(later)


async def test_it_interrupts_what_waits_for_an_approval(talk: Talk) -> None:
    run_id = await talk.say(NOTE, model=CALLS, options={"tools": ["write_note"]})
    answer = await talk.socket.ask(
        "start", model=ECHO, input="now", when_busy="interrupt", conversation_id=talk.id
    )
    assert answer["state"] == "created"
    await talk.socket.ended(answer["run_id"])
    assert (await readers.run(Run.objects.get, pk=run_id)).status == RunStatus.CANCELLED


async def test_a_start_that_does_not_say_so_is_refused(talk: Talk) -> None:
    await busy(talk)
    for fields in ({}, {"when_busy": "reject"}):
        answer = await talk.socket.ask("start", model=ECHO, input="two", conversation_id=talk.id, **fields)
        assert answer["code"] == "conversation_busy"


async def test_queued_messages_are_edited_moved_and_removed_and_all_tabs_see_it(
    talk: Talk, ada: Person, connect: Connect
) -> None:
    run_id = await busy(talk)
    tab = await connect(ada)
    await tab.ask("subscribe", conversation_id=talk.id)
    one, two, three = [await queue(talk, text) for text in ("one", "two", "three")]
    edited = await talk.socket.ask(
        "queue_edit", run_id=two, input="two, better", model="emulator/refusal@openai-chat"
    )
    assert (edited["state"], edited["conversation_id"]) == ("queued", talk.id)
    await tab.ask("queue_move", run_id=three, index=0)
    removed = await tab.ask("queue_remove", run_id=one)
    assert removed["state"] == "removed"
    event = await talk.socket.ended(one)
    assert event["outcome"] == {"type": "cancelled"}
    assert await waiting(talk) == ["three", "two, better"]
    await tab.until(lambda: [item["text"] for item in queues(tab)[-1]["items"]] == ["three", "two, better"])
    assert [item["model"] for item in queues(tab)[-1]["items"]] == [ECHO, "emulator/refusal@openai-chat"]
    await stop(talk, run_id)
    await resume(talk)
    await talk.socket.ended(two)
    assert [text for text in await talk.texts() if text in {"one", "three", "two, better"}][0::2] == [
        "three",
        "two, better",
    ]
    # What was removed is in no branch, and no alternative.
    page = await talk.read()
    assert one not in {run["id"] for run in page["runs"]}
    assert page["forks"] == []
    # A repeated start answers to the words that it was sent with.
    again = await talk.socket.ask(
        "start", run_id=two, model=ECHO, input="two", when_busy="queue", conversation_id=talk.id
    )
    assert again["state"] == "exists"


async def test_one_is_sent_now_and_the_others_follow(talk: Talk) -> None:
    run_id = await busy(talk)
    one, two = [await queue(talk, text) for text in ("one", "two")]
    answer = await talk.socket.ask("queue_send", run_id=two)
    assert answer["state"] == "created"
    await talk.socket.ended(one)
    assert [text for role, text in await sent(one) if role == "user"] == ["a story", "two", "one"]
    assert talk.socket.events(run_id)[-1]["outcome"] == {"type": "cancelled"}


async def test_a_paused_queue_sends_only_what_it_is_told_to(talk: Talk) -> None:
    run_id = await busy(talk)
    await talk.socket.ask("queue_pause", conversation_id=talk.id)
    _, two = [await queue(talk, text) for text in ("one", "two")]
    assert (await talk.read())["queue"]["paused"]["why"] == "paused"
    await stop(talk, run_id)
    await talk.socket.ask("queue_send", run_id=two)
    await talk.socket.ended(two)
    assert await waiting(talk) == ["one"]


async def test_what_cannot_be_sent_pauses_the_queue_and_says_why(talk: Talk, ada: Person) -> None:
    run_id = await talk.say(NOTE, model=CALLS, options={"tools": ["write_note"]})
    queued = await queue(talk, "one")
    later = await queue(talk, "two")
    await readers.run(lambda: Run.objects.filter(pk=queued).update(model="nobody/nothing"))
    await approve(talk, run_id)
    await talk.socket.ended(run_id)
    await talk.socket.until(lambda: True)
    await until_paused(talk)
    told = (await talk.read())["queue"]
    assert told["paused"]["why"] == "not_begun"
    assert "nobody" in told["paused"]["message"]
    assert [item["run_id"] for item in told["items"]] == [queued, later]
    # Mended, it goes on.
    await talk.socket.ask("queue_edit", run_id=queued, model=ECHO)
    await resume(talk)
    await talk.socket.ended(later)


async def until_paused(talk: Talk) -> None:
    watcher = talk.socket
    await watcher.ask("subscribe", conversation_id=talk.id)
    if (await talk.read())["queue"]["paused"] is None:
        await watcher.until(lambda: any(each["paused"] for each in queues(watcher)))


async def test_a_cancel_of_what_is_queued_ends_it_before_it_begins(talk: Talk) -> None:
    await busy(talk)
    queued = str(uuid4())
    fields = {"model": ECHO, "input": "one", "when_busy": "queue", "conversation_id": talk.id}
    start = talk.socket.send("start", run_id=queued, **fields)
    cancel = talk.socket.send("cancel", run_id=queued)
    assert (await talk.socket.answer(start))["state"] == "queued"
    assert (await talk.socket.answer(cancel))["state"] == "requested"
    await talk.socket.ended(queued)
    assert [event["type"] for event in talk.socket.events(queued)] == ["RUN_STARTED", "RUN_FINISHED"]
    told = (await talk.read())["queue"]
    # Nothing that ran was stopped.
    assert told == {"paused": None, "items": []}
    assert (await talk.socket.ask("cancel", run_id=queued))["state"] == "already_terminal"


async def test_it_queues_as_many_as_allowed(talk: Talk, settings: Any) -> None:
    settings.RUNNEL_QUEUED_PER_CONVERSATION, settings.RUNNEL_QUEUED_PER_USER = 2, 3
    (ready,) = [frame for frame in talk.socket.frames if frame["type"] == "ready"]
    assert (ready["limits"]["queued_per_conversation"], ready["limits"]["queued_per_user"]) == (20, 100)
    await busy(talk)
    for text in ("one", "two"):
        await queue(talk, text)
    refused = await talk.socket.ask(
        "start", model=ECHO, input="three", when_busy="queue", conversation_id=talk.id
    )
    assert (refused["code"], refused["limit"]) == ("too_many_runs", "queued_per_conversation")
    other = Talk(talk.person, talk.socket)
    await busy(other)
    await queue(other, "three")
    refused = await talk.socket.ask(
        "start", model=ECHO, input="four", when_busy="queue", conversation_id=other.id
    )
    assert (refused["code"], refused["limit"]) == ("too_many_runs", "queued_per_user")


async def test_the_queue_of_somebody_else_is_absent(talk: Talk, eve: Person, connect: Connect) -> None:
    run_id = await busy(talk)
    queued = await queue(talk, "one")
    stranger = await connect(eve)
    frames: list[tuple[str, dict[str, Any]]] = [
        ("queue_edit", {"run_id": queued, "input": "x"}),
        ("queue_move", {"run_id": queued, "index": 0}),
        ("queue_remove", {"run_id": queued}),
        ("queue_send", {"run_id": queued}),
        ("queue_pause", {"conversation_id": talk.id}),
        ("queue_resume", {"conversation_id": talk.id}),
        ("steer", {"run_id": run_id, "input": "x"}),
        ("start", {"model": ECHO, "input": "x", "conversation_id": talk.id, "when_busy": "queue"}),
        ("start", {"model": ECHO, "input": "x", "conversation_id": talk.id, "when_busy": "interrupt"}),
    ]
    for kind, fields in frames:
        foreign = await stranger.ask(kind, id="same", **fields)
        stranger.received.clear()
        missing = {name: str(uuid4()) for name in ("run_id", "conversation_id") if name in fields}
        absent = await stranger.ask(kind, id="same", **fields | missing)
        stranger.received.clear()
        assert foreign == absent, kind
        assert foreign["code"] == "not_found", kind
    assert (await waiting(talk), supervisor.current().live_count(talk.person.user.pk)) == (["one"], 1)


async def test_what_has_begun_is_not_queued_any_more(talk: Talk) -> None:
    run_id = await talk.say("one")
    for kind in ("queue_edit", "queue_remove", "queue_send"):
        answer = await talk.socket.ask(kind, run_id=run_id)
        assert answer["code"] == "conflict"
    assert (await talk.socket.ask("queue_move", run_id=run_id, index=1))["code"] == "conflict"


async def test_a_deleted_conversation_takes_its_queue_along(talk: Talk) -> None:
    run_id = await busy(talk)
    queued = await queue(talk, "one")
    await stop(talk, run_id)
    await readers.run(services.delete_conversation, talk.person.user, UUID(talk.id))
    await supervisor.current()._begin_queued()
    assert (await talk.socket.ask("queue_resume", conversation_id=talk.id))["code"] == "not_found"
    assert (await readers.run(Run.objects.get, pk=queued)).status == RunStatus.QUEUED
    erased = await readers.run(Conversation.all_rows.get, pk=talk.id)
    assert erased.erased_at is not None


async def test_what_a_revoked_token_has_queued_is_not_sent(talk: Talk) -> None:
    run_id = await talk.say(NOTE, model=CALLS, options={"tools": ["write_note"]})
    queued = await queue(talk, "one")
    session = await readers.run(lambda: ApiToken.issue(talk.person.user))
    await readers.run(lambda: ApiToken.objects.exclude(pk=session[0].pk).delete())
    talk.person = replace(talk.person, token=session[1])
    assert await services.cancel(talk.person.user.pk, UUID(run_id)) == "requested"
    await services.resume_queue(talk.person.user.pk, UUID(talk.id))
    told = (await talk.read())["queue"]
    assert (told["paused"]["why"], [item["run_id"] for item in told["items"]]) == ("not_begun", [queued])
    assert "revoked" in told["paused"]["message"]


async def test_the_conversations_that_are_remembered_are_bounded(
    talk: Talk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "MOST_QUEUES", 2)
    here, ids = supervisor.current(), [uuid4() for _ in range(3)]
    for conversation_id in (*ids, ids[1]):
        here.note_queue(conversation_id)
    assert list(here._queues) == [ids[2], ids[1]]
