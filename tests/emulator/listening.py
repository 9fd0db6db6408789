"""Sends requests to the emulator through the providers' SDKs and keeps the answers as the SDKs read them."""

import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx2
from anthropic import AsyncAnthropic
from google import genai
from google.genai.types import HttpOptions
from openai import AsyncOpenAI

from emulator import Emulator

WIRES = ("openai-chat", "openai-responses", "anthropic-messages", "gemini-generate")

#: The emulator must never store this key.
KEY = "a-very-secret-key"

type Json = dict[str, Any]

PARAMETERS = {"type": "object", "properties": {"place": {"type": "string"}, "days": {"type": "integer"}}}


@dataclass(kw_only=True)
class Heard:
    deltas: list[str] = field(default_factory=list)
    thoughts: str = ""
    sealed: str | None = None
    refused: str = ""
    calls: list[tuple[str, Any]] = field(default_factory=list)
    #: The number of pieces of each call's arguments.
    argument_pieces: list[int] = field(default_factory=list)
    end: str | None = None
    #: Tokens as the SDK reports them: input, cached input, output with reasoning, reasoning.
    usage: tuple[int | None, int | None, int, int] | None = None
    id: str | None = None
    model: str | None = None

    @property
    def text(self) -> str:
        return "".join(self.deltas)


@asynccontextmanager
async def streaming(emulator: Emulator, wire: str, model: str, body: Json) -> AsyncIterator[Any]:
    """Yield the SDK's stream for ``body``, which is in the wire's own form."""
    # The connection is not encrypted, and loading certificates for each client takes longer than the tests.
    async with httpx2.AsyncClient(verify=False) as http:
        match wire:
            case "openai-chat" | "openai-responses":
                openai = AsyncOpenAI(
                    api_key=KEY, base_url=f"{emulator.origin}/v1", max_retries=0, http_client=http
                )
                create = (
                    openai.responses.create if wire == "openai-responses" else openai.chat.completions.create
                )
                yield await create(model=model, stream=True, **body)
            case "anthropic-messages":
                anthropic = AsyncAnthropic(
                    api_key=KEY, base_url=emulator.origin, max_retries=0, http_client=http
                )
                yield await anthropic.messages.create(model=model, max_tokens=4096, stream=True, **body)
            case _:
                with httpx2.Client(verify=False) as unused:
                    options = HttpOptions(
                        base_url=emulator.origin, httpx_async_client=http, httpx_client=unused
                    )
                    gemini = genai.Client(api_key=KEY, http_options=options)
                    yield await gemini.aio.models.generate_content_stream(model=model, **body)


def question(wire: str, text: str, *, functions: tuple[str, ...] = ()) -> Json:
    """Return a request with the prompt ``text`` that asks for everything that the wire can report."""
    match wire:
        case "openai-chat":
            body: Json = {
                "messages": [{"role": "user", "content": text}],
                "stream_options": {"include_usage": True},
            }
            tools: list[Any] = [
                {"type": "function", "function": {"name": name, "parameters": PARAMETERS}}
                for name in functions
            ]
        case "openai-responses":
            body = {"input": text, "include": ["reasoning.encrypted_content"]}
            tools = [
                {"type": "function", "name": name, "parameters": PARAMETERS, "strict": False}
                for name in functions
            ]
        case "anthropic-messages":
            body = {"messages": [{"role": "user", "content": text}]}
            tools = [{"name": name, "input_schema": PARAMETERS} for name in functions]
        case _:
            declared = [{"name": name, "parameters_json_schema": PARAMETERS} for name in functions]
            body = {"contents": text, "config": {"automatic_function_calling": {"disable": True}}}
            if declared:
                body["config"]["tools"] = [{"function_declarations": declared}]
            return body
    return {**body, "tools": tools} if tools else body


def answered(wire: str) -> Json:
    """Return a request that ends with the results of two calls."""
    results = [("call_1", "get_weather", "7 °C"), ("call_2", "get_time", "09:41")]
    match wire:
        case "openai-chat":
            calls: list[Any] = [
                {"id": call_id, "type": "function", "function": {"name": name, "arguments": "{}"}}
                for call_id, name, _ in results
            ]
            outputs: list[Any] = [
                {"role": "tool", "tool_call_id": call_id, "content": text} for call_id, _, text in results
            ]
            asked = {"role": "user", "content": "Well?"}
            return {"messages": [asked, {"role": "assistant", "tool_calls": calls}, *outputs]}
        case "openai-responses":
            calls = [
                {"type": "function_call", "call_id": call_id, "name": name, "arguments": "{}"}
                for call_id, name, _ in results
            ]
            outputs = [
                {"type": "function_call_output", "call_id": call_id, "output": text}
                for call_id, _, text in results
            ]
            return {"input": [{"role": "user", "content": "Well?"}, *calls, *outputs]}
        case "anthropic-messages":
            calls = [
                {"type": "tool_use", "id": call_id, "name": name, "input": {}} for call_id, name, _ in results
            ]
            outputs = [
                {"type": "tool_result", "tool_use_id": call_id, "content": text}
                for call_id, _, text in results
            ]
            roles = ("user", "assistant", "user")
            return {
                "tools": [{"name": name, "input_schema": PARAMETERS} for _, name, _ in results],
                "messages": [
                    {"role": role, "content": content}
                    for role, content in zip(roles, ("Well?", calls, outputs), strict=True)
                ],
            }
        case _:
            calls = [{"function_call": {"name": name, "args": {}}} for _, name, _ in results]
            outputs = [
                {"function_response": {"name": name, "response": {"result": text}}}
                for _, name, text in results
            ]
            asked_of_gemini = {"role": "user", "parts": [{"text": "Well?"}]}
            turns = [{"role": "model", "parts": calls}, {"role": "user", "parts": outputs}]
            return {"contents": [asked_of_gemini, *turns]}


async def hear(emulator: Emulator, wire: str, model: str, body: Json) -> Heard:
    """Return the whole answer as the SDK reads it."""
    heard = Heard()
    async with streaming(emulator, wire, model, body) as stream:
        async for event in stream:
            _LISTENERS[wire](heard, event)
    return heard


async def ask(emulator: Emulator, wire: str, model: str, text: str = "Good morning, emulator!") -> Heard:
    return await hear(emulator, wire, model, question(wire, text))


def _hear_chat(heard: Heard, chunk: Any) -> None:
    heard.id, heard.model = chunk.id, chunk.model
    if chunk.usage is not None:
        usage = chunk.usage
        heard.usage = (
            usage.prompt_tokens,
            usage.prompt_tokens_details.cached_tokens,
            usage.completion_tokens,
            usage.completion_tokens_details.reasoning_tokens,
        )
    for choice in chunk.choices:
        delta = choice.delta
        if delta.content:
            heard.deltas.append(delta.content)
        heard.thoughts += getattr(delta, "reasoning_content", None) or ""
        heard.refused += delta.refusal or ""
        for call in delta.tool_calls or ():
            if call.index == len(heard.calls):
                assert call.id.startswith("call_")
                heard.calls.append((call.function.name, ""))
                heard.argument_pieces.append(0)
            else:
                name, arguments = heard.calls[call.index]
                heard.calls[call.index] = (name, arguments + call.function.arguments)
                heard.argument_pieces[call.index] += 1
        if choice.finish_reason is not None:
            heard.end = choice.finish_reason
            heard.calls = [(name, json.loads(arguments)) for name, arguments in heard.calls]


def _hear_responses(heard: Heard, event: Any) -> None:
    match event.type:
        case "response.created":
            heard.id, heard.model = event.response.id, event.response.model
        case "response.output_text.delta":
            heard.deltas.append(event.delta)
        case "response.reasoning_summary_text.delta":
            heard.thoughts += event.delta
        case "response.refusal.delta":
            heard.refused += event.delta
        case "response.output_item.added" if event.item.type == "function_call":
            heard.argument_pieces.append(0)
        case "response.function_call_arguments.delta":
            heard.argument_pieces[-1] += 1
        case "response.output_item.done" if event.item.type == "function_call":
            heard.calls.append((event.item.name, json.loads(event.item.arguments)))
        case "response.output_item.done" if event.item.type == "reasoning":
            heard.sealed = event.item.encrypted_content
        case "response.completed" | "response.incomplete":
            response = event.response
            heard.end = response.incomplete_details.reason if response.incomplete_details else response.status
            usage = response.usage
            heard.usage = (
                usage.input_tokens,
                usage.input_tokens_details.cached_tokens,
                usage.output_tokens,
                usage.output_tokens_details.reasoning_tokens,
            )
            assert response.output_text == heard.text


def _hear_messages(heard: Heard, event: Any) -> None:
    match event.type:
        case "message_start":
            heard.id, heard.model = event.message.id, event.message.model
        case "content_block_start" if event.content_block.type == "tool_use":
            heard.calls.append((event.content_block.name, ""))
            heard.argument_pieces.append(0)
        case "content_block_delta":
            delta = event.delta
            match delta.type:
                case "text_delta":
                    heard.deltas.append(delta.text)
                case "thinking_delta":
                    heard.thoughts += delta.thinking
                case "signature_delta":
                    heard.sealed = delta.signature
                case "input_json_delta":
                    name, arguments = heard.calls[-1]
                    heard.calls[-1] = (name, arguments + delta.partial_json)
                    heard.argument_pieces[-1] += 1
        case "message_delta":
            usage = event.usage
            heard.end = event.delta.stop_reason
            heard.usage = (
                usage.input_tokens,
                usage.cache_read_input_tokens,
                usage.output_tokens,
                usage.output_tokens_details.thinking_tokens,
            )
            heard.calls = [(name, json.loads(arguments)) for name, arguments in heard.calls]


def _hear_gemini(heard: Heard, chunk: Any) -> None:
    heard.id, heard.model = chunk.response_id, chunk.model_version
    usage = chunk.usage_metadata
    thoughts = usage.thoughts_token_count or 0
    heard.usage = (
        usage.prompt_token_count,
        usage.cached_content_token_count,
        (usage.candidates_token_count or 0) + thoughts,
        thoughts,
    )
    candidate = chunk.candidates[0]
    for part in candidate.content.parts:
        if part.function_call is not None:
            heard.calls.append((part.function_call.name, part.function_call.args))
            heard.argument_pieces.append(1)
        elif part.thought:
            heard.thoughts += part.text
        elif part.text:
            heard.deltas.append(part.text)
        if part.thought_signature is not None:
            heard.sealed = base64.b64encode(part.thought_signature).decode()
    if candidate.finish_reason is not None:
        heard.end = candidate.finish_reason.value


_LISTENERS = {
    "openai-chat": _hear_chat,
    "openai-responses": _hear_responses,
    "anthropic-messages": _hear_messages,
    "gemini-generate": _hear_gemini,
}
