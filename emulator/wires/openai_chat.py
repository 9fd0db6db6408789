"""OpenAI's Chat Completions API, from the provider's side: unnamed events, then ``[DONE]``. Pure."""

import re
import time
from typing import assert_never
from uuid import uuid4

from emulator.actions import (
    Argue,
    Break,
    CallAction,
    Fault,
    Finish,
    Hint,
    PingAction,
    Refuse,
    Say,
    SignatureAction,
    Speech,
    Tally,
    Think,
    Token,
)
from emulator.http1 import HttpRequest
from emulator.prompt import Function, Prompt, entries, grouped, since_the_user
from emulator.wires import _openai_chat_rules, _openai_errors
from emulator.wires._rules import RequestRules
from emulator.wires.frames import ErrorReply, data_frame
from providers.types import FinishReason, Json

KIND = "openai-chat"
PATH = re.compile(r"/v1/chat/completions")
PREFIXES: tuple[str, ...] = ("/",)

#: OpenRouter's keep-alive comment; OpenAI itself sends none.
KEEP_ALIVE = b": OPENROUTER PROCESSING\n\n"

_FINISH_REASONS = {
    FinishReason.END_TURN: "stop",
    FinishReason.TOOL_CALLS: "tool_calls",
    FinishReason.MAX_TOKENS_EXCEEDED: "length",
    # OpenAI ends a refusal in words with "stop"; "content_filter" is Azure's.
    FinishReason.CONTENT_FILTER: "stop",
}


def headers() -> dict[str, str]:
    """Return the headers of an answer."""
    return {"content-type": "text/event-stream; charset=utf-8", "x-request-id": f"req_{uuid4().hex}"}


def read(_: HttpRequest, body: Json) -> Prompt:
    """Return the prompt in ``body``.

    Raises:
        LookupError: ``body`` lacks a field.
        TypeError: a field has a wrong type.
        AttributeError: a field has a wrong type.
    """
    messages = entries(body, "messages")
    from_user = (message for message in reversed(messages) if message["role"] == "user")
    turn = since_the_user(messages, is_user=[message["role"] == "user" for message in messages])
    return Prompt(
        model=body["model"],
        streaming=body.get("stream") is True,
        user_text=next((_text(message["content"]) for message in from_user), ""),
        rounds=grouped(_text(message["content"]) if message["role"] == "tool" else None for message in turn),
        functions=tuple(
            Function(name=tool["function"]["name"], parameters=tool["function"].get("parameters") or {})
            for tool in body.get("tools") or ()
            if tool["type"] == "function"
        ),
        body=body,
    )


def refusal(_: HttpRequest, body: Json, terms: RequestRules) -> ErrorReply | None:
    """Return the error for the first rule that the request breaks, or ``None``."""
    found = next(_openai_chat_rules.refusals(body, terms), None)
    return None if found is None else _openai_errors.refused(found)


def encoder(prompt: Prompt, tally: Tally) -> "ChatEncoder":
    """Return an encoder for one answer."""
    return ChatEncoder(prompt, tally)


def whole(prompt: Prompt, text: str) -> Json:
    """Return a complete chat completion that says ``text``."""
    message: Json = {"role": "assistant", "content": text, "refusal": None, "annotations": []}
    return {
        "id": f"chatcmpl-{uuid4().hex}",
        "object": "chat.completion",
        "created": int(time.time()),
        "model": prompt.model,
        "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 9, "completion_tokens": 9, "total_tokens": 18},
    }


def error(fault: Fault, about: str, *, status: int | None = None, hint: Hint | None = None) -> ErrorReply:
    """Return OpenAI's error for ``fault``."""
    return _openai_errors.reply(fault, about, status=status, hint=hint)


def _text(content: str | list[Json]) -> str:
    if isinstance(content, str):
        return content
    return "".join(part["text"] for part in content if part["type"] == "text")


class ChatEncoder:
    """Turns speech into chunks; reasoning is in the field that DeepSeek and vLLM use."""

    def __init__(self, prompt: Prompt, tally: Tally) -> None:
        self._tally = tally
        self._envelope: Json = {
            "id": f"chatcmpl-{uuid4().hex}",
            "object": "chat.completion.chunk",
            "created": int(time.time()),
            "model": prompt.model,
            "service_tier": "default",
            "system_fingerprint": None,
        }
        self._reports_usage = bool((prompt.body.get("stream_options") or {}).get("include_usage"))
        if self._reports_usage:
            self._envelope["usage"] = None
        self._begun = False
        self._calls = 0

    def encode(self, speech: Speech) -> bytes:
        """Return the chunks for ``speech``. A keep-alive comment or an error does not begin the answer."""
        match speech:
            case PingAction():
                return KEEP_ALIVE
            case Break(fault, about):
                return data_frame({"error": _openai_errors.about_it(fault, about)})
        begin = b"" if self._begun else self._delta({"role": "assistant", "content": "", "refusal": None})
        self._begun = True
        return begin + self._encode(speech)

    def _encode(self, speech: Token | SignatureAction | Finish) -> bytes:
        match speech:
            case Say(text):
                return self._delta({"content": text})
            case Refuse(text):
                return self._delta({"refusal": text})
            case Think(text):
                return self._delta({"content": None, "reasoning_content": text})
            case SignatureAction():
                return b""
            case CallAction(name):
                function = {"name": name, "arguments": ""}
                call = {"id": f"call_{uuid4().hex[:24]}", "type": "function", "function": function}
                self._calls += 1
                return self._delta({"tool_calls": [{"index": self._calls - 1, **call}]})
            case Argue(text):
                more = {"index": self._calls - 1, "function": {"arguments": text}}
                return self._delta({"tool_calls": [more]})
            case Finish(reason):
                return self._delta({}, _FINISH_REASONS[reason]) + self._usage() + b"data: [DONE]\n\n"
            case _:
                assert_never(speech)

    def _delta(self, delta: Json, finish_reason: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
        return data_frame({**self._envelope, "choices": [choice]})

    def _usage(self) -> bytes:
        if not self._reports_usage or self._tally.is_hidden:
            return b""
        tally = self._tally
        usage = {
            "prompt_tokens": tally.input_tokens,
            "completion_tokens": tally.output_tokens,
            "total_tokens": tally.input_tokens + tally.output_tokens,
            "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
            "completion_tokens_details": {
                "reasoning_tokens": tally.thought,
                "audio_tokens": 0,
                "accepted_prediction_tokens": 0,
                "rejected_prediction_tokens": 0,
            },
        }
        return data_frame({**self._envelope, "choices": [], "usage": usage})
