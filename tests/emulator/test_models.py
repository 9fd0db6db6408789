import asyncio
import time
from typing import Any

import httpx2
import pytest
from anthropic import APIStatusError as AnthropicError
from google.genai.errors import APIError as GeminiError
from openai import APIConnectionError as OpenAIConnectionError
from openai import APIStatusError as OpenAIError

from emulator import Emulator, ExchangeOutcome
from emulator.prose import LONG, tokens
from emulator.scripts import FAST_TOKENS
from tests.emulator.listening import WIRES, answered, ask, hear, question, streaming

every_wire = pytest.mark.parametrize("wire", WIRES)

PLAIN_ENDS = {
    "openai-chat": "stop",
    "openai-responses": "completed",
    "anthropic-messages": "end_turn",
    "gemini-generate": "STOP",
}


@every_wire
async def test_it_greets_and_quotes_the_user_and_names_the_way_to_a_real_model(emulator: Emulator, wire: str):
    heard = await ask(emulator, wire, "hello", "What would Ada Lovelace say to this, I wonder?")

    assert "“What would Ada Lovelace say to…”" in heard.text
    assert "Add a key" in heard.text
    assert heard.end == PLAIN_ENDS[wire]
    assert heard.id
    assert heard.model == "hello"


@every_wire
async def test_it_reports_input_by_the_size_of_the_request_and_output_as_counted(
    emulator: Emulator, wire: str
):
    heard = await ask(emulator, wire, "hello")

    exchange = emulator.exchanges[-1]
    cached = None if wire == "gemini-generate" else 0
    assert heard.usage == (-(-exchange.request_bytes // 4), cached, len(heard.deltas), 0)


@every_wire
async def test_it_thinks_before_it_answers_and_seals_the_thought(emulator: Emulator, wire: str):
    heard = await ask(emulator, wire, "reasoning")

    assert "17 × 23" in heard.thoughts
    assert "**391**" in heard.text
    assert heard.usage is not None
    _, _, output, reasoning = heard.usage
    assert reasoning == len(tokens(heard.thoughts))
    assert output == reasoning + len(heard.deltas)
    # Chat Completions has no place for a seal.
    assert (heard.sealed is not None) == (wire != "openai-chat")


async def test_it_sends_encrypted_reasoning_only_to_those_who_ask_for_it(emulator: Emulator):
    heard = await hear(emulator, "openai-responses", "reasoning", {"input": "Hello?"})

    assert heard.thoughts
    assert heard.sealed is None


@every_wire
async def test_it_calls_two_functions_at_once_with_arguments_in_pieces(emulator: Emulator, wire: str):
    heard = await ask(emulator, wire, "tools")

    assert heard.text
    assert heard.calls == [
        ("get_weather", {"city": "Zürich", "unit": "celsius"}),
        ("get_time", {"zone": "Europe/Zurich"}),
    ]
    ends = {**PLAIN_ENDS, "openai-chat": "tool_calls", "anthropic-messages": "tool_use"}
    assert heard.end == ends[wire]
    whole = wire == "gemini-generate"
    assert all(pieces == 1 if whole else pieces > 3 for pieces in heard.argument_pieces)


@every_wire
async def test_it_calls_the_functions_that_are_declared(emulator: Emulator, wire: str):
    body = question(wire, "Go on.", functions=("look_up", "note_down", "third"))

    heard = await hear(emulator, wire, "tools", body)

    arguments = {"place": "Zürich", "days": 3}
    assert heard.calls == [("look_up", arguments), ("note_down", arguments)]


@every_wire
async def test_it_quotes_the_results_of_its_calls(emulator: Emulator, wire: str):
    heard = await hear(emulator, wire, "tools", answered(wire))

    assert heard.calls == []
    assert "7 °C" in heard.text
    assert "09:41" in heard.text
    assert heard.end == PLAIN_ENDS[wire]


@every_wire
async def test_it_says_ten_thousand_tokens_flat_out(emulator: Emulator, wire: str):
    heard = await ask(emulator, wire, "fast")

    assert len(heard.deltas) == FAST_TOKENS == 10_000
    assert heard.text.startswith(LONG)
    assert heard.usage is not None
    assert heard.usage[2] == FAST_TOKENS


@every_wire
async def test_it_tells_the_long_story_at_reading_speed(emulator: Emulator, wire: str):
    deltas = 0
    async with streaming(emulator, wire, "long", question(wire, "Tell me.")) as stream:
        async for event in stream:
            deltas += "runnel" in str(event) or deltas > 0
            if deltas == 1:
                begun = time.monotonic()
            if deltas == 21:
                break
    # Twenty tokens at forty a second; a busy machine may take longer, nothing makes it faster.
    assert 0.4 < time.monotonic() - begun < 5


@every_wire
async def test_it_sends_headers_and_then_stays_silent(emulator: Emulator, wire: str):
    async with streaming(emulator, wire, "silent", question(wire, "Hello?")) as stream:
        first = asyncio.ensure_future(anext(aiter(stream)))
        exchange = await emulator.wait_for(lambda exchange: exchange.status == 200)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(first, 0.2)
        assert exchange.bytes_sent == 0


@every_wire
@pytest.mark.parametrize(
    "text",
    ["x", "Grüße – 你好 👩‍👩‍👧 “quoted”\n\tand \\ more\u2028line \u0085 end\x00", "word " * 3000],
    ids=["short", "awkward", "long"],
)
async def test_it_echoes_exactly_what_the_user_said(emulator: Emulator, wire: str, text: str):
    heard = await ask(emulator, wire, "echo", text)

    assert heard.text == text


@every_wire
async def test_it_echoes_a_lone_surrogate_as_an_escape(emulator: Emulator, wire: str):
    bodies: dict[str, tuple[str, str]] = {
        "openai-chat": ("/v1/chat/completions", '{"messages": [{"role": "user", "content": "%s"}]'),
        "openai-responses": ("/v1/responses", '{"input": "%s"'),
        "anthropic-messages": (
            "/v1/messages",
            '{"max_tokens": 9, "messages": [{"role": "user", "content": "%s"}]',
        ),
        "gemini-generate": (
            "/v1beta/models/echo:streamGenerateContent?alt=sse",
            '{"contents": [{"parts": [{"text": "%s"}]}]',
        ),
    }
    path, body = bodies[wire]
    body = body % r"half \ud83d gone"
    body += "}" if wire == "gemini-generate" else ', "model": "echo", "stream": true}'
    async with httpx2.AsyncClient() as client:
        answer = await client.post(emulator.origin + path, content=body)

    assert answer.status_code == 200
    assert r"\ud83d" in answer.text


@every_wire
@pytest.mark.parametrize("model", ["length", "refusal", "empty"])
async def test_it_ends_as_the_provider_ends_it(emulator: Emulator, wire: str, model: str):
    heard = await ask(emulator, wire, model)

    ends: dict[str, Any] = {
        "length": dict(zip(WIRES, ("length", "max_output_tokens", "max_tokens", "MAX_TOKENS"), strict=True)),
        "refusal": {**PLAIN_ENDS, "anthropic-messages": "refusal", "gemini-generate": "SAFETY"},
        "empty": PLAIN_ENDS,
    }
    assert heard.end == ends[model][wire]
    assert bool(heard.text or heard.refused) == (model != "empty")
    has_refusals = wire.startswith("openai-")
    assert bool(heard.refused) == (model == "refusal" and has_refusals)


@every_wire
async def test_it_ends_the_body_cleanly_before_the_terminal_event(emulator: Emulator, wire: str):
    heard = await ask(emulator, wire, "truncated")

    assert heard.text
    assert heard.end is None
    assert emulator.exchanges[-1].outcome is ExchangeOutcome.FINISHED


@every_wire
async def test_it_resets_the_connection_after_a_few_words(emulator: Emulator, wire: str):
    said: list[Any] = []

    async def listen() -> None:
        async with streaming(emulator, wire, "reset", question(wire, "Hello?")) as stream:
            async for event in stream:
                said.append(event)  # noqa: PERF401

    with pytest.raises((OpenAIConnectionError, httpx2.ReadError)):
        await listen()
    assert said


@every_wire
async def test_it_drips_for_ever(emulator: Emulator, wire: str):
    count = 0
    async with streaming(emulator, wire, "drip", question(wire, "Go on.")) as stream:
        begun = time.monotonic()
        async for _ in stream:
            count += 1
            if time.monotonic() - begun > 0.5:
                break
    assert 10 < count < 40


@every_wire
@pytest.mark.parametrize(
    ("model", "statuses"),
    [
        ("context", (400, 400, 400, 400)),
        ("unauthorized", (401, 401, 401, 400)),
        ("rate-limited", (429, 429, 429, 429)),
        ("overloaded", (503, 503, 529, 503)),
        ("no-such-model", (404, 404, 404, 404)),
        ("recording/nothing", (404, 404, 404, 404)),
    ],
)
async def test_it_refuses_in_the_provider_s_own_form(
    emulator: Emulator, wire: str, model: str, statuses: tuple[int, ...]
):
    with pytest.raises((OpenAIError, AnthropicError, GeminiError)) as caught:
        await ask(emulator, wire, model)

    error: Any = caught.value
    status = error.code if isinstance(error, GeminiError) else error.status_code
    assert status == dict(zip(WIRES, statuses, strict=True))[wire]
    if model == "rate-limited" and not isinstance(error, GeminiError):
        assert error.response.headers["retry-after"] == "7"
    if model == "rate-limited" and isinstance(error, GeminiError):
        assert error.details["error"]["details"][0]["retryDelay"] == "7s"
