"""Anthropic's Messages API, from the provider's side: named events over content blocks. Pure."""

import re
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
from emulator.wires import _anthropic_errors, _anthropic_rules
from emulator.wires._rules import RequestRules
from emulator.wires.frames import ErrorReply, named_frame
from providers.types import FinishReason, Json

KIND = "anthropic-messages"
PATH = re.compile(r"/v1/messages")
PREFIXES: tuple[str, ...] = ("/v1/messages",)

_STOP_REASONS = {
    FinishReason.END_TURN: "end_turn",
    FinishReason.TOOL_CALLS: "tool_use",
    FinishReason.MAX_TOKENS_EXCEEDED: "max_tokens",
    FinishReason.CONTENT_FILTER: "refusal",
}


def headers() -> dict[str, str]:
    """Return the headers of an answer."""
    return {"content-type": "text/event-stream; charset=utf-8", "request-id": _anthropic_errors.request_id()}


def read(_: HttpRequest, body: Json) -> Prompt:
    """Return the prompt in ``body``.

    Raises:
        LookupError: ``body`` lacks a field.
        TypeError: a field has a wrong type.
        AttributeError: a field has a wrong type.
    """
    messages = entries(body, "messages")
    texts = (_text(message["content"]) for message in reversed(messages) if message["role"] == "user")
    turn = since_the_user(messages, is_user=map(_is_of_the_user, messages))
    return Prompt(
        model=body["model"],
        streaming=body.get("stream") is True,
        # A user message that holds only results has no text of the user.
        user_text=next((text for text in texts if text), ""),
        rounds=grouped(
            _text(block.get("content", "")) if block["type"] == "tool_result" else None
            for message in turn
            for block in _blocks(message["content"])
        ),
        functions=tuple(
            Function(name=tool["name"], parameters=tool["input_schema"])
            for tool in body.get("tools") or ()
            if "input_schema" in tool
        ),
        body=body,
    )


def refusal(request: HttpRequest, body: Json, terms: RequestRules) -> ErrorReply | None:
    """Return the error for the first rule that the request breaks, or ``None``."""
    found = next(_anthropic_rules.refusals(body, terms, has_beta="anthropic-beta" in request.headers), None)
    return None if found is None else _anthropic_errors.refused(found)


def encoder(prompt: Prompt, tally: Tally) -> "MessagesEncoder":
    """Return an encoder for one answer."""
    return MessagesEncoder(prompt, tally)


def whole(prompt: Prompt, text: str) -> Json:
    """Return a complete message that says ``text``."""
    return {
        "model": prompt.model,
        "id": f"msg_{uuid4().hex[:24]}",
        "type": "message",
        "role": "assistant",
        "content": [{"type": "text", "text": text}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": 9, "output_tokens": 9},
    }


def error(fault: Fault, about: str, *, status: int | None = None, hint: Hint | None = None) -> ErrorReply:
    """Return Anthropic's error for ``fault``."""
    return _anthropic_errors.reply(fault, about, status=status, hint=hint)


def _is_of_the_user(message: Json) -> bool:
    """Return whether ``message`` is the user's own, and not only results."""
    return message["role"] == "user" and any(
        block["type"] != "tool_result" for block in _blocks(message["content"])
    )


def _blocks(content: str | list[Json]) -> list[Json]:
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


def _text(content: str | list[Json]) -> str:
    return "".join(block["text"] for block in _blocks(content) if block["type"] == "text")


class MessagesEncoder:
    """Turns speech into content blocks; one block at most is open."""

    def __init__(self, prompt: Prompt, tally: Tally) -> None:
        self._model = prompt.model
        self._tally = tally
        self._begun = False
        #: The type of the open block, or ``None``; `_index` is its index, or that of the next block.
        self._open: str | None = None
        self._index = 0

    def encode(self, speech: Speech) -> bytes:
        """Return the events for ``speech``. A ping or an error does not begin the answer."""
        match speech:
            case PingAction():
                return named_frame({"type": "ping"})
            case Break(fault, about):
                return named_frame(_anthropic_errors.event(fault, about))
        begin = b"" if self._begun else self._message_start()
        self._begun = True
        return begin + self._encode(speech)

    def _encode(self, speech: Token | SignatureAction | Finish) -> bytes:
        match speech:
            # This wire has no refusal in words: the words are text, and the stop reason says "refusal".
            case Say(text) | Refuse(text):
                begin = self._block({"type": "text", "text": ""})
                return begin + self._delta({"type": "text_delta", "text": text})
            case Think(text):
                begin = self._block({"type": "thinking", "thinking": "", "signature": ""})
                return begin + self._delta({"type": "thinking_delta", "thinking": text})
            case SignatureAction(value):
                return self._delta({"type": "signature_delta", "signature": value})
            case CallAction(name):
                call = {"type": "tool_use", "id": f"toolu_{uuid4().hex[:24]}", "name": name, "input": {}}
                return self._close() + self._block(call)
            case Argue(text):
                return self._delta({"type": "input_json_delta", "partial_json": text})
            case Finish(reason):
                return self._close() + self._message_end(reason)
            case _:
                assert_never(speech)

    def _block(self, block: Json) -> bytes:
        """Return the frames that begin ``block``; none if a block of its type is open."""
        if self._open == block["type"]:
            return b""
        closing = self._close()
        self._open = block["type"]
        start = named_frame({"type": "content_block_start", "index": self._index, "content_block": block})
        # Anthropic sends one ping, right after the start of the first block.
        return closing + start + (b"" if self._index else named_frame({"type": "ping"}))

    def _delta(self, delta: Json) -> bytes:
        return named_frame({"type": "content_block_delta", "index": self._index, "delta": delta})

    def _close(self) -> bytes:
        if self._open is None:
            return b""
        self._open = None
        self._index += 1
        return named_frame({"type": "content_block_stop", "index": self._index - 1})

    def _message_start(self) -> bytes:
        message: Json = {
            "model": self._model,
            "id": f"msg_{uuid4().hex[:24]}",
            "type": "message",
            "role": "assistant",
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
        }
        if not self._tally.is_hidden:
            message["usage"] = {
                **self._input_usage(),
                "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0},
                "output_tokens": self._tally.output_tokens,
                "service_tier": "standard",
            }
        return named_frame({"type": "message_start", "message": message})

    def _message_end(self, reason: FinishReason) -> bytes:
        delta: Json = {"stop_reason": _STOP_REASONS[reason], "stop_sequence": None}
        if reason is FinishReason.CONTENT_FILTER:
            delta["stop_details"] = {"type": "refusal", "category": None, "explanation": None}
        end: Json = {"type": "message_delta", "delta": delta}
        if not self._tally.is_hidden:
            end["usage"] = {
                **self._input_usage(),
                "output_tokens": self._tally.output_tokens,
                "output_tokens_details": {"thinking_tokens": self._tally.thought},
            }
        return named_frame(end) + named_frame({"type": "message_stop"})

    def _input_usage(self) -> Json:
        return {
            "input_tokens": self._tally.input_tokens,
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": 0,
        }
