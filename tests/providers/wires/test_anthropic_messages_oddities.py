"""Anthropic Messages: words, blocks and values where nobody expects them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from providers.errors import (
    LLMError,
)
from providers.types import FinishReason, Json, Part, ProviderItemPart, ReasoningPart, TextPart, ToolCallPart
from providers.types.usage import Usage, UsageSource
from tests.compatibility import understood
from tests.providers.wires.anthropic_events import (
    block,
    call,
    end,
    play,
    start,
    text,
    thinking,
)
from tests.providers.wires.playing import check_consistent


def test_it_takes_what_the_start_holds_already() -> None:
    found = {"type": "code_execution_tool_result", "tool_use_id": "srv_0", "content": {"stdout": "1"}}
    caller = {"type": "code_execution_20260120", "tool_id": "srv_0"}
    ours = {"type": "tool_use", "id": "c1", "name": "look", "input": {"a": 1}, "caller": caller}
    opening = start(input_tokens=0, output_tokens=0)
    opening["message"] |= {"content": [found, ours], "stop_reason": "tool_use"}
    told = play([opening, {"type": "message_stop"}])
    assert told.raised is None
    assert told.result.stop_reason is FinishReason.TOOL_CALLS
    assert told.result.raw_stop_reason == "tool_use"
    assert told.result.parts == (
        ProviderItemPart(kind="code_execution_tool_result", data=found),
        ToolCallPart(id="c1", name="look", arguments='{"a": 1}'),
    )
    assert told.result.native == (found, ours)
    assert told.result.usage == Usage(input_tokens=0, output_tokens=0, source=UsageSource.REPORTED)


def test_it_goes_on_after_what_the_start_holds() -> None:
    opening = start()
    opening["message"]["content"] = [{"type": "text", "text": "So"}]
    told = play([opening, *text(0, " it", " is"), *end("end_turn")])
    assert told.result.text == "So it is"
    assert told.result.usage.output_tokens == 5


def delta(index: Any, type: str, **fields: Any) -> Json:
    return {"type": "content_block_delta", "index": index, "delta": {"type": type, **fields}}


def whole_in_stop(index: int, *, type: str, **fields: Any) -> list[Json]:
    """A block that begins with its type, id and name only, and whose stop holds all of it."""
    begun = {"type": type} | {name: value for name, value in fields.items() if name in {"id", "name"}}
    begin, stop = block(index, begun)
    return [begin, stop | {"content_block": {"type": type, **fields}}]


@dataclass(frozen=True, kw_only=True)
class Misplaced:
    """Deltas that have no block of their own."""

    stream: list[Json]
    parts: Sequence[Part]


MISPLACED = [
    *(
        pytest.param(
            Misplaced(
                stream=block(0, {"type": "text", "text": ""}, {"type": kind, "reasoning_content": "Hm."})[:2]
                + text(1, "So."),
                parts=[ReasoningPart(text="Hm."), TextPart(text="So.")],
            ),
            id=f"a thought under a name of Chat Completions, {kind}",
        )
        for kind in ("text_delta", "thinking_delta")
    ),
    *(
        pytest.param(
            Misplaced(
                stream=block(
                    0,
                    {"type": "tool_use", "id": "c1", "name": "look", "input": {}},
                    {"type": "input_json_delta", name: piece},
                ),
                parts=[ToolCallPart(id="c1", name="look", arguments='{"a": 1}')],
            ),
            id=f"an input called {name}, {type(piece).__name__}",
        )
        for name in ("input", "arguments")
        for piece in ('{"a": 1}', {"a": 1})
    ),
    understood(
        Misplaced(
            stream=[delta(0, "text_delta", text="Good "), delta(0, "text_delta", text="day.")],
            parts=[TextPart(text="Good day.")],
        ),
        server="Any server",
        oddity="Words on the Messages wire that no `content_block_start` announced are shown.",
        id="words without a start",
    ),
    pytest.param(
        Misplaced(
            stream=[
                delta(0, "thinking_delta", thinking="Well"),
                delta(0, "signature_delta", signature="sig"),
                delta(0, "text_delta", text="Yes"),
            ],
            parts=[ReasoningPart(text="Well", sealed="sig"), TextPart(text="Yes")],
        ),
        id="a thought and words with one index and no start",
    ),
    pytest.param(
        Misplaced(
            stream=[*text(0, "One, ", stop=False), delta(1, "text_delta", text="two.")],
            parts=[TextPart(text="One, two.")],
        ),
        id="another index than that of the open block",
    ),
    pytest.param(
        Misplaced(
            stream=[*text(0, "One, "), delta(0, "text_delta", text="two.")],
            parts=[TextPart(text="One, "), TextPart(text="two.")],
        ),
        id="words after the stop",
    ),
    pytest.param(
        Misplaced(
            stream=[*text(0, "One, "), *end("end_turn")[:1], delta(0, "text_delta", text="two.")],
            parts=[TextPart(text="One, "), TextPart(text="two.")],
        ),
        id="words after the end",
    ),
    pytest.param(
        Misplaced(
            stream=[
                *text(0, "I look. ", stop=False),
                *call(1, "c1", "{}"),
                delta(7, "text_delta", text="Now."),
            ],
            parts=[
                TextPart(text="I look. "),
                ToolCallPart(id="c1", name="look", arguments="{}"),
                TextPart(text="Now."),
            ],
        ),
        id="words behind a call stay behind it",
    ),
    pytest.param(
        Misplaced(
            stream=[*thinking(0, "Well", None), delta(0, "signature_delta", signature="sig"), *text(1, "So")],
            parts=[ReasoningPart(text="Well", sealed="sig"), TextPart(text="So")],
        ),
        id="a signature after the stop of its thought",
    ),
    pytest.param(
        Misplaced(
            stream=[*block(0, {"type": "text", "text": None}, {"text": "No type"})],
            parts=[TextPart(text="No type")],
        ),
        id="a delta without a type",
    ),
    pytest.param(
        Misplaced(
            stream=[
                *block(0, {"type": "thinking", "thinking": ""}, {"type": "hunch_delta", "thinking": "Well"}),
                *block(1, {"type": "thinking"}, {"type": "reasoning_delta", "reasoning": "then"}),
                delta(2, "prose_delta", text="Yes"),
            ],
            parts=[ReasoningPart(text="Well"), ReasoningPart(text="then"), TextPart(text="Yes")],
        ),
        id="deltas of types that nobody knows",
    ),
    pytest.param(
        Misplaced(
            stream=[
                *call(0, "c1", '{"a":', stop=False),
                delta(0, "text_delta", text="One, "),
                delta(0, "input_json_delta", partial_json=" 1}"),
                delta(0, "text_delta", text="two."),
            ],
            parts=[
                ToolCallPart(id="c1", name="look", arguments='{"a": 1}'),
                TextPart(text="One, two."),
            ],
        ),
        id="words with the index of a call that goes on",
    ),
    pytest.param(
        Misplaced(
            stream=block(0, {"id": "c1", "name": "look", "input": {}}, {"partial_json": '{"a": 1}'}),
            parts=[ToolCallPart(id="c1", name="look", arguments='{"a": 1}')],
        ),
        id="a call without types",
    ),
    pytest.param(
        Misplaced(
            stream=[
                *whole_in_stop(0, type="thinking", thinking="Well", signature="sig"),
                *whole_in_stop(1, type="text", text="Yes"),
                *whole_in_stop(2, type="tool_use", id="c1", name="look", input={"a": 1}),
                *whole_in_stop(3, type="note", text="Aside"),
            ],
            parts=[
                ReasoningPart(text="Well", sealed="sig"),
                TextPart(text="Yes"),
                ToolCallPart(id="c1", name="look", arguments='{"a": 1}'),
                ProviderItemPart(kind="note", data={"type": "note"}),
            ],
        ),
        id="whole blocks in their stops",
    ),
    pytest.param(
        Misplaced(
            stream=[
                {"type": "content_block_start", "index": None, "content_block": None},
                {"type": "content_block_delta", "index": [1], "delta": "Bare"},
                {"type": "content_block_stop", "index": {}},
            ],
            parts=[TextPart(text="Bare")],
        ),
        id="every type wrong",
    ),
]


@pytest.mark.parametrize("case", MISPLACED)
def test_it_shows_every_word_in_its_place(case: Misplaced) -> None:
    told = play([start(), *case.stream, *end("end_turn")])
    assert told.raised is None
    assert told.result.parts == tuple(case.parts)
    check_consistent(told)


@pytest.mark.parametrize("name", ["type", "index", "delta", "content_block", "message", "usage"])
@pytest.mark.parametrize("value", [None, [], {}, "x", 3, [None], {"type": None}], ids=repr)
def test_no_odd_value_costs_an_answer(name: str, value: Any) -> None:
    stream = [start(), *thinking(0, "Hm", "sig"), *text(1, "Yes"), *call(2, "c1", "{}"), *end("tool_use")]
    odd = [event | {name: value} if name in event else event for event in stream]
    for position in range(len(stream)):
        told = play([*stream[:position], odd[position], *stream[position + 1 :]])
        assert told.raised is None or isinstance(told.raised, LLMError)
        check_consistent(told)
    assert isinstance(play(odd).raised, LLMError | None)


WHOLE = {
    "type": "message",
    "id": "msg_1",
    "role": "assistant",
    "model": "claude-x",
    "content": [{"type": "text", "text": "All "}, {"type": "text", "text": "of it."}],
    "stop_reason": "end_turn",
    "usage": {"input_tokens": 7, "output_tokens": 4},
}


@pytest.mark.parametrize(
    "answer",
    [
        understood(
            WHOLE,
            server="Any server",
            oddity="A whole answer in JSON on the Messages wire, in place of a stream, is read.",
            id="as documented",
        ),
        pytest.param({name: value for name, value in WHOLE.items() if name != "type"}, id="without a type"),
        pytest.param(WHOLE | {"content": "All of it."}, id="its content as text"),
        pytest.param(WHOLE | {"stop_reason": None}, id="without a reason"),
    ],
)
def test_it_reads_an_answer_that_was_not_streamed(answer: Json) -> None:
    told = play([answer])
    assert told.raised is None
    assert told.result.stop_reason is FinishReason.END_TURN
    assert told.result.text == "All of it."
    assert (told.result.response_id, told.result.model) == ("msg_1", "claude-x")
    assert told.result.usage.input_tokens == 7


@pytest.mark.parametrize("name", ["type", "id", "name", "input", "text"])
@pytest.mark.parametrize("value", [None, [], {}, "x", 3, [None]], ids=repr)
def test_no_odd_value_of_a_block_costs_an_answer(name: str, value: Any) -> None:
    for whole in (
        {"type": "tool_use", "id": "c1", "name": "look", "input": {}},
        {"type": "server_tool_use", "id": "srv_1", "name": "look", "input": {}},
        {"type": "web_search_tool_result", "tool_use_id": "srv_1", "content": []},
        {"type": "text", "text": "Hm"},
    ):
        told = play([start(), *block(0, whole | {name: value}), *text(1, "Yes"), *end("end_turn")])
        assert told.raised is None
        assert told.result.text.endswith("Yes")
        check_consistent(told)
