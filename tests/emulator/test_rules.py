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
from tests.emulator.broken_requests import BROKEN
from tests.emulator.full_requests import FULL, GONE, PNG, Path, broken
from tests.emulator.listening import WIRES, hear, question

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
