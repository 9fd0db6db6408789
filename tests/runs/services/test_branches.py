"""Branches: answering again, editing, going on, and which of them is shown and sent."""

import random
from typing import Any
from uuid import uuid4

import pytest

from tests.runs.conftest import Connect, Person
from tests.runs.talks import ECHO, Talk, sent

pytestmark = pytest.mark.django_db(transaction=True)

#: Twelve ways of going wrong. Each does so once for a question; the same question is then answered.
FAILURES = [
    "error kind=unauthorized",
    "error kind=rate_limited",
    "error kind=context_window",
    "error kind=filtered",
    "error kind=malformed",
    "error kind=no_credits",
    "error_event kind=overloaded after=0",
    "empty",
    "html",
    "reset after=request",
    "reset after=3",
    "truncate after=2",
]


@pytest.fixture
async def talk(connect: Connect, ada: Person) -> Talk:
    return Talk(ada, await connect(ada))


def said_in(page: Any) -> list[tuple[str, str]]:
    return [(message["role"], message["text"]) for message in page["messages"] if message["parts"]]


async def test_another_answer_is_an_alternative_and_the_question_is_sent_once(talk: Talk) -> None:
    first = await talk.say("Which ferries?")
    question = await talk.last("user")
    second = await talk.say(None, parent_id=question)
    third = await talk.say(None, parent_id=question, model="emulator/hello@openai-chat")
    page = await talk.read()
    assert page["forks"] == [{"after": question, "runs": [first, second, third], "shown": third}]
    assert page["shown"] == third
    assert [run["begins"] for run in page["runs"]] == ["", "again"]
    for run_id in (first, second, third):
        assert await sent(run_id) == [("user", "Which ferries?")]
    # The branch of the first answer is its run alone; those of the others have the question of that run.
    assert [run["until"] for run in page["runs"]] == [question, None]
    assert await talk.texts(f"?branch={first}") == ["Which ferries?"] * 2


async def test_what_is_edited_replaces_the_question_and_what_followed(talk: Talk) -> None:
    await talk.say("one")
    end_of_first = await talk.last("assistant")
    old = await talk.say("two")
    await talk.say("three")
    new = await talk.say("two, better", parent_id=end_of_first)
    assert await sent(new) == [("user", "one"), ("assistant", "one"), ("user", "two, better")]
    page = await talk.read()
    assert page["forks"] == [{"after": end_of_first, "runs": [old, new], "shown": new}]
    assert await talk.texts() == ["one", "one", "two, better", "two, better"]


async def test_the_first_question_is_edited(talk: Talk) -> None:
    first = await talk.say("one")
    second = await talk.say("one, better", parent_id=None)
    assert await sent(second) == [("user", "one, better")]
    assert (await talk.read())["forks"] == [{"after": None, "runs": [first, second], "shown": second}]


async def test_what_was_stopped_goes_on_behind_its_words(talk: Talk) -> None:
    run_id = await talk.start("a story", model="emulator/stall-mid@openai-chat")
    await talk.socket.saw(run_id, "TEXT_MESSAGE_CONTENT")
    await talk.socket.ask("cancel", run_id=run_id)
    await talk.socket.ended(run_id)
    words = await talk.texts()
    later = await talk.say(None, parent_id=await talk.last("assistant"))
    question, answer, go_on = await sent(later)
    assert [question[1], answer[1]] == words
    assert go_on == ("user", (await talk.texts())[2])
    run = (await talk.read())["runs"][-1]
    assert (run["begins"], (await talk.read())["forks"]) == ("continue", [])


async def test_a_branch_behind_an_answer_with_calls_has_their_results(talk: Talk) -> None:
    order = '[[call clock {"zone": "UTC"}]]'
    await talk.say(order, model="emulator/calls@openai-chat", options={"tools": ["clock"]})
    calling = next(each["id"] for each in await talk.messages() if each["role"] == "assistant")
    later = await talk.say("And in Oslo?", parent_id=calling)
    assert [role for role, _ in await sent(later)] == ["user", "assistant", "tool", "user"]
    assert [message["role"] for message in await talk.messages()] == [
        "user",
        "assistant",
        "tool",
        "user",
        "assistant",
    ]


async def test_the_shown_branch_is_stored_and_told_to_all_who_follow(
    talk: Talk, ada: Person, connect: Connect
) -> None:
    first = await talk.say("one")
    other_tab = await connect(ada)
    await other_tab.ask("subscribe", conversation_id=talk.id)
    second = await talk.say("one, better", parent_id=None)
    await other_tab.until(lambda: other_tab.count("conversation") == 1)
    answer = await talk.socket.ask("show", conversation_id=talk.id, run_id=first)
    await other_tab.until(lambda: other_tab.count("conversation") == 2)
    told = [frame for frame in other_tab.frames if frame["type"] == "conversation"]
    forks = {"after": None, "runs": [first, second]}
    assert [(each["shown"], each["forks"]) for each in told] == [
        (second, [forks | {"shown": second}]),
        (first, [forks | {"shown": first}]),
    ]
    assert (answer["shown"], answer["forks"]) == (first, told[1]["forks"])
    third_tab = await connect(ada)
    assert (await third_tab.ask("subscribe", conversation_id=talk.id))["shown"] == first
    assert await talk.texts() == ["one", "one"]
    assert (await sent(await talk.say("more")))[0] == ("user", "one")


async def test_another_branch_is_shown_to_its_newest_end(talk: Talk) -> None:
    first = await talk.say("one")
    end = await talk.say("two")
    await talk.say("one, better", parent_id=None)
    answer = await talk.socket.ask("show", conversation_id=talk.id, run_id=first)
    assert answer["shown"] == end


async def test_a_failed_answer_keeps_its_place_and_its_question_goes_with_it(talk: Talk) -> None:
    await talk.say("one")
    question = await talk.last("user")
    failed = await talk.say(None, parent_id=question, model="emulator/nobody@openai-chat")
    (run,) = [run for run in (await talk.read())["runs"] if run["id"] == failed]
    assert (run["status"], run["left_out_of"]) == ("failed", "*")
    later = await talk.say("two")
    assert await sent(later) == [("user", "two")]
    assert [(role, text) for role, text in said_in(await talk.read()) if role == "user"] == [
        ("user", "one"),
        ("user", "two"),
    ]
    # Asked once more, it is answered, and goes along again.
    await talk.say(None, parent_id=question)
    assert await sent(await talk.say("three")) == [("user", "one"), ("assistant", "one"), ("user", "three")]


@pytest.mark.parametrize("seed", range(2))
async def test_after_twelve_failures_edits_and_repetitions_the_request_is_the_shown_branch(
    talk: Talk, seed: int
) -> None:
    chance = random.Random(seed)
    await talk.say("The first question")
    questions = ["The first question"]
    for number, failure in enumerate(chance.sample(FAILURES, len(FAILURES))):
        end = await talk.last("assistant")
        text = f"Question {number} [[fault={failure} attempts=1]]"
        failed = await talk.say(text, options={"max_retries": 0})
        assert talk.socket.events(failed)[-1]["type"] == "RUN_ERROR", failure
        question = await talk.last("user")
        match chance.choice(["again", "edit", "send again", "another model"]):
            case "again":
                await talk.say(None, parent_id=question)
            case "another model":
                # It fails as well: each model has the fault once.
                await talk.say(None, parent_id=question, model="emulator/hello@openai-chat")
                await talk.say(None, parent_id=question)
            case "edit":
                text = f"Question {number}, edited"
                await talk.say(text, parent_id=end)
            case _:
                await talk.say(text, parent_id=end)
        questions.append(text)
    last = await talk.say("The last question")
    request = await sent(last)
    assert [text for role, text in request if role == "user"] == [*questions, "The last question"]
    page = await talk.read()
    shown: list[tuple[str, str]] = []
    while True:
        shown = said_in(page) + shown
        if not page["before"]:
            break
        page = await talk.read(f"?before={page['before'].replace('+', '%2B')}")
    assert shown[:-1] == request


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"parent_id": str(uuid4()), "input": "x"}, "not_found"),
        ({"parent_id": str(uuid4())}, "not_found"),
        ({"parent_id": None}, "bad_frame"),
        ({}, "bad_frame"),
        ({"input": []}, "bad_frame"),
    ],
)
async def test_it_refuses_a_place_that_is_none(talk: Talk, fields: dict[str, Any], code: str) -> None:
    await talk.say("one")
    answer = await talk.socket.ask("start", model=ECHO, conversation_id=talk.id, **fields)
    assert answer["code"] == code


async def test_a_message_of_another_conversation_or_person_is_absent(
    talk: Talk, eve: Person, connect: Connect
) -> None:
    await talk.say("one")
    message = await talk.last("user")
    stranger = Talk(eve, await connect(eve))
    run_id = await stranger.say("mine")
    refused = [
        await stranger.socket.ask(
            "start", model=ECHO, conversation_id=stranger.id, parent_id=key, input="x", id="same"
        )
        for key in (message,)
    ]
    assert [each["code"] for each in refused] == ["not_found"]
    for conversation_id, run in ((talk.id, run_id), (str(uuid4()), run_id), (stranger.id, str(uuid4()))):
        answer = await stranger.socket.ask("show", conversation_id=conversation_id, run_id=run)
        assert answer["code"] == "not_found"


async def test_a_repeated_start_is_told_from_one_at_another_place(talk: Talk) -> None:
    await talk.say("one")
    question = await talk.last("user")
    run_id = await talk.say(None, parent_id=question)
    fields = {"model": ECHO, "conversation_id": talk.id, "run_id": run_id}
    assert (await talk.socket.ask("start", parent_id=question, **fields))["state"] == "exists"
    assert (await talk.socket.ask("start", input="one", **fields))["code"] == "conflict"
