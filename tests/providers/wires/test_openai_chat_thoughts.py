"""Chat Completions: thoughts, citations and what else stands beside the words."""

import pytest

from providers.types import FinishReason, ProviderItemPart, ReasoningPart, TextPart
from providers.types.events import (
    ProviderItem,
    ReasoningDelta,
    ReasoningSealed,
    TextDelta,
)
from tests.providers.wires.chat_chunks import CALL, chunk, play, usage


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
