"""Chat Completions: thoughts, citations and what else stands beside the words."""

import pytest

from providers.types import FinishReason, Json, ProviderItemPart, ReasoningPart, TextPart
from providers.types.events import (
    ProviderItem,
    ReasoningDelta,
    ReasoningSealed,
    TextDelta,
)
from tests.compatibility import understood
from tests.providers.wires.chat_chunks import CALL, chunk, play, usage
from tests.providers.wires.chat_saying import choice


@pytest.mark.parametrize("name", ["reasoning_content", "reasoning"])
def test_it_streams_thoughts_beside_the_answer(name: str) -> None:
    told = play([chunk(**{name: "Hm, "}), chunk(**{name: "so"}), chunk(content="Yes"), chunk("stop")])
    assert told.meaning == [ReasoningDelta("Hm, "), ReasoningDelta("so"), TextDelta("Yes")]
    assert told.result.parts == (ReasoningPart(text="Hm, so"), TextPart(text="Yes"))
    assert told.result.native == ({"role": "assistant", "content": "Yes"},)


def test_it_says_thoughts_once_that_come_under_two_names() -> None:
    details = [{"type": "reasoning.text", "text": "Hm", "index": 0}]
    told = play([chunk("stop", reasoning="Hm", reasoning_content="Hm", reasoning_details=details)])
    assert told.meaning == [ReasoningDelta("Hm")]


HM = "Hm"

OTHER_PLACES = [
    *(
        pytest.param(chunk(**{name: HM}), id=name)
        for name in ("reasoningContent", "thinking_delta", "think", "internal_thoughts", "reasoning_trace")
    ),
    understood(
        chunk(provider_specific_fields={"reasoning_content": HM}),
        server="LiteLLM",
        oddity="Thoughts in `provider_specific_fields` alone are thoughts.",
        id="LiteLLM's own fields",
    ),
    pytest.param(choice(delta={}, reasoning_content=HM), id="beside the delta"),
    pytest.param(chunk(reasoningContent={"reasoningText": {"text": HM}}), id="Amazon's object"),
    pytest.param(chunk(reasoning={"summary": [{"type": "summary_text", "text": HM}]}), id="a summary"),
    pytest.param(chunk(content=HM, type="thinking"), id="content of a type"),
    pytest.param(chunk(content=HM, role="thinking"), id="content of a role"),
    pytest.param(chunk(content=HM, channel="analysis"), id="content of a channel"),
    pytest.param(chunk(content=HM, is_thinking=True), id="content with a flag"),
]


@pytest.mark.parametrize("thought", OTHER_PLACES)
def test_it_finds_thoughts_in_other_places(thought: Json) -> None:
    told = play([thought, chunk(content="Yes"), chunk("stop")])
    assert told.meaning == [ReasoningDelta(HM), TextDelta("Yes")]


@pytest.mark.parametrize(
    "name",
    ["reasoning_tokens", "thinking_time", "reasoning_id", "thinking_budget", "has_thoughts", "rethink"],
)
def test_what_is_only_about_thoughts_is_none(name: str) -> None:
    assert play([chunk(**{name: "Hm"}), chunk(content="Yes"), chunk("stop")]).meaning == [TextDelta("Yes")]


def test_amazons_signed_thought_goes_back_in_its_own_form() -> None:
    told = play(
        [
            chunk(reasoningContent={"reasoningText": {"text": "Hm, "}}),
            chunk(reasoningContent={"reasoningText": {"text": "so"}}),
            chunk(reasoningContent={"reasoningText": {"signature": "c2ln"}}),
            chunk("stop", content="Yes"),
        ]
    )
    (message,) = told.result.native
    assert message["reasoningContent"] == {"reasoningText": {"text": "Hm, so", "signature": "c2ln"}}


def test_it_begins_another_thought_after_words() -> None:
    told = play([chunk(reasoning="A"), chunk(content="B"), chunk(reasoning="C"), chunk("stop")])
    assert told.meaning == [ReasoningDelta("A", 0), TextDelta("B"), ReasoningDelta("C", 1)]
    assert told.result.parts == (ReasoningPart(text="A"), TextPart(text="B"), ReasoningPart(text="C"))


def test_it_keeps_signed_and_encrypted_thoughts_to_send_them_back() -> None:
    signed = {"type": "reasoning.text", "index": 0, "format": "anthropic-claude-v1"}
    hidden = {"type": "reasoning.encrypted", "index": 1, "data": "gAAA", "id": "rs_1"}
    told = play(
        [
            chunk(reasoning="Hm, ", reasoning_details=[signed | {"text": "Hm, "}]),
            chunk(reasoning="so", reasoning_details=[signed | {"text": "so"}]),
            chunk(reasoning_details=[signed | {"signature": "sig"}]),
            chunk(reasoning_details=[hidden]),
            CALL,
            chunk("tool_calls"),
        ]
    )
    assert told.result.parts[:2] == (
        ReasoningPart(text="Hm, so", sealed="sig"),
        ReasoningPart(text="", sealed="gAAA"),
    )
    assert [event for event in told.events if isinstance(event, ReasoningSealed)] == [
        ReasoningSealed("sig", 0),
        ReasoningSealed("gAAA", 1),
    ]
    assert told.result.native[0]["reasoning_details"] == [
        signed | {"text": "Hm, so", "signature": "sig"},
        hidden,
    ]


def test_it_sends_plain_thoughts_back_with_the_calls_they_led_to() -> None:
    native = play([chunk(reasoning_content="Hm"), CALL, chunk("tool_calls")]).result.native
    assert native[0]["reasoning_content"] == "Hm"


def test_it_reads_the_parts_that_mistral_sends() -> None:
    thinking = {"type": "thinking", "thinking": [{"type": "text", "text": "Hm"}]}
    reference = {"type": "reference", "reference_ids": [1]}
    told = play(
        [chunk(content=[thinking]), chunk(content=[{"type": "text", "text": "4"}, reference]), chunk("stop")]
    )
    assert told.meaning == [ReasoningDelta("Hm"), TextDelta("4"), ProviderItem("reference", reference)]
    assert told.result.parts == (
        ReasoningPart(text="Hm"),
        TextPart(text="4"),
        ProviderItemPart(kind="reference", data=reference),
    )


def test_it_keeps_citations_with_the_words() -> None:
    cited = {"type": "url_citation", "url_citation": {"url": "https://example.org"}}
    told = play([chunk(annotations=[cited]), chunk(content="See"), chunk("stop")])
    assert told.meaning == [ProviderItem("citation", cited), TextDelta("See")]
    assert told.result.parts == (TextPart(text="See", annotations=(cited,)),)


def test_it_takes_the_findings_that_stand_on_every_chunk_once() -> None:
    found = {"citations": ["https://example.org"]}
    told = play([chunk(content="See") | found, chunk("stop") | found, usage() | found])
    assert told.result.parts == (TextPart(text="See", annotations=({"url": "https://example.org"},)),)


def test_it_keeps_images() -> None:
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}
    told = play([chunk(images=[image]), chunk("stop")])
    assert told.meaning == [ProviderItem("image_url", image)]
    assert told.result.parts == (ProviderItemPart(kind="image_url", data=image),)


def test_it_keeps_the_tools_that_groq_ran_once_they_are_done() -> None:
    search = {"index": 0, "type": "search", "arguments": '{"query": "x"}'}
    found = search | {"output": "It rains.", "search_results": {"results": [{"url": "https://example.org"}]}}
    code = {"index": 1, "type": "python", "arguments": "{}"}
    told = play(
        [
            chunk(executed_tools=[search]),
            chunk(executed_tools=[found]),
            chunk(executed_tools=[code]),
            chunk(content="Rain."),
            chunk("stop"),
        ]
    )
    assert told.meaning == [ProviderItem("search", found), TextDelta("Rain."), ProviderItem("python", code)]
    assert told.result.stop_reason is FinishReason.END_TURN


def test_it_keeps_a_refusal_as_one() -> None:
    result = play([chunk(refusal="I "), chunk(refusal="can't."), chunk("stop")]).result
    assert result.parts == (TextPart(text="I can't.", refusal=True),)
    assert result.native == ({"role": "assistant", "content": [{"type": "refusal", "refusal": "I can't."}]},)
