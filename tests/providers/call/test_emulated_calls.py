"""The models that call functions, turn by turn, as Runnel's own calls go: over every wire, through the SDKs."""

import json
from dataclasses import dataclass
from typing import Any

import pytest

from emulator import Emulator
from emulator.actions import Argue, CallAction, Say
from emulator.prompt import Function, Prompt
from emulator.scripts import SCRIPTS
from providers.errors import LLMBadRequestError, LLMRateLimitError
from providers.types import (
    ChatMessage,
    FinishReason,
    ReasoningPart,
    Role,
    StepResult,
    TextPart,
    ToolResultPart,
    ToolSpec,
)
from runs.store import history
from tests.emulator.asking import asked, post
from tests.providers import calling
from tests.providers.calling import WIRES, emulated

every_wire = pytest.mark.parametrize("wire", WIRES)
#: Where thoughts are sealed, and by which name of a model.
SEALED = {
    "openai-responses": "gpt-5-thinking-calls",
    "anthropic-messages": "thinking-calls",
    "gemini-generate": "thinking-calls",
}

OBJECT = {"type": "object", "properties": {}}
TOOLS = tuple(ToolSpec(name=name, description="It does.", parameters=OBJECT) for name in ("one", "two"))


@dataclass
class Turn:
    """A turn in which every call is answered by its own name and arguments."""

    wire: str
    model: str
    said: tuple[ChatMessage, ...]

    async def step(self) -> StepResult:
        call = calling.Call(emulated(self.model, self.wire), prompt="", before=self.said, tools=TOOLS)
        result = await call.run()
        answer = history.answer(result, call.target.origin)
        results = tuple(
            ToolResultPart(call_id=each.id, name=each.name, content=f"{each.name} got {each.arguments}")
            for each in result.tool_calls
        )
        self.said += (answer,)
        if results:
            self.said += (ChatMessage(role=Role.TOOL, parts=results),)
        return result

    def say(self, text: str) -> None:
        self.said += (ChatMessage(role=Role.USER, parts=(TextPart(text=text),)),)


def turn(wire: str, text: str, *, model: str = "calls") -> Turn:
    begun = Turn(wire=wire, model=model, said=())
    begun.say(text)
    return begun


def asked_for(result: StepResult) -> list[tuple[str, Any]]:
    return [(call.name, json.loads(call.arguments)) for call in result.tool_calls]


@every_wire
@pytest.mark.usefixtures("emulator")
async def test_it_makes_the_calls_that_were_ordered_step_by_step_and_quotes_what_came(wire: str):
    talk = turn(wire, 'Go: [[call one {"x": [[1]]}]] [[call two {}]] [[next]] [[call one {"y": 2}]]')

    first, second, third = [await talk.step() for _ in range(3)]

    assert asked_for(first) == [("one", {"x": [[1]]}), ("two", {})]
    assert asked_for(second) == [("one", {"y": 2})]
    assert asked_for(third) == []
    assert [each.stop_reason for each in (first, second)] == [FinishReason.TOOL_CALLS] * 2
    assert third.stop_reason is FinishReason.END_TURN
    quotes = [third.text.find(mark) for mark in ('{"x"', "two got", '{"y"')]
    if wire == "gemini-generate":
        quotes = [third.text.find(mark) for mark in ('{\\"x\\"', "two got", '{\\"y\\"')]
    assert -1 not in quotes
    assert quotes == sorted(quotes)


@every_wire
@pytest.mark.usefixtures("emulator")
async def test_it_begins_again_when_the_user_says_something_new(wire: str):
    talk = turn(wire, "[[call one {}]] [[next]] [[call two {}]]")
    await talk.step()
    talk.say("[[call two {}]]")

    again, last = await talk.step(), await talk.step()

    assert asked_for(again) == [("two", {})]
    assert "two got" in last.text
    assert "one got" not in last.text


@every_wire
@pytest.mark.usefixtures("emulator")
async def test_it_says_how_to_order_when_nobody_ordered(wire: str):
    result = await turn(wire, "Hello?").step()

    assert "[[call clock {}]]" in result.text
    assert result.tool_calls == ()


@every_wire
async def test_it_sends_broken_arguments_as_they_are_where_the_wire_can(emulator: Emulator, wire: str):
    answer = await post(emulator, wire, "calls", asked(wire, '[[call one {"zone": ]]'))

    text = "".join(_arguments(event) for event in answer.data)
    assert text == ('{"not_an_object": "{\\"zone\\":"}' if wire == "gemini-generate" else '{"zone":')


def _arguments(event: dict[str, Any]) -> str:
    match event:
        case {"type": "content_block_delta", "delta": {"partial_json": text}}:
            return str(text)
        case {"type": "response.function_call_arguments.delta", "delta": text}:
            return str(text)
        case {"choices": [{"delta": {"tool_calls": [call]}}]}:
            return str(call["function"]["arguments"])
        case {"candidates": [{"content": {"parts": [{"functionCall": call}]}}]}:
            return json.dumps(call["args"])
    return ""


@every_wire
@pytest.mark.usefixtures("emulator")
async def test_a_call_reads_broken_arguments_as_such(wire: str):
    talk = turn(wire, '[[call one {"zone": ]]')
    if wire == "gemini-generate":
        assert asked_for(await talk.step()) == [("one", {"not_an_object": '{"zone":'})]
    else:
        (call,) = (await talk.step()).tool_calls
        assert (call.name, call.arguments.strip(), call.complete) == ("one", '{"zone":', True)


@pytest.mark.parametrize("wire", SEALED)
@pytest.mark.usefixtures("emulator")
async def test_its_sealed_thoughts_come_back_in_every_step(wire: str):
    talk = turn(wire, "[[call one {}]] [[call two {}]] [[next]] [[call two {}]]", model=SEALED[wire])

    steps = [await talk.step() for _ in range(3)]
    talk.say("[[call one {}]]")
    later = [await talk.step() for _ in range(2)]

    assert [len(each.tool_calls) for each in steps + later] == [2, 1, 0, 1, 0]
    assert all(isinstance(each.parts[0], ReasoningPart) for each in steps + later)


@pytest.mark.parametrize("wire", SEALED)
@pytest.mark.usefixtures("emulator")
async def test_it_refuses_calls_that_come_back_without_the_thought_that_led_to_them(wire: str):
    talk = turn(wire, "[[call one {}]]", model=SEALED[wire])
    await talk.step()
    asked, answer, results = talk.said
    for message in _without_seal(wire, answer):
        talk.said = (asked, message, results)
        with pytest.raises(LLMBadRequestError) as refused:
            await talk.step()
        words = {
            "openai-responses": "without its required 'reasoning' item",
            "anthropic-messages": "Expected `thinking` or `redacted_thinking`",
            "gemini-generate": "missing a thought_signature",
        }
        assert words[wire] in str(refused.value)


def _without_seal(wire: str, answer: ChatMessage) -> list[ChatMessage]:
    """Return the answer without what seals it, and, where there is an order, behind what it led to."""
    is_thought = [each.get("type") in {"reasoning", "thinking"} for each in answer.native]
    if wire == "gemini-generate":
        stripped = [{key: each[key] for key in each if key != "thoughtSignature"} for each in answer.native]
        return [
            ChatMessage(role=answer.role, parts=answer.parts, origin=answer.origin, native=tuple(stripped))
        ]
    rest = [each for each, thought in zip(answer.native, is_thought, strict=True) if not thought]
    thoughts = [each for each, thought in zip(answer.native, is_thought, strict=True) if thought]
    orders = [rest] if wire == "openai-responses" else [rest, [rest[0], *thoughts, *rest[1:]]]
    return [
        ChatMessage(role=answer.role, parts=answer.parts, origin=answer.origin, native=tuple(native))
        for native in orders
    ]


@every_wire
@pytest.mark.usefixtures("emulator")
async def test_a_fault_can_wait_for_its_step(wire: str):
    talk = turn(wire, "[[call one {}]] [[fault=error status=429 step=2 attempts=1]]")
    await talk.step()
    with pytest.raises(LLMRateLimitError):
        await talk.step()

    assert "one got" in (await talk.step()).text


DECLARED = ("write_note", "calculate", "clock")


def shown(text: str, *names: str) -> tuple[str, list[tuple[str, Any]]]:
    """Return what ``tools`` says and calls where functions of these names are declared."""
    functions = tuple(Function(name=name, parameters={}) for name in names)
    prompt = Prompt(model="tools", streaming=True, user_text=text, functions=functions, body={})
    words, calls = "", list[list[str]]()
    for action in SCRIPTS["tools"](prompt):
        match action:
            case Say(token):
                words += token
            case CallAction(name):
                calls.append([name, ""])
            case Argue(piece):
                calls[-1][1] += piece
    return words, [(name, json.loads(arguments)) for name, arguments in calls]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Hello", [("clock", {"zone": "UTC"}), ("calculate", {"expression": "6*7"})]),
        ("What is 17 × (23 - 4)?", [("clock", {"zone": "UTC"}), ("calculate", {"expression": "17 * (23 - 4)"})]),
        ("I have 3 apples, 2 of them red", [("clock", {"zone": "UTC"}), ("calculate", {"expression": "6*7"})]),
        ("Time in Asia/Tokyo? 1.5+2", [("clock", {"zone": "Asia/Tokyo"}), ("calculate", {"expression": "1.5+2"})]),
        ("Remember the milk", [("write_note", {"text": "Remember the milk"}), ("clock", {"zone": "UTC"})]),
        ("Write this down, please", [("write_note", {"text": "Write this down, please"}), ("clock", {"zone": "UTC"})]),
        ("Take a note: 2+2", [("write_note", {"text": "2+2"}), ("clock", {"zone": "UTC"})]),
    ],
)  # fmt: skip
def test_it_shows_runnels_own_tools_to_a_newcomer(text: str, expected: list[tuple[str, Any]]):
    words, calls = shown(text, *DECLARED)

    assert calls == expected
    assert all(f"`{name}`" in words for name, _ in expected)


@pytest.mark.parametrize(
    ("text", "names", "expected"),
    [
        ("Take a note.", ("calculate", "clock"), ["clock"]),
        ("Hello", ("write_note", "clock"), ["clock"]),
        ("Hello", ("write_note",), ["write_note"]),
        ("Hello", ("look_up", "calculate"), ["calculate"]),
        ("Hello", ("look_up", "third"), ["look_up", "third"]),
    ],
)
def test_it_calls_of_them_what_is_declared(text: str, names: tuple[str, ...], expected: list[str]):
    assert [name for name, _ in shown(text, *names)[1]] == expected
