"""Gemini: odd chunks, values and counts."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from providers.types import Json, Part, ProviderItemPart, ReasoningPart, TextPart, ToolCallPart
from providers.types.usage import Usage, UsageSource
from tests.compatibility import understood
from tests.providers.wires.gemini_chunks import call, chunk, play, words
from tests.providers.wires.playing import check_consistent


@dataclass(frozen=True, kw_only=True)
class Odd:
    """Chunks in a form that Google does not document, and what they say."""

    stream: list[Json]
    parts: Sequence[Part]
    native: Sequence[Json]


ODD = [
    pytest.param(
        Odd(
            stream=[chunk({"text": "So", "functionCall": None}, finish="STOP")],
            parts=[TextPart(text="So")],
            native=[{"text": "So"}],
        ),
        id="null for what is not there",
    ),
    understood(
        Odd(
            stream=[chunk({"text": "So", **call(id="c1")}, finish="STOP")],
            parts=[TextPart(text="So"), ToolCallPart(id="c1", name="look", arguments="{}")],
            native=[{"text": "So"}, call(id="c1")],
        ),
        server="Any server",
        oddity="A part of the Gemini wire may hold words and a call: both are taken.",
        id="words beside a call",
    ),
    pytest.param(
        Odd(
            stream=[chunk({"text": "", **call(id="c1")}, finish="STOP")],
            parts=[ToolCallPart(id="c1", name="look", arguments="{}")],
            native=[call(id="c1")],
        ),
        id="empty words beside a call",
    ),
    understood(
        Odd(
            stream=[{"response": chunk(words("So"), finish="STOP"), "traceId": "t"}],
            parts=[TextPart(text="So")],
            native=[{"text": "So"}],
        ),
        server="Google Code Assist",
        oddity="Chunks that are wrapped in a `response` are read.",
        id="wrapped",
    ),
    pytest.param(
        Odd(
            stream=[{"candidates": {"content": "So", "finishReason": "STOP", "index": "0"}}],
            parts=[TextPart(text="So")],
            native=[{"text": "So"}],
        ),
        id="text for a content, an object for a list",
    ),
    pytest.param(
        Odd(
            stream=[{"candidates": [None, {"content": {"parts": ["So", None]}, "finishReason": "STOP"}]}],
            parts=[TextPart(text="So")],
            native=[{"text": "So"}],
        ),
        id="text for a part",
    ),
    pytest.param(
        Odd(
            stream=[
                {
                    "candidates": [
                        {"content": {"parts": [words("So")]}},
                        {"content": {"parts": [words("No")]}},
                    ]
                },
                {"candidates": [{"finishReason": "STOP"}, {"finishReason": "SAFETY"}]},
            ],
            parts=[TextPart(text="So")],
            native=[{"text": "So"}],
        ),
        id="two candidates without numbers",
    ),
    pytest.param(
        Odd(
            stream=[
                {
                    "candidates": [
                        {
                            "content": {
                                "parts": [
                                    {
                                        "function_call": {
                                            "name": "look",
                                            "id": "c1",
                                            "args": {"a_b": {"c_d": 1}},
                                        },
                                        "thought_signature": "sig",
                                    }
                                ]
                            },
                            "finish_reason": 1,
                        }
                    ],
                    "usage_metadata": {"prompt_token_count": 4},
                }
            ],
            parts=[
                ReasoningPart(text="", sealed="sig"),
                ToolCallPart(id="c1", name="look", arguments='{"a_b": {"c_d": 1}}'),
            ],
            native=[{**call(id="c1", args={"a_b": {"c_d": 1}}), "thoughtSignature": "sig"}],
        ),
        id="names with underscores and a numbered reason",
    ),
    pytest.param(
        Odd(
            stream=[chunk(call(id="c1", args={"a": 1})), chunk(call(id="c1", args={"a": 1}), finish="STOP")],
            parts=[ToolCallPart(id="c1", name="look", arguments='{"a": 1}')],
            native=[call(id="c1", args={"a": 1})],
        ),
        id="the same call twice",
    ),
    pytest.param(
        Odd(
            stream=[chunk(words("So", mood={"score": 1})), chunk({"mood": 2}, finish="STOP")],
            parts=[TextPart(text="So"), ProviderItemPart(kind="mood", data={"mood": 2})],
            native=[{"text": "So"}, {"mood": 2}],
        ),
        id="words with a field that nobody knows, and the field alone",
    ),
    pytest.param(
        Odd(
            stream=[chunk({"thought": "Hm"}), chunk(words("So"), finish="STOP")],
            parts=[ReasoningPart(text="Hm"), TextPart(text="So")],
            native=[{"text": "Hm", "thought": True}, {"text": "So"}],
        ),
        id="a thought in place of its mark",
    ),
]


@pytest.mark.parametrize("case", ODD)
def test_it_reads_odd_chunks(case: Odd) -> None:
    told = play(case.stream)
    assert told.raised is None
    assert told.result.parts == tuple(case.parts)
    assert told.result.native == tuple(case.native)
    check_consistent(told)


@pytest.mark.parametrize(
    "name", ["candidates", "promptFeedback", "usageMetadata", "responseId", "modelVersion"]
)
@pytest.mark.parametrize("value", [None, [], {}, "x", 3, [None]], ids=repr)
def test_no_odd_value_costs_an_answer(name: str, value: Any) -> None:
    odd = chunk(words("Yes"), usage={"promptTokenCount": 1}) | {name: value}
    told = play([odd, chunk(words("."), finish="STOP")])
    assert told.raised is None
    assert told.result.text == ("." if name == "candidates" else "Yes.")


@pytest.mark.parametrize("name", ["content", "finishReason", "groundingMetadata", "finishMessage"])
@pytest.mark.parametrize("value", [None, [], {}, "x", 3, [None], {"parts": 3}], ids=repr)
def test_no_odd_value_of_a_candidate_costs_an_answer(name: str, value: Any) -> None:
    odd = chunk(words("Yes"))
    odd["candidates"][0][name] = value
    told = play([odd, chunk(words("."), finish="STOP")])
    assert told.raised is None
    assert told.result.text.endswith(".")
    check_consistent(told)


@pytest.mark.parametrize("name", ["text", "thought", "thoughtSignature", "functionCall", "inlineData"])
@pytest.mark.parametrize("value", [None, [], {}, "x", 3, [None], {"name": 3, "args": 3}], ids=repr)
def test_no_odd_value_of_a_part_costs_an_answer(name: str, value: Any) -> None:
    told = play([chunk({"text": "Yes"} | {name: value}), chunk(words("."), finish="STOP")])
    assert told.result.text.endswith(".")
    check_consistent(told)


@pytest.mark.parametrize(
    ("counts", "output"),
    [
        ({"promptTokenCount": 40, "totalTokenCount": 52}, 12),
        ({"promptTokenCount": 40, "thoughtsTokenCount": 7, "totalTokenCount": 52}, 12),
        ({"promptTokenCount": 40, "responseTokenCount": 9, "totalTokenCount": 49}, 9),
        ({"promptTokenCount": 40, "totalTokenCount": 40}, None),
        ({"totalTokenCount": 40}, None),
    ],
)
def test_it_finds_the_output_under_other_names(counts: Json, output: int | None) -> None:
    assert play([chunk(words("S"), finish="STOP", usage=counts)]).result.usage.output_tokens == output


def test_it_merges_the_running_totals_field_by_field() -> None:
    first = {"promptTokenCount": 40, "cachedContentTokenCount": 30, "thoughtsTokenCount": 6}
    last = {"promptTokenCount": 40, "candidatesTokenCount": 5, "thoughtsTokenCount": 0}
    told = play([chunk(words("S"), usage=first), chunk(words("o"), finish="STOP", usage=last)])
    assert told.result.usage == Usage(
        input_tokens=40,
        cached_input_tokens=30,
        output_tokens=11,
        reasoning_tokens=6,
        source=UsageSource.REPORTED,
    )


def test_it_counts_what_an_error_reports() -> None:
    told = play([chunk(words("S")), {"error": {"code": 503}, "usageMetadata": {"promptTokenCount": 4}}])
    assert told.result.usage == Usage(input_tokens=4)


COUNTS = {"promptTokenCount": 20, "candidatesTokenCount": 6}


@pytest.mark.parametrize(
    "last",
    [
        pytest.param({"usageMetadata": {"prompt_token_count": 20, "candidates_token_count": 6}}, id="snakes"),
        pytest.param({"usage": {"prompt_tokens": 20, "completion_tokens": 6}}, id="OpenAI's names"),
        pytest.param({"candidates": [{"index": 0, "usageMetadata": COUNTS}]}, id="in the candidate"),
    ],
)
def test_it_finds_counts_wherever_they_are(last: Json) -> None:
    usage = play([chunk({"text": "So"}, finish="STOP"), last]).result.usage
    assert usage == Usage(input_tokens=20, output_tokens=6, source=UsageSource.REPORTED)
