"""Valid requests that use all features of a wire. A test of a rule changes one part of such a request."""

from copy import deepcopy
from typing import Any

from emulator.sealing import seal

type Json = dict[str, Any]

#: The path of a value in a request.
type Path = tuple[str | int, ...]

#: Stands for a removed field.
GONE = object()

PNG = "iVBORw0KGgo="
PDF = "JVBERi0xLjc="
SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}
THOUGHT = "They want the weather and the time."
SEAL = seal(THOUGHT)

CHAT: Json = {
    "stream": True,
    "stream_options": {"include_usage": True},
    "temperature": 1.5,
    "top_p": 0.9,
    "max_completion_tokens": 100,
    "stop": ["END", "STOP"],
    "reasoning_effort": "low",
    "tool_choice": {"type": "function", "function": {"name": "get_time"}},
    "response_format": {
        "type": "json_schema",
        "json_schema": {"name": "answer", "schema": SCHEMA, "strict": True},
    },
    "tools": [
        {"type": "function", "function": {"name": name, "description": "It tells.", "parameters": SCHEMA}}
        for name in ("get_weather", "get_time")
    ],
    "messages": [
        {"role": "system", "content": "Be kind."},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "Where is this?"},
                {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}", "detail": "low"}},
                {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}},
                {
                    "type": "file",
                    "file": {"filename": "a.pdf", "file_data": f"data:application/pdf;base64,{PDF}"},
                },
                {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}},
            ],
        },
        {
            "role": "assistant",
            "content": None,
            "reasoning_content": THOUGHT,
            "tool_calls": [
                {
                    "id": "call_1",
                    "type": "function",
                    "function": {"name": "get_weather", "arguments": '{"city": "Zug"}'},
                },
                {"id": "call_2", "type": "function", "function": {"name": "get_time", "arguments": "{}"}},
            ],
        },
        {"role": "tool", "tool_call_id": "call_1", "content": "7 °C"},
        {"role": "tool", "tool_call_id": "call_2", "content": ""},
        {"role": "assistant", "content": [{"type": "text", "text": "It is cold."}]},
        {"role": "user", "content": "Thank you."},
    ],
}

RESPONSES: Json = {
    "stream": True,
    "store": False,
    "instructions": "Be kind.",
    "include": ["reasoning.encrypted_content"],
    "reasoning": {"effort": "low", "summary": "auto"},
    "temperature": 1.5,
    "top_p": 0.9,
    "max_output_tokens": 100,
    "truncation": "auto",
    "tool_choice": {"type": "function", "name": "get_time"},
    "text": {"format": {"type": "json_schema", "name": "answer", "schema": SCHEMA, "strict": True}},
    "tools": [
        {"type": "function", "name": name, "parameters": SCHEMA, "strict": True}
        for name in ("get_weather", "get_time")
    ],
    "input": [
        {
            "type": "message",
            "role": "user",
            "content": [
                {"type": "input_text", "text": "Where is this?"},
                {"type": "input_image", "image_url": f"data:image/png;base64,{PNG}", "detail": "auto"},
                {
                    "type": "input_file",
                    "filename": "a.pdf",
                    "file_data": f"data:application/pdf;base64,{PDF}",
                },
                {"type": "input_file", "file_url": "https://example.com/a.pdf"},
            ],
        },
        {
            "type": "reasoning",
            "id": "rs_1",
            "summary": [{"type": "summary_text", "text": THOUGHT}],
            "encrypted_content": SEAL,
        },
        {
            "type": "function_call",
            "id": "fc_1",
            "call_id": "call_1",
            "name": "get_weather",
            "arguments": '{"city": "Zug"}',
        },
        {"type": "function_call", "call_id": "call_2", "name": "get_time", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "call_1", "output": "7 °C"},
        {"type": "function_call_output", "call_id": "call_2", "output": ""},
        {
            "type": "message",
            "id": "msg_1",
            "role": "assistant",
            "status": "completed",
            "content": [{"type": "output_text", "text": "It is cold.", "annotations": []}],
        },
        {"role": "user", "content": "Thank you."},
    ],
}

ANTHROPIC: Json = {
    "stream": True,
    "max_tokens": 4096,
    "system": [{"type": "text", "text": "Be kind.", "cache_control": {"type": "ephemeral", "ttl": "1h"}}],
    "thinking": {"type": "enabled", "budget_tokens": 1024},
    "stop_sequences": ["END"],
    "tool_choice": {"type": "auto"},
    "output_config": {"effort": "low", "format": {"type": "json_schema", "schema": SCHEMA}},
    "tools": [
        {"name": name, "description": "It tells.", "input_schema": SCHEMA}
        for name in ("get_weather", "get_time")
    ],
    "messages": [
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "Where is this?"},
                {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}},
                {"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}},
                {
                    "type": "document",
                    "title": "a.pdf",
                    "source": {"type": "base64", "media_type": "application/pdf", "data": PDF},
                },
                {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "x"}},
            ],
        },
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": THOUGHT, "signature": SEAL},
                {"type": "redacted_thinking", "data": "c2VjcmV0"},
                {"type": "tool_use", "id": "toolu_1", "name": "get_weather", "input": {"city": "Zug"}},
                {"type": "tool_use", "id": "toolu_2", "name": "get_time", "input": {}},
            ],
        },
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "toolu_1", "content": "7 °C"},
                {
                    "type": "tool_result",
                    "tool_use_id": "toolu_2",
                    "is_error": True,
                    "content": [{"type": "text", "text": "No clock."}],
                },
            ],
        },
    ],
}

GEMINI: Json = {
    "systemInstruction": {"parts": [{"text": "Be kind."}]},
    "generationConfig": {
        "temperature": 1.5,
        "topP": 0.9,
        "maxOutputTokens": 100,
        "stopSequences": ["END"],
        "responseMimeType": "application/json",
        "responseJsonSchema": SCHEMA,
        "thinkingConfig": {"includeThoughts": True, "thinkingLevel": "LOW"},
    },
    "toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["get_time"]}},
    "tools": [
        {
            "functionDeclarations": [
                {"name": name, "parametersJsonSchema": SCHEMA} for name in ("get_weather", "get_time")
            ]
        }
    ],
    "contents": [
        {
            "role": "user",
            "parts": [
                {"text": "Where is this?"},
                {"inlineData": {"mimeType": "image/png", "data": PNG}},
                {"fileData": {"mimeType": "application/pdf", "fileUri": "https://example.com/a.pdf"}},
            ],
        },
        {
            "role": "model",
            "parts": [
                {"text": THOUGHT, "thought": True},
                {
                    "functionCall": {"id": "a1", "name": "get_weather", "args": {"city": "Zug"}},
                    "thoughtSignature": SEAL,
                },
                {"functionCall": {"id": "a2", "name": "get_time", "args": {}}},
            ],
        },
        {
            "role": "user",
            "parts": [
                {
                    "functionResponse": {
                        "id": "a1",
                        "name": "get_weather",
                        "response": {"output": "7 °C"},
                    }
                },
                {"functionResponse": {"id": "a2", "name": "get_time", "response": {"error": "No clock."}}},
            ],
        },
    ],
}

FULL = {
    "openai-chat": CHAT,
    "openai-responses": RESPONSES,
    "anthropic-messages": ANTHROPIC,
    "gemini-generate": GEMINI,
}


def broken(wire: str, path: Path, value: object) -> Json:
    """Return the full request with ``value`` at ``path``, or without the field if ``value`` is ``GONE``."""
    body = deepcopy(FULL[wire])
    node: Any = body
    for step in path[:-1]:
        node = node[step]
    if value is GONE:
        del node[path[-1]]
    else:
        node[path[-1]] = value
    return body
