"""The other hand's reading is itself read: small bodies by hand, and what others noted about big ones."""

import json
from typing import Any

import pytest

from tests.contract.reading import COUNTS, Recording, events, read, recordings

RECORDINGS = recordings()
ABSENT = pytest.param(None, marks=pytest.mark.skip(reason="there are no recordings beside the project"))

#: Where the collector of the recordings counted something else, and what.
COUNTED_OTHERWISE = {
    "ai__google-stream-no-args-tool-call": "every part of a call",
    "ai__google-vertex-stream-tool-call-arguments-nested.1": "every part of a call",
    "dd-trace-py__completion_stream_multiple_choices": "all choices",
    "mirascope__openai_gpt_4o_completions-async_stream": "no refusals",
    "openai-python__173417d553406f034f643e5db3f8d591fb691ebac56f5ae39a22cc7d455c5353": "no refusals",
    "mirascope__openai_gpt_4o_responses-async_stream": "no refusals",
    "rig__refusal_matrix-responses_streaming_refusal_delta_surfaces": "no refusals",
    "ruby_llm__chat_mistral_hybrid_reasoning_streams_thinking_separately_from_c": "no text in lists",
    "ai__azure-reasoning-encrypted-content.1": "all responses of the body",
}


def name_of(recording: Recording | None) -> str:
    return f"{recording.wire}/{recording.name}" if recording else "none"


def body(*data: dict[str, Any]) -> bytes:
    return b"".join(b"data: " + json.dumps(item).encode() + b"\n\n" for item in data)


def chat(delta: dict[str, Any], finish: str | None = None, **more: Any) -> dict[str, Any]:
    return {
        "id": "c1",
        "model": "m",
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish}],
        **more,
    }


def gemini(*parts: dict[str, Any], finish: str | None = None, **more: Any) -> dict[str, Any]:
    return {"candidates": [{"content": {"parts": parts}, "finishReason": finish}], **more}


def anthropic(*blocks: dict[str, Any], stop: str = "end_turn", **usage: int) -> list[dict[str, Any]]:
    out: list[dict[str, Any]] = [
        {"type": "message_start", "message": {"id": "msg", "model": "m", "usage": {"input_tokens": 3}}}
    ]
    for index, block in enumerate(blocks):
        out.append({"type": "content_block_start", "index": index, "content_block": block})
        out.append({"type": "content_block_stop", "index": index})
    out.append({"type": "message_delta", "delta": {"stop_reason": stop}, "usage": usage})
    return [*out, {"type": "message_stop"}]


@pytest.mark.parametrize(
    ("sse", "expected"),
    [
        pytest.param(b'data: {"a": 1}\n\n', [{"a": 1}], id="plain"),
        pytest.param(b'\xef\xbb\xbfdata:{"a": 1}\r\n\r\n', [{"a": 1}], id="byte order mark, CRLF, no space"),
        pytest.param(b': hello\n\ndata: {"a":\ndata: 1}\n\n', [{"a": 1}], id="comment, data over two lines"),
        pytest.param(b'event: x\nid: 1\nretry: 5\ndata: {"a": 1}', [{"a": 1}], id="unterminated, fields"),
        pytest.param(b'data: {"a": 1}\n\ndata: [DONE]\n\ndata: {"b": 2}\n\n', [{"a": 1}], id="done"),
        pytest.param(
            b' data: {"a": 1}\n\ndata: {"b": 2}\n\n', [{"b": 2}], id="a field with a space is unknown"
        ),
        pytest.param(b'{\n  "error": {\n  "code": 1}}\n', [{"error": {"code": 1}}], id="bare object"),
        pytest.param(
            'data: {"a": "x\u2028\x85y"}\n\n'.encode(), [{"a": "x\u2028\x85y"}], id="other line ends"
        ),
        pytest.param(b"event: ping\n\n\n\n", [], id="nothing"),
    ],
)
def test_it_splits_a_body_as_the_standard_says(sse: bytes, expected: list[Any]) -> None:
    assert events(sse) == expected


def test_it_takes_data_that_is_no_json_for_a_broken_connection() -> None:
    for wire in ("openai-chat", "openai-responses", "anthropic-messages", "gemini-generate"):
        assert read(wire, b"data: {not\n\n", {}).error_code == "llm_connection"


@pytest.mark.parametrize(
    ("wire", "data", "stop_reason", "error_code"),
    [
        ("openai-chat", [chat({"content": "a"}, "stop")], "end_turn", None),
        ("openai-chat", [chat({"content": "a"}, "length")], "max_tokens_exceeded", None),
        ("openai-chat", [chat({"refusal": "no"}, "stop")], "content_filter", None),
        ("openai-chat", [chat({"content": "a"}, "content_filter")], "content_filter", None),
        ("openai-chat", [chat({}, "content_filter")], None, "llm_content_filter"),
        ("openai-chat", [chat({"content": "a"})], None, "llm_connection"),
        ("openai-chat", [chat({"content": ""}, "stop")], None, "invalid_llm_response"),
        ("openai-chat", [], None, "invalid_llm_response"),
        ("openai-chat", [{"error": {"status_code": 400}}], None, "llm_bad_request"),
        ("openai-chat", [{"error": {"code": 429}}], None, "llm_rate_limit"),
        ("openai-responses", [{"type": "error", "code": "server_error"}], None, "llm_server"),
        ("anthropic-messages", [{"type": "error", "error": {"type": "overloaded_error"}}], None,
         "llm_provider_overloaded"),
        ("anthropic-messages", anthropic({"type": "text", "text": "a"}), "end_turn", None),
        ("anthropic-messages", anthropic({"type": "text", "text": "a"}, stop="refusal"), None, "llm_content_filter"),
        ("anthropic-messages", anthropic({"type": "text", "text": ""}), None, "invalid_llm_response"),
        ("anthropic-messages", anthropic(stop="stop_sequence"), "end_turn", None),
        ("anthropic-messages", anthropic(stop="model_context_window_exceeded"), None,
         "llm_context_window_exceeded"),
        ("gemini-generate", [gemini({"text": "a"}, finish="SAFETY")], None, "llm_content_filter"),
        ("gemini-generate", [gemini({"text": "a"}, finish="BRAND_NEW")], "end_turn", None),
        ("gemini-generate", [gemini(finish="MALFORMED_FUNCTION_CALL")], None, "invalid_tool_call"),
        ("gemini-generate", [{"promptFeedback": {"blockReason": "SAFETY"}}], None, "llm_content_filter"),
        ("gemini-generate", [gemini({"functionCall": {"name": "f"}}, finish="STOP")], "tool_calls", None),
    ],
)  # fmt: skip
def test_it_names_how_an_answer_ended(
    wire: str, data: list[dict[str, Any]], stop_reason: str | None, error_code: str | None
) -> None:
    reading = read(wire, body(*data), {})
    assert (reading.stop_reason, reading.error_code) == (stop_reason, error_code)


def test_it_says_words_once_that_are_sent_twice() -> None:
    detail = {"type": "reasoning.text", "text": "hm", "signature": "s"}
    reading = read("openai-chat", body(chat({"reasoning": "hm", "reasoning_details": [detail]})), {})
    assert (reading.reasoning, reading.sealed) == ("hm", ("s",))


def test_it_keeps_to_the_first_choice() -> None:
    other = {"index": 1, "delta": {"content": "other"}, "finish_reason": "length"}
    reading = read("openai-chat", body({"choices": [other]}, chat({"content": "first"}, "stop")), {})
    assert (reading.text, reading.stop_reason) == ("first", "end_turn")


def test_it_tells_parallel_calls_apart_and_reads_null_arguments_as_none() -> None:
    def piece(**fields: Any) -> dict[str, Any]:
        return chat({"tool_calls": [fields]})

    reading = read(
        "openai-chat",
        body(
            piece(index=0, id="a", function={"name": "f", "arguments": '{"x"'}),
            piece(index=1, id="b", function={"name": "g", "arguments": None}),
            piece(index=0, function={"arguments": ":1}"}),
            chat({}, "stop"),
        ),
        {},
    )
    assert reading.tool_calls == (("f", {"x": 1}), ("g", {}))
    assert reading.stop_reason == "tool_calls"


def test_it_assembles_a_call_that_vertex_sends_in_parts() -> None:
    def part(name: str | None = None, *partial: dict[str, Any], goes_on: bool = True) -> dict[str, Any]:
        call = {"name": name, "partialArgs": list(partial), "willContinue": goes_on}
        return gemini({"functionCall": {key: value for key, value in call.items() if value}})

    reading = read(
        "gemini-generate",
        body(
            part("cook"),
            part(None, {"jsonPath": "$.steps[0].say", "stringValue": "mi", "willContinue": True}),
            part(None, {"jsonPath": "$.steps[0].say", "stringValue": "x"}),
            part(
                None,
                {"jsonPath": "$.steps[1]['a.b']", "numberValue": 2},
                {"jsonPath": "$.hot", "boolValue": False},
            ),
            part(goes_on=False),
            part("serve", goes_on=False),
            gemini({"text": ""}, finish="STOP"),
        ),
        {},
    )
    assert reading.tool_calls == (
        ("cook", {"steps": [{"say": "mix"}, {"a.b": 2}], "hot": False}),
        ("serve", {}),
    )


def test_it_counts_tokens_the_way_each_provider_reports_them() -> None:
    xai = {
        "prompt_tokens": 12,
        "completion_tokens": 2,
        "total_tokens": 354,
        "completion_tokens_details": {"reasoning_tokens": 340},
    }
    assert read("openai-chat", body(chat({}, usage=xai)), {}).usage == dict(
        zip(COUNTS, (12, None, None, 342, 340), strict=True)
    )
    blocks = anthropic(
        {"type": "text", "text": "a"},
        cache_read_input_tokens=20,
        cache_creation_input_tokens=0,
        output_tokens=7,
    )
    assert read("anthropic-messages", body(*blocks), {}).usage == dict(
        zip(COUNTS, (23, 20, 0, 7, None), strict=True)
    )
    metadata = {"promptTokenCount": 5, "toolUsePromptTokenCount": 6, "thoughtsTokenCount": 4}
    assert read("gemini-generate", body(gemini(usageMetadata=metadata)), {}).usage == dict(
        zip(COUNTS, (11, None, None, 4, 4), strict=True)
    )


def test_it_refuses_a_recording_of_another_wire() -> None:
    with pytest.raises(ValueError, match="openai-chat"):
        read("gemini-generate", b"", {"wire": "openai-chat"})


@pytest.mark.parametrize("recording", RECORDINGS or [ABSENT], ids=name_of)
def test_it_hears_as_much_as_the_official_sdk_does(recording: Recording) -> None:
    """Whoever collected the streams noted how many characters and calls the raw SDK saw in each."""
    seen = (recording.meta.get("sdk") or {}).get("raw") or {"ok": False}
    reading = read(recording.wire, recording.sse, recording.meta)
    if not seen["ok"]:
        assert reading.error_code
        return
    heard = (len(reading.text), len(reading.tool_calls))
    assert (heard == (seen["text"], seen["calls"])) is (recording.name not in COUNTED_OTHERWISE)


@pytest.mark.parametrize(
    "recording",
    [item for item in RECORDINGS if item.wire == "openai-responses"] or [ABSENT],
    ids=name_of,
)
def test_it_hears_in_the_deltas_what_the_closing_response_repeats(recording: Recording) -> None:
    reading = read(recording.wire, recording.sse, recording.meta)
    closing = next((e["response"] for e in events(recording.sse) if e["type"] == "response.completed"), None)
    if closing is None:
        assert reading.stop_reason != "end_turn"
        return
    words = [
        part.get("text") or part.get("refusal")
        for item in closing["output"]
        if item["type"] == "message"
        for part in item["content"]
    ]
    assert reading.text == "".join(words)
