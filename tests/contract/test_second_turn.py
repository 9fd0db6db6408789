"""What a provider is sent when a conversation goes on: all that was said, in a form that it takes.

The providers themselves are called, by their names and through their SDKs; an emulator stands in their
place and keeps what it received.
"""

import json
from collections.abc import Iterable
from itertools import pairwise

import pytest

from tests.contract import hand_written, request_rules
from tests.contract.line import PROVIDERS, Line, Played, Viewer
from tests.contract.reading import Json, Reading, Recording, events, read, recordings
from tests.contract.request_rules import Turn

WIRES = tuple(PROVIDERS)

#: Where the emulator's thoughts are sealed: Chat has nothing like it, and Responses seals for models only
#: whose names say that they think. Both are played from bodies below.
SEALING = {"anthropic-messages", "gemini-generate"}

FULL = {body.wire: body for body in hand_written.BODIES if body.name == "by-hand-full"}

#: Streams with more in them than words: what is hard to send back.
RICH = [
    (recording, reading)
    for recording in recordings()
    if (reading := read(recording.wire, recording.sse, recording.meta))
    and reading.stop_reason
    and (reading.sealed or reading.tool_calls or reading.provider_items)
]
ABSENT = pytest.param(None, None, marks=pytest.mark.skip(reason="there are no recordings beside the project"))

#: What every second turn asks.
QUESTION = "And then?"


def model(wire: str, name: str) -> str:
    return f"{PROVIDERS[wire]}/{name}"


def held(body: Json, words: str) -> bool:
    return json.dumps(words)[1:-1] in json.dumps(body)


def go_on(line: Line, viewer: Viewer, before: Played, model: str) -> Json:
    """Take the next turn; return what the upstream received, as soon as it has, and stop."""
    newest = line.upstream.newest
    run_id, _ = viewer.start(model, QUESTION, conversation_id=before.conversation_id)
    body = line.upstream.received(after=newest)
    viewer.stop(run_id, before.conversation_id)
    return body


def check(wire: str, body: Json, first: str, *, text: str, calls: Iterable[tuple[str, object]] = ()) -> None:
    """Hold a request against what was said in the turn before it."""
    calls = tuple(calls)
    assert request_rules.refusals(wire, body) == []
    *before, last = request_rules.turns(wire, body)
    assert len(last.results) == len(calls)
    if not text and not calls:
        assert (before, last.text) == ([], first + QUESTION)
    else:
        assert last.text == QUESTION
        assert before == [Turn(user=True, text=first), Turn(user=False, text=text, calls=calls)]


@pytest.fixture(scope="module")
def thoughts(viewer: Viewer) -> dict[str, Played]:
    """A turn with sealed thoughts on every wire. They take their time, so they run at once."""
    started = {wire: viewer.start(model(wire, "reasoning"), "Think.") for wire in WIRES}
    return {
        wire: Played(run_id=run_id, conversation_id=conversation_id, frames=viewer.follow(run_id))
        for wire, (run_id, conversation_id) in started.items()
    }


@pytest.mark.parametrize("wire", WIRES)
def test_it_sends_the_words_of_the_first_turn(wire: str, line: Line, viewer: Viewer) -> None:
    first = viewer.play(model(wire, "echo"), "Räksmörgås 🦐 for two")
    assert first.text == "Räksmörgås 🦐 for two"
    check(wire, go_on(line, viewer, first, model(wire, "echo")), first.text, text=first.text)


@pytest.mark.parametrize("wire", WIRES)
def test_it_sends_thoughts_back_sealed(
    wire: str, line: Line, viewer: Viewer, thoughts: dict[str, Played]
) -> None:
    first = thoughts[wire]
    seals = [event["encryptedValue"] for event in first.events if "encryptedValue" in event]
    assert bool(seals) == (wire in SEALING)
    body = go_on(line, viewer, first, model(wire, "reasoning"))
    check(wire, body, "Think.", text=first.text)
    assert all(held(body, seal) for seal in seals)


@pytest.mark.parametrize("wire", WIRES)
def test_it_answers_calls_that_nothing_executed(wire: str, line: Line, viewer: Viewer) -> None:
    first = viewer.play(model(wire, "tools"), "What is the weather?")
    assert first.last["outcome"]["pendingToolCallIds"]
    calls = calls_in(first)
    assert len(calls) == 2
    body = go_on(line, viewer, first, model(wire, "tools"))
    check(wire, body, "What is the weather?", text=first.text, calls=calls)


def calls_in(run: Played) -> list[tuple[str, object]]:
    """Return the calls of a run that a viewer has seen to their end."""
    names, arguments = {}, {}
    for event in run.events:
        if event["type"] == "TOOL_CALL_START":
            names[event["toolCallId"]], arguments[event["toolCallId"]] = event["toolCallName"], ""
        elif event["type"] == "TOOL_CALL_ARGS":
            arguments[event["toolCallId"]] += event["delta"]
    return [(name, json.loads(arguments[call_id])) for call_id, name in names.items()]


@pytest.mark.parametrize("then", WIRES)
@pytest.mark.parametrize("wire", WIRES)
def test_it_switches_between_any_two_providers(wire: str, then: str, line: Line, viewer: Viewer) -> None:
    name = f"recording/{FULL[wire].name}"
    first = viewer.play(model(wire, name), "Plan my trip.")
    assert first.text == hand_written.WORDS
    body = go_on(line, viewer, first, model(then, name))
    check(then, body, "Plan my trip.", text=hand_written.WORDS, calls=hand_written.CALLS)
    assert request_rules.overlong_ids(then, body) == []
    assert held(body, hand_written.SEAL) == (wire == then)
    assert wire == then or not held(body, hand_written.THOUGHT)


@pytest.mark.parametrize("wire", WIRES)
def test_it_takes_every_providers_answers_in_one_conversation(wire: str, line: Line, viewer: Viewer) -> None:
    first = viewer.play(model(WIRES[0], f"recording/{FULL[WIRES[0]].name}"), "Plan my trip.")
    for each in WIRES[1:]:
        viewer.play(
            model(each, f"recording/{FULL[each].name}"), "And again.", conversation_id=first.conversation_id
        )
    body = go_on(line, viewer, first, model(wire, f"recording/{FULL[wire].name}"))
    assert request_rules.refusals(wire, body) == []
    turns = request_rules.turns(wire, body)
    assert [turn.text for turn in turns if not turn.user] == [hand_written.WORDS] * len(WIRES)
    assert [turn.calls for turn in turns if not turn.user] == [hand_written.CALLS] * len(WIRES)
    assert [len(turn.results) for turn in turns if turn.user] == [0, *[len(hand_written.CALLS)] * len(WIRES)]
    assert json.dumps(body).count(hand_written.SEAL) == 1


@pytest.mark.parametrize(
    ("recording", "reading"), RICH or [ABSENT], ids=lambda value: getattr(value, "name", "")
)
def test_it_sends_real_answers_back_and_on_to_another_provider(
    recording: Recording, reading: Reading, line: Line, viewer: Viewer
) -> None:
    name = model(recording.wire, f"recording/{recording.name}")
    # One that the output limit cut is no JSON, and no provider would take it.
    calls = [call for call in reading.tool_calls if isinstance(call[1], dict)]
    first = viewer.play(name, "Do it.")
    body = go_on(line, viewer, first, name)
    check(recording.wire, body, "Do it.", text=sendable_text(recording, reading), calls=calls)
    assert all(held(body, seal) for seal in due(recording, reading))
    other = [wire for wire in WIRES if wire != recording.wire][len(recording.sse) % 3]
    again = viewer.play(name, "Do it.")
    body = go_on(line, viewer, again, model(other, "echo"))
    check(other, body, "Do it.", text=reading.text, calls=calls)
    assert request_rules.overlong_ids(other, body) == []
    assert not any(held(body, seal) for seal in reading.sealed)


def sendable_text(recording: Recording, reading: Reading) -> str:
    """Return the text without Anthropic's blocks of blank text, which it sends and does not take back."""
    if recording.wire != "anthropic-messages":
        return reading.text
    blocks: dict[int, str] = {}
    for event in events(recording.sse):
        if event.get("delta", {}).get("type") == "text_delta":
            blocks[event["index"]] = blocks.get(event["index"], "") + event["delta"]["text"]
    return "".join(text for text in blocks.values() if text.strip())


def due(recording: Recording, reading: Reading) -> list[str]:
    """Return what must come back: all that was sealed, but OpenAI's only before the item that it led to."""
    if recording.wire != "openai-responses":
        return list(reading.sealed)
    items = [event["item"] for event in events(recording.sse) if event["type"] == "response.output_item.done"]
    return [
        item["encrypted_content"]
        for item, following in pairwise(items)
        if item.get("encrypted_content") in reading.sealed
        and following["type"] in {"message", "function_call", "web_search_call"}
    ]


@pytest.mark.parametrize("other", [False, True], ids=["same model", "other model"])
@pytest.mark.parametrize("wire", WIRES)
def test_it_goes_on_from_words_that_were_cut(wire: str, other: bool, line: Line, viewer: Viewer) -> None:
    cut = cut_at(viewer, model(wire, "drip"), "TEXT_MESSAGE_CONTENT")
    assert cut.text
    body = go_on(line, viewer, cut, model(wire, "echo" if other else "drip"))
    check(wire, body, "Begin.", text=cut.text)


@pytest.mark.parametrize("wire", WIRES)
def test_it_goes_on_from_a_thought_that_was_cut(wire: str, line: Line, viewer: Viewer) -> None:
    cut = cut_at(viewer, model(wire, "reasoning"), "REASONING_MESSAGE_CONTENT")
    body = go_on(line, viewer, cut, model(wire, "reasoning"))
    check(wire, body, "Begin.", text="")


@pytest.mark.parametrize("wire", WIRES)
def test_it_goes_on_from_a_call_that_was_cut(wire: str, line: Line, viewer: Viewer) -> None:
    cut = cut_at(viewer, model(wire, "tools"), "TOOL_CALL_START")
    complete = [call for call in calls_stored(line, cut) if call["status"] == "unanswered"]
    body = go_on(line, viewer, cut, model(wire, "tools"))
    calls = [(call["name"], json.loads(call["arguments"])) for call in complete]
    check(wire, body, "Begin.", text=cut.text, calls=calls)


@pytest.mark.parametrize("wire", WIRES)
def test_it_goes_on_from_a_turn_that_said_nothing(wire: str, line: Line, viewer: Viewer) -> None:
    run_id, conversation_id = viewer.start(model(wire, "stall-headers"), "Begin.")
    cut = viewer.stop(run_id, conversation_id)
    check(wire, go_on(line, viewer, cut, model(wire, "echo")), "Begin.", text="")


def cut_at(viewer: Viewer, model: str, kind: str) -> Played:
    """Play until an event of this type has come, and cancel."""
    run_id, conversation_id = viewer.start(model, "Begin.")
    viewer.wait_for(run_id, kind)
    cut = viewer.stop(run_id, conversation_id)
    assert cut.last["outcome"] == {"type": "cancelled"}
    assert cut.last["metadata"]["stream_was_cancelled"]
    return cut


def calls_stored(line: Line, run: Played) -> list[Json]:
    return line.rows("SELECT * FROM runs_toolcall WHERE run_id = ? ORDER BY created_at, id", run.run_id)


@pytest.mark.parametrize("name", ["truncated", "reset", "unauthorized", "context", "empty"])
@pytest.mark.parametrize("wire", WIRES)
def test_it_goes_on_from_a_turn_that_failed(wire: str, name: str, line: Line, viewer: Viewer) -> None:
    for then in (name, "echo"):
        failed = viewer.play(model(wire, name), "Begin.")
        assert failed.last["type"] == "RUN_ERROR"
        assert (failed.text != "") == (name in {"truncated", "reset"})
        # A turn that failed without an answer does not go back: the provider may have refused it for its own sake.
        first = "Begin." if failed.text else ""
        check(wire, go_on(line, viewer, failed, model(wire, then)), first, text=failed.text)


@pytest.mark.parametrize("wire", WIRES)
def test_calls_of_two_turns_never_have_the_same_id(wire: str, line: Line, viewer: Viewer) -> None:
    """A recording has the same ids each time, as servers do that count their calls in every answer."""
    played = model(wire, f"recording/{FULL[wire].name}")
    first = viewer.play(played, "Once.")
    second = viewer.play(played, "Again.", conversation_id=first.conversation_id)
    ids = [
        event["toolCallId"]
        for run in (first, second)
        for event in run.events
        if event["type"] == "TOOL_CALL_START"
    ]
    assert len(ids) == 2 * len(calls_in(first)) > 0
    assert len(set(ids)) == len(ids)
    assert request_rules.refusals(wire, go_on(line, viewer, second, model(wire, "echo"))) == []
