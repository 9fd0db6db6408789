"""What the emulator refuses as the provider would, and that it takes everything else."""

import json
from typing import Any
from urllib.parse import parse_qs

import pytest

from emulator import Emulator
from emulator.http1 import HttpRequest
from emulator.recordings import Recordings
from emulator.routing import decide
from emulator.sealing import seal
from emulator.wires.frames import ErrorReply
from providers.types import Json
from tests.emulator.asking import PATHS, post
from tests.emulator.full_requests import FULL, GONE, PDF, PNG, SCHEMA, Path, broken
from tests.emulator.listening import WIRES, hear, question

LOOSE = {"type": "object", "properties": {"city": {"type": "string"}}}

#: Of each wire: the place, what is there instead, and words of the answer.
BROKEN: dict[str, list[tuple[Path, Any, str]]] = {
    "openai-chat": [
        (("surprise",), 1, "Unknown parameter: 'surprise'."),
        (("input",), "x", "Unknown parameter: 'input'."),
        (("temperature",), 2.1, "Expected a value <= 2, but got 2.1"),
        (("temperature",), -1, "Expected a value >= 0"),
        (("temperature",), "hot", "Invalid type for 'temperature': expected a decimal, but got a string"),
        (("top_p",), 1.1, "'top_p'"),
        (("presence_penalty",), 3, "'presence_penalty'"),
        (("max_completion_tokens",), 0, "Expected a value >= 1"),
        (("max_completion_tokens",), 1.5, "expected an integer"),
        (("max_tokens",), 9, "at the same time"),
        (("stop",), ["a", "b", "c", "d", "e"], "maximum length 4"),
        (("stop",), [1], "array of strings"),
        (("reasoning_effort",), "extreme", "Invalid value: 'extreme'"),
        (("stream_options", "usage"), True, "Unknown parameter: 'usage'"),
        (("tools",), [], "empty array"),
        (("tools", 0, "function", "name"), "get weather", "does not match pattern"),
        (("tools", 0, "function", "name"), "x" * 65, "maximum length 64"),
        (("tools", 0, "function", "parameters"), {"type": "string"}, "got 'type: \"string\"'"),
        (
            ("tools", 0, "function"),
            {"name": "a", "parameters": LOOSE, "strict": True},
            "additionalProperties",
        ),
        (("tool_choice",), "perhaps", "Invalid value: 'perhaps'"),
        (("tool_choice", "function", "name"), "fly", "'fly' not found"),
        (("tools",), GONE, "only allowed when 'tools' are specified"),
        (("response_format", "type"), "xml", "Invalid value: 'xml'"),
        (("response_format", "json_schema", "name"), "an answer", "does not match pattern"),
        (("response_format", "json_schema", "schema"), GONE, "json_schema.schema"),
        (("response_format", "json_schema", "schema"), LOOSE, "additionalProperties"),
        (("messages",), [], "empty array"),
        (("messages", 0, "role"), "robot", "Invalid value: 'robot'"),
        (("messages", 1, "content"), [], "empty array"),
        (("messages", 1, "content"), "", "empty string"),
        (("messages", 1, "content"), None, "expected one of a string or array"),
        (("messages", 1, "content", 0, "text"), "", "empty string"),
        (("messages", 1, "content", 0, "type"), "input_text", "Invalid value: 'input_text'"),
        (("messages", 1, "content", 1, "image_url", "url"), "a.png", "Expected a valid URL"),
        (("messages", 1, "content", 1, "image_url", "url"), "data:image/png;base64,?", "valid URL"),
        (
            ("messages", 1, "content", 1, "image_url", "url"),
            f"data:image/bmp;base64,{PNG}",
            "unsupported image",
        ),
        (("messages", 1, "content", 3, "file", "filename"), GONE, "filename"),
        (("messages", 1, "content", 3, "file", "file_data"), PDF, "data URL"),
        (("messages", 1, "content", 4, "input_audio", "format"), "ogg", "'ogg'"),
        (("messages", 2, "tool_calls"), [], "empty array"),
        (("messages", 2, "tool_calls", 0, "id"), "c" * 41, "maximum length 40"),
        (("messages", 2, "tool_calls", 1, "id"), "call_1", "Duplicate"),
        (("messages", 2, "tool_calls", 0, "function", "arguments"), "[1]", "arguments"),
        (("messages", 2, "tool_calls", 0, "function", "arguments"), '{"city": "Z', "arguments"),
        (("messages", 3), GONE, "call_1"),
        (("messages", 3, "tool_call_id"), "call_2", "call_1"),
        (("messages", 4, "tool_call_id"), "call_9", "call_9"),
        (("messages", 2), GONE, "must be a response to a preceeding message"),
        (("messages", 4, "content"), "x" * 10_485_761, "maximum length 10485760"),
        (("messages", 5, "content"), "", "expected a string"),
        (("messages", 6), GONE, "last role"),
        (("messages", 2, "tool_calls"), "x", "wrong type"),
    ],
    "openai-responses": [
        (("surprise",), 1, "Unknown parameter: 'surprise'."),
        (("response_format",), {"type": "text"}, "Unknown parameter: 'response_format'."),
        (("stop",), ["END"], "Unknown parameter: 'stop'."),
        (("temperature",), 3, "'temperature'"),
        (("max_output_tokens",), 15, "Expected a value >= 16, but got 15"),
        (("include",), ["everything"], "'everything'"),
        (("reasoning", "effort"), "extreme", "'extreme'"),
        (("reasoning", "summary"), "long", "'long'"),
        (("truncation",), "middle", "'middle'"),
        (("tools", 0, "name"), None, "Missing required parameter: 'tools[0].name'."),
        (("tools", 0, "parameters"), LOOSE, "'get_weather'"),
        (("tool_choice", "name"), "fly", "'fly' not found"),
        (("text", "format", "type"), "xml", "'xml'"),
        (("text", "format", "schema"), {"type": "array"}, "got 'type: \"array\"'"),
        (("input",), [], "empty array"),
        (("input",), "", "empty string"),
        (("input", 0, "role"), "robot", "'robot'"),
        (("input", 0, "content"), [], "empty array"),
        (("input", 0, "content", 0, "type"), "text", "Invalid value: 'text'"),
        (("input", 0, "content", 0, "text"), "", "empty string"),
        (("input", 0, "content", 1, "image_url"), "x", "Expected a valid URL"),
        (("input", 0, "content", 1, "detail"), "lots", "'lots'"),
        (("input", 0, "content", 2, "filename"), GONE, "filename"),
        (("input", 0, "content", 3, "file_url"), GONE, "file_data"),
        (("input", 1, "encrypted_content"), GONE, "not found. Items are not persisted"),
        (("input", 1, "encrypted_content"), seal("Another thought."), "could not be verified"),
        (("input", 1, "encrypted_content"), "Z2FycmVk", "could not be verified"),
        (("input", 1, "summary", 0, "text"), "Changed.", "could not be verified"),
        (("input", 1, "summary"), GONE, "summary"),
        (("input", 1), {"type": "item_reference", "id": "rs_1"}, "Item with id 'rs_1' not found."),
        (("input", 2, "id"), "call_1", "Expected an ID that begins with 'fc'"),
        (("input", 2, "call_id"), "c" * 65, "maximum length 64"),
        (("input", 3, "call_id"), "call_1", "Duplicate"),
        (("input", 2, "arguments"), "null", "arguments"),
        (("input", 2), GONE, "No tool call found for function call output with call_id call_1."),
        (("input", 4), GONE, "No tool output found for function call call_1."),
        (("input", 5), GONE, "No tool output found for function call call_2."),
        (("input", 4, "call_id"), "call_2", "No tool output found for function call call_1."),
        (("input", 4, "output"), "x" * 10_485_761, "maximum length 10485760"),
        (("input", 6, "content", 0, "type"), "input_text", "'input_text'"),
        (("input", 7), GONE, "last item"),
        (("input", 7), {"type": "reasoning", "summary": [], "encrypted_content": seal("")}, "following item"),
    ],
    "anthropic-messages": [
        (("surprise",), 1, "surprise: Extra inputs are not permitted"),
        (("mcp_servers",), [], "mcp_servers: Extra inputs"),
        (("max_tokens",), GONE, "max_tokens: Field required"),
        (("max_tokens",), 0, "greater than or equal to 1"),
        (("max_tokens",), "many", "valid integer"),
        (("max_tokens",), 1024, "greater than `thinking.budget_tokens`"),
        (("thinking", "budget_tokens"), 1000, "greater than or equal to 1024"),
        (("thinking", "type"), "deep", "'deep'"),
        (("temperature",), 0.5, "may only be set to 1"),
        (("temperature",), 1.5, "range: 0..1"),
        (("top_p",), "x", "valid number"),
        (("stop_sequences",), [" "], "non-whitespace"),
        (("stop_sequences",), "END", "valid list"),
        (("tool_choice",), {"type": "any"}, "forces tool use"),
        (("tool_choice",), {"type": "required"}, "'required'"),
        (("tools",), GONE, "while providing tools"),
        (("tools", 0, "name"), "get weather", "should match pattern"),
        (("tools", 0, "name"), "get_time", "unique"),
        (("tools", 0, "input_schema"), GONE, "input_schema: Field required"),
        (("tools", 0, "input_schema"), {}, "input_schema.type: Field required"),
        (("output_config", "effort"), "minimal", "output_config.effort"),
        (("output_config", "format", "type"), "json_object", "'json_schema'"),
        (("output_config", "format", "schema"), LOOSE, "additionalProperties"),
        (("system", 0, "text"), "", "non-empty"),
        (("system", 0, "cache_control", "ttl"), "2h", "'5m' or '1h'"),
        (("cache_control",), {"type": "for ever"}, "'ephemeral'"),
        (("messages",), [], "at least one message"),
        (("messages", 0, "role"), "system", 'Unexpected role "system"'),
        (("messages", 1, "role"), "user", "roles must alternate"),
        (("messages", 0), GONE, 'first message must use the "user" role'),
        (("messages",), [{"role": "user", "content": "x"}, {"role": "assistant", "content": "y"}], "prefill"),
        (("messages", 0, "content"), [], "non-empty content"),
        (("messages", 0, "content"), "", "non-empty content"),
        (("messages", 0, "content", 0, "text"), "", "non-empty"),
        (("messages", 0, "content", 0, "text"), " \n", "non-whitespace"),
        (("messages", 0, "content", 0), {"type": "thinking", "thinking": "x"}, "cannot be in `user`"),
        (("messages", 0, "content", 1, "source", "media_type"), "image/bmp", "media_type"),
        (("messages", 0, "content", 1, "source", "data"), "?", "invalid base64"),
        (("messages", 0, "content", 2, "source", "url"), "a.png", "URL"),
        (("messages", 0, "content", 2, "source", "type"), "uri", "'uri'"),
        (("messages", 0, "content", 3, "source", "media_type"), "text/html", "application/pdf"),
        (("messages", 0, "content", 4, "source", "data"), "", "at least 1 character"),
        (("messages", 1, "content", 0, "signature"), GONE, "signature: Field required"),
        (("messages", 1, "content", 0, "signature"), seal("Another."), "Invalid `signature` in `thinking`"),
        (("messages", 1, "content", 0, "thinking"), "Changed.", "Invalid `signature` in `thinking`"),
        (("messages", 1, "content", 1, "data"), "", "data: Field required"),
        (("messages", 1, "content", 2, "id"), "call:1", "String should match pattern"),
        (("messages", 1, "content", 2, "input"), "{}", "valid dictionary"),
        (("messages", 1, "content", 3, "id"), "toolu_1", "unique"),
        (("messages", 1, "content", 2), GONE, "unexpected `tool_use_id`"),
        (("messages", 2, "content", 0), GONE, "toolu_1"),
        (("messages", 2, "content", 0), {"type": "text", "text": "First!"}, "immediately after"),
        (("messages", 2, "content", 1, "tool_use_id"), "toolu_1", "single result"),
        (("messages", 2, "content", 1, "content"), "", "content cannot be empty if `is_error` is true"),
        (("messages", 1, "content"), [{"type": "tool_use", "id": "a", "name": "b", "input": {}}], "a"),
        (("messages", 0, "content", 0), "text", "wrong type"),
    ],
    "gemini-generate": [
        (("surprise",), 1, 'Unknown name "surprise": Cannot find field.'),
        (("stream",), True, 'Unknown name "stream"'),
        (("generationConfig", "max_tokens"), 1, "Unknown name \"max_tokens\" at 'generation_config'"),
        (("generationConfig", "temperature"), 2.5, "temperature must be in the range [0.0, 2.0]"),
        (("generationConfig", "temperature"), "hot", "(TYPE_FLOAT)"),
        (("generationConfig", "topP"), 1.5, "top_p must be in the range"),
        (("generationConfig", "maxOutputTokens"), 0, "max_output_tokens must be positive"),
        (("generationConfig", "maxOutputTokens"), 1.5, "(TYPE_INT32)"),
        (("generationConfig", "stopSequences"), list("abcdef"), "at most 5"),
        (("generationConfig", "responseMimeType"), GONE, "response_mime_type"),
        (("generationConfig", "responseMimeType"), "text/html", "mimetypes"),
        (("generationConfig", "responseSchema"), SCHEMA, "Only one of"),
        (("generationConfig", "thinkingConfig", "thinkingBudget"), 100, "only one of thinking budget"),
        (("generationConfig", "thinkingConfig", "thinkingLevel"), "EXTREME", "EXTREME"),
        (("generationConfig", "thinkingConfig", "effort"), "low", 'Unknown name "effort"'),
        (("systemInstruction",), {"parts": []}, "system_instruction"),
        (("toolConfig", "functionCallingConfig", "mode"), "SOME", "SOME"),
        (("toolConfig", "functionCallingConfig", "mode"), "AUTO", "Mode is ANY or VALIDATED"),
        (("toolConfig", "functionCallingConfig", "allowedFunctionNames"), ["fly"], "'fly'"),
        (("tools",), GONE, "without function_declarations"),
        (("tools", 0, "functions"), [], 'Unknown name "functions"'),
        (("tools", 0, "functionDeclarations", 0, "name"), "get weather", "Invalid function name"),
        (("tools", 0, "functionDeclarations", 0, "name"), "get_time", "Duplicate function declaration"),
        (("tools", 0, "functionDeclarations", 0, "parameters"), {"type": "OBJECT"}, "only one of parameters"),
        (("tools", 0, "functionDeclarations", 0, "strict"), True, 'Unknown name "strict"'),
        (("contents",), [], "contents is not specified"),
        (("contents", 0, "role"), "robot", "valid role"),
        (("contents", 0, "content"), "x", 'Unknown name "content"'),
        (("contents", 0, "parts"), [], "must not be empty"),
        (("contents", 0), GONE, "begin with a user role"),
        (("contents", 1, "role"), "user", "alternate"),
        (("contents", 2), GONE, "end with a user role"),
        (("contents", 0, "parts", 0), {}, "must have one initialized field"),
        (("contents", 0, "parts", 0, "text"), "", "must have one initialized field"),
        (("contents", 0, "parts", 0, "type"), "text", 'Unknown name "type"'),
        (("contents", 0, "parts", 1, "text"), "x", "oneof"),
        (("contents", 0, "parts", 1, "inlineData", "data"), "?", "Base64 decoding failed"),
        (("contents", 0, "parts", 1, "inlineData", "mimeType"), GONE, "mime_type"),
        (("contents", 0, "parts", 2, "fileData", "fileUri"), GONE, "file_uri"),
        (("contents", 1, "parts", 1, "functionCall", "args"), "{}", "protobuf.Struct"),
        (("contents", 1, "parts", 1, "functionCall", "type"), "x", 'Unknown name "type"'),
        (("contents", 1, "parts", 1, "thoughtSignature"), GONE, "missing a thought_signature"),
        (("contents", 1, "parts", 1, "thoughtSignature"), "?", "Base64 decoding failed"),
        (("contents", 1, "parts", 1, "thoughtSignature"), "Z2FycmVk", "Corrupted thought signature"),
        (("contents", 1, "parts", 2, "functionCall", "id"), "a1", "invalid argument"),
        (("contents", 2, "parts", 0), GONE, "number of function response parts"),
        (("contents", 2, "parts", 0), {"text": "First!"}, "number of function response parts"),
        (("contents", 2, "parts", 0, "functionResponse", "name"), "get_time", "invalid argument"),
        (("contents", 2, "parts", 0, "functionResponse", "id"), "a9", "invalid argument"),
        (("contents", 2, "parts", 0, "functionResponse", "response"), "7 °C", "protobuf.Struct"),
        (("contents", 1, "parts"), [{"text": "Hm."}], "immediately after a function call turn"),
        (("contents", 0, "parts", 0), "text", "wrong type"),
    ],
}

CASES = [
    pytest.param(wire, path, value, words, id=f"{wire}-{'.'.join(map(str, path))}-{words[:20]}")
    for wire, cases in BROKEN.items()
    for path, value, words in cases
]


def refused(
    wire: str, body: Json, *, model: str = "thinking-tools", prefix: str = "", headers: Json | None = None
) -> ErrorReply | None:
    """Return the error with which ``body`` is answered, or ``None`` when it is taken."""
    if wire != "gemini-generate":
        body = {"model": model, **body}
    path, _, query = PATHS[wire].format(model=model).partition("?")
    request = HttpRequest(
        method="POST",
        path=prefix + path,
        query=parse_qs(query),
        headers=headers or {},
        body=json.dumps(body).encode(),
    )
    answer = decide(request, Recordings(None)).answer
    return answer if isinstance(answer, ErrorReply) else None


@pytest.mark.parametrize("wire", WIRES)
def test_it_takes_a_request_that_uses_everything(wire: str):
    assert refused(wire, FULL[wire]) is None


@pytest.mark.parametrize("wire", WIRES)
async def test_it_says_so_over_http(emulator: Emulator, wire: str):
    taken = await post(emulator, wire, "length", FULL[wire])
    path, value, words = BROKEN[wire][0]
    answer = await post(emulator, wire, "length", broken(wire, path, value))

    assert (taken.status, answer.status) == (200, 400)
    assert words in answer.message


@pytest.mark.parametrize(("wire", "path", "value", "words"), CASES)
def test_it_refuses_what_the_provider_refuses(wire: str, path: Path, value: object, words: str):
    answer = refused(wire, broken(wire, path, value))

    assert answer is not None
    error = answer.body["error"]
    assert words in error["message"]
    assert answer.status == (404 if error["message"].startswith("Item with id") else 400)
    match wire:
        case "anthropic-messages":
            assert error["type"] == "invalid_request_error"
        case "gemini-generate":
            assert (error["code"], error["status"]) == (400, "INVALID_ARGUMENT")
        case _:
            assert error["type"] == "invalid_request_error"
            assert {"param", "code"} <= error.keys()


@pytest.mark.parametrize("wire", WIRES)
def test_a_server_that_only_speaks_the_wire_ignores_what_it_does_not_know(wire: str):
    body = broken(wire, ("surprise",), 1)

    assert refused(wire, body) is not None
    assert refused(wire, body, prefix="/compatible") is None


def test_anthropic_knows_more_fields_where_a_header_says_so():
    body = broken("anthropic-messages", ("mcp_servers",), [])

    assert refused("anthropic-messages", body, headers={"anthropic-beta": "mcp"}) is None


def test_google_takes_its_word_for_a_signature_that_another_model_could_not_give():
    place = ("contents", 1, "parts", 1, "thoughtSignature")

    assert (
        refused("gemini-generate", broken("gemini-generate", place, "skip_thought_signature_validator"))
        is None
    )


def test_google_does_not_demand_signatures_of_models_that_give_none():
    body = broken("gemini-generate", ("contents", 1, "parts", 1, "thoughtSignature"), GONE)

    assert refused("gemini-generate", body, model="tools") is None


def test_google_takes_the_names_of_fields_in_snake_case_too():
    body = {
        "contents": [{"role": "user", "parts": [{"inline_data": {"mime_type": "image/png", "data": PNG}}]}],
        "generation_config": {"max_output_tokens": 9},
    }

    assert refused("gemini-generate", body) is None


def test_anthropic_wants_thoughts_before_calls_of_who_thinks_by_a_budget():
    body = broken("anthropic-messages", ("messages", 1, "content", 0), GONE)
    del body["messages"][1]["content"][0]

    answer = refused("anthropic-messages", body)

    assert answer is not None
    assert (
        "Expected `thinking` or `redacted_thinking`, but found `tool_use`" in answer.body["error"]["message"]
    )


@pytest.mark.parametrize("wire", WIRES)
async def test_what_it_sealed_itself_it_takes_back(emulator: Emulator, wire: str):
    body = {**FULL[wire], "include": ["reasoning.encrypted_content"]}
    if wire != "openai-responses":
        del body["include"]
    answer = await post(emulator, wire, "thinking-tools", asking_first(body, wire))

    sealed, thoughts = find_seal(wire, answer.data)

    if wire == "openai-chat":
        assert sealed is None
    else:
        assert takes(wire, sealed, thoughts)
        assert not takes(wire, seal("Others."), thoughts) or wire == "gemini-generate"


def asking_first(body: Json, wire: str) -> Json:
    """Return the request up to what the user says first."""
    key = {"openai-responses": "input", "gemini-generate": "contents"}.get(wire, "messages")
    first = next(place for place, each in enumerate(body[key]) if each["role"] == "user")
    return {**body, key: body[key][: first + 1]}


def find_seal(wire: str, events: list[Json]) -> tuple[Any, str]:
    """Return the seal in an answer and the thoughts that it seals."""
    match wire:
        case "openai-responses":
            item = next(each["item"] for each in events if each["type"] == "response.output_item.done")
            return item["encrypted_content"], item["summary"][0]["text"]
        case "anthropic-messages":
            deltas = [each["delta"] for each in events if each["type"] == "content_block_delta"]
            thoughts = "".join(each.get("thinking", "") for each in deltas)
            return next(each["signature"] for each in deltas if "signature" in each), thoughts
        case "gemini-generate":
            parts = [part for each in events for part in each["candidates"][0]["content"]["parts"]]
            signed = next(part for part in parts if "thoughtSignature" in part)
            assert "functionCall" in signed
            return signed["thoughtSignature"], ""
        case _:
            return None, ""


def takes(wire: str, sealed: str, thoughts: str) -> bool:
    """Return whether a request is taken whose history has this seal."""
    match wire:
        case "openai-responses":
            body = broken(wire, ("input", 1, "encrypted_content"), sealed)
            body["input"][1]["summary"][0]["text"] = thoughts
        case "anthropic-messages":
            body = broken(wire, ("messages", 1, "content", 0, "signature"), sealed)
            body["messages"][1]["content"][0]["thinking"] = thoughts
        case _:
            body = broken(wire, ("contents", 1, "parts", 1, "thoughtSignature"), sealed)
    return refused(wire, body) is None


@pytest.mark.parametrize("wire", WIRES)
async def test_the_sdk_hears_a_model_that_thinks_and_calls(emulator: Emulator, wire: str):
    heard = await hear(emulator, wire, "thinking-tools", question(wire, "Go."))

    assert heard.thoughts
    assert [name for name, _ in heard.calls] == ["get_weather", "get_time"]
    assert (heard.sealed is None) == (wire == "openai-chat")
