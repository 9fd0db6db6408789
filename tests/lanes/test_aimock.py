"""CopilotKit's aimock (npm): fixtures that it speaks on every wire as its authors read the providers' APIs."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from providers import errors
from providers.catalog import Target
from providers.errors import LLMError
from providers.types import (
    ChatMessage,
    FinishReason,
    ReasoningPart,
    Role,
    TextPart,
    ToolCallPart,
    ToolResultPart,
)
from providers.types.usage import UsageSource
from tests.lanes.foreign import ForeignServer, installed
from tests.providers.calling import WIRES, Call, at
from tests.providers.retry.attempting import Step

PROGRAM = "node_modules/.bin/llmock"
FOLDER = installed("RUNNEL_LANE_AIMOCK", PROGRAM)

every_wire = pytest.mark.parametrize("wire", WIRES)

TEXT = "Grüße from 東京 — one, two, three 😀."

#: The same counts in every provider's words. Without them it reports zeros on all wires but Chat Completions,
#: which is what no provider does that has just said something.
COUNTS = {
    "prompt_tokens": 11,
    "completion_tokens": 7,
    "total_tokens": 18,
    "input_tokens": 11,
    "output_tokens": 7,
    "promptTokenCount": 11,
    "candidatesTokenCount": 7,
    "totalTokenCount": 18,
}

#: Answered by what the user says.
ANSWERS: dict[str, dict[str, Any]] = {
    "say text": {"response": {"content": TEXT, "usage": COUNTS}},
    "think": {
        "response": {
            "content": "It is 42.",
            "reasoning": "Six times seven.",
            "reasoningSignature": "c2lnbmVk",
        }
    },
    "call tools": {
        "response": {
            "toolCalls": [
                {"name": "weather", "arguments": '{"city": "Zürich"}'},
                {"name": "weather", "arguments": '{"city": "Rome"}'},
                {"name": "clock", "arguments": "{}"},
            ]
        }
    },
    "talk between calls": {
        "response": {
            "blocks": [
                {"type": "text", "text": "First Paris."},
                {"type": "toolCall", "name": "weather", "arguments": '{"city": "Paris"}'},
                {"type": "text", "text": "Then the time."},
                {"type": "toolCall", "name": "clock", "arguments": "{}"},
            ]
        }
    },
    # It destroys the connection, and with it whatever it has not yet written: pauses let that through.
    "break off": {
        "response": {"content": "One two three four five six seven eight nine ten."},
        "chunkSize": 8,
        "latency": 20,
        "truncateAfterChunks": 6,
    },
    "hang up": {"response": {"content": "Never said."}, "chaos": {"disconnectRate": 1}},
    "stammer": {"response": {"content": "Never said."}, "chaos": {"malformedRate": 1}},
    "drop": {"response": {"content": "Never said."}, "chaos": {"dropRate": 1}},
}

#: How it refuses, by what the user says: status, the provider's type and code, and what that means.
REFUSALS: dict[str, tuple[int, str, str, type[LLMError]]] = {
    "refuse 401": (401, "authentication_error", "invalid_api_key", errors.LLMAuthenticationError),
    "refuse 404": (404, "not_found_error", "model_not_found", errors.LLMNotFoundError),
    "refuse 429": (429, "rate_limit_error", "rate_limit_exceeded", errors.LLMRateLimitError),
    "refuse 529": (529, "overloaded_error", "overloaded", errors.LLMProviderOverloadedError),
}

WORDS = "The provider's own words."


def fixtures() -> list[dict[str, Any]]:
    refusals = {
        prompt: {
            "response": {
                "error": {"message": WORDS, "type": kind, "code": code},
                "status": status,
                "retryAfter": 7,
            }
        }
        for prompt, (status, kind, code, _) in REFUSALS.items()
    }
    return [
        # The first that fits is taken.
        {"match": {"toolResultContains": "22 degrees"}, "response": {"content": "It is warm."}},
        {"match": {"userMessage": "drop", "model": "other"}, "response": {"content": "Caught."}},
        *({"match": {"userMessage": prompt}, **answer} for prompt, answer in (ANSWERS | refusals).items()),
    ]


@pytest.fixture(scope="module")
def aimock(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ForeignServer]:
    folder = tmp_path_factory.mktemp("aimock")
    (folder / "fixtures.json").write_text(json.dumps({"fixtures": fixtures()}))
    command = [str(FOLDER / PROGRAM), "--port", "{port}", "--fixtures", "fixtures.json", "--validate-on-load"]
    with ForeignServer(command, folder=folder) as server:
        yield server


def asking(server: ForeignServer, wire: str, *, model: str = "some-model") -> Target:
    """Return ``server`` as a provider; of Gemini's versions it knows only the older one."""
    version = "/v1beta" if wire == "gemini-generate" else ""
    return at(server.origin + version, wire, model=model)


@every_wire
async def test_it_hears_words_and_counts(aimock: ForeignServer, wire: str, fresh_clients: None) -> None:
    call = Call(asking(aimock, wire), prompt="say text")
    result = await call.run()
    assert result.text == call.sink.text == TEXT
    assert result.stop_reason is FinishReason.END_TURN
    assert (result.usage.input_tokens, result.usage.output_tokens) == (11, 7)
    assert result.usage.source is UsageSource.REPORTED
    assert call.trace.http_status == 200


@every_wire
async def test_it_hears_thoughts_before_words(aimock: ForeignServer, wire: str, fresh_clients: None) -> None:
    call = Call(asking(aimock, wire), prompt="think")
    result = await call.run()
    thought, *said = result.parts
    assert isinstance(thought, ReasoningPart)
    assert thought.text == call.sink.reasoning == "Six times seven."
    assert [part.text for part in said if isinstance(part, TextPart)] == [result.text] == ["It is 42."]
    # Its Gemini signs nothing, and Chat Completions has no way to.
    assert bool(thought.sealed) is (wire in {"anthropic-messages", "openai-responses"})


@every_wire
async def test_it_hears_calls_side_by_side(aimock: ForeignServer, wire: str, fresh_clients: None) -> None:
    result = await Call(asking(aimock, wire), prompt="call tools").run()
    assert [(call.name, json.loads(call.arguments)) for call in result.tool_calls] == [
        ("weather", {"city": "Zürich"}),
        ("weather", {"city": "Rome"}),
        ("clock", {}),
    ]
    assert all(call.complete for call in result.tool_calls)
    assert len({call.id for call in result.tool_calls}) == 3
    # Its Gemini says "FUNCTION_CALL", which Google's never does: that there are calls tells as much.
    assert result.stop_reason is FinishReason.TOOL_CALLS


@every_wire
async def test_it_keeps_words_and_calls_in_their_order(
    aimock: ForeignServer, wire: str, fresh_clients: None
) -> None:
    call = Call(asking(aimock, wire), prompt="talk between calls")
    result = await call.run()
    assert call.sink.text == result.text == "First Paris.Then the time."
    assert [part.name for part in result.tool_calls] == ["weather", "clock"]
    if wire != "openai-chat":
        # A Chat Completions message has its words in one place and its calls in another.
        assert [type(part) for part in result.parts] == [TextPart, ToolCallPart] * 2


@every_wire
async def test_it_takes_back_what_the_tools_said(
    aimock: ForeignServer, wire: str, fresh_clients: None
) -> None:
    target = asking(aimock, wire)
    first = await Call(target, prompt="call tools").run()
    asked = ChatMessage(role=Role.USER, parts=(TextPart(text="call tools"),))
    answer = ChatMessage(role=Role.ASSISTANT, parts=first.parts, origin=target.origin, native=first.native)
    told = tuple(
        ToolResultPart(call_id=call.id, name=call.name, content="22 degrees") for call in first.tool_calls
    )
    second = Call(target, prompt="", before=(asked, answer, ChatMessage(role=Role.TOOL, parts=told)))
    assert (await second.run()).text == "It is warm."


@every_wire
@pytest.mark.parametrize("prompt", REFUSALS)
async def test_it_understands_a_refusal(
    aimock: ForeignServer, wire: str, prompt: str, fresh_clients: None
) -> None:
    status, _, _, expected = REFUSALS[prompt]
    call = Call(asking(aimock, wire), prompt=prompt)
    error = await call.failure()
    assert type(error) is expected
    assert error.status == call.trace.http_status == status
    assert error.detail["message"] == WORDS
    assert error.retry_after == (7 if status == 429 else None)


@every_wire
async def test_it_keeps_what_was_said_before_the_connection_broke(
    aimock: ForeignServer, wire: str, fresh_clients: None
) -> None:
    call = Call(asking(aimock, wire), prompt="break off")
    error = await call.failure()
    assert type(error) is errors.LLMConnectionError
    assert error.partial is not None
    assert error.partial.text == call.sink.text
    assert "One two three four five six seven eight nine ten.".startswith(call.sink.text)
    assert call.sink.text
    assert error.partial.stop_reason is None


@every_wire
@pytest.mark.parametrize(
    ("prompt", "expected", "status"),
    [
        ("hang up", errors.LLMConnectionError, None),
        # JSON that is none, under another type than the one that was asked for.
        ("stammer", errors.LLMConnectionError, 200),
        ("drop", errors.LLMServerError, 500),
    ],
)
async def test_it_understands_a_fault(
    aimock: ForeignServer,
    wire: str,
    prompt: str,
    expected: type[LLMError],
    status: int | None,
    fresh_clients: None,
) -> None:
    call = Call(asking(aimock, wire), prompt=prompt)
    error = await call.failure()
    assert type(error) is expected
    assert call.trace.http_status == status
    assert call.trace.error_code == error.code
    assert not call.sink.events


@every_wire
async def test_another_model_answers_what_this_one_drops(
    aimock: ForeignServer, wire: str, fresh_clients: None
) -> None:
    step = Step((asking(aimock, wire), asking(aimock, wire, model="other")), prompt="drop")
    assert (await step.result()).text == "Caught."
    assert [(model, status) for _, model, _, status in step.story] == [
        ("some-model", 500),
        ("some-model", 500),
        ("some-model", 500),
        ("other", 200),
    ]
