"""OpenAI's Responses API, from the provider's side: named, numbered events over output items. Pure."""

import re
import time
from collections.abc import Iterator
from itertools import chain
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
from emulator.wires import _openai_errors, _openai_responses_rules
from emulator.wires._openai_items import FunctionCall, Item, MessageItem, Reasoning
from emulator.wires._rules import RequestRules
from emulator.wires.frames import ErrorReply, named_frame
from providers.types import FinishReason, Json

KIND = "openai-responses"
PATH = re.compile(r"/v1/responses")
PREFIXES: tuple[str, ...] = ("/v1/responses",)


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
    text = body["input"]
    items = [{"role": "user", "content": text}] if isinstance(text, str) else entries(body, "input")
    from_user = (item for item in reversed(items) if item.get("role") == "user")
    turn = since_the_user(items, is_user=[item.get("role") == "user" for item in items])
    return Prompt(
        model=body["model"],
        streaming=body.get("stream") is True,
        user_text=next((_text(item["content"]) for item in from_user), ""),
        rounds=grouped(
            _text(item["output"]) if item.get("type") == "function_call_output" else None for item in turn
        ),
        functions=tuple(
            Function(name=tool["name"], parameters=tool.get("parameters") or {})
            for tool in body.get("tools") or ()
            if tool["type"] == "function"
        ),
        body=body,
    )


def refusal(_: HttpRequest, body: Json, terms: RequestRules) -> ErrorReply | None:
    """Return the error for the first rule that the request breaks, or ``None``."""
    found = next(_openai_responses_rules.refusals(body, terms), None)
    return None if found is None else _openai_errors.refused(found)


def encoder(prompt: Prompt, tally: Tally) -> "ResponsesEncoder":
    """Return an encoder for one answer."""
    return ResponsesEncoder(prompt, tally)


def whole(prompt: Prompt, text: str) -> Json:
    """Return a complete response that says ``text``."""
    return ResponsesEncoder(prompt, Tally(input_tokens=9)).whole(text)


def error(fault: Fault, about: str, *, status: int | None = None, hint: Hint | None = None) -> ErrorReply:
    """Return OpenAI's error for ``fault``."""
    return _openai_errors.reply(fault, about, status=status, hint=hint)


def _text(content: str | list[Json]) -> str:
    if isinstance(content, str):
        return content
    return "".join(part["text"] for part in content if part["type"] == "input_text")


class ResponsesEncoder:
    """Turns speech into output items; each item is closed before the next begins."""

    def __init__(self, prompt: Prompt, tally: Tally) -> None:
        self._tally = tally
        self._body = prompt.body
        self._id = f"resp_{uuid4().hex}"
        self._created = int(time.time())
        self._sequence = 0
        self._begun = False
        self._item: Item | None = None
        self._output: list[Json] = []

    def encode(self, speech: Speech) -> bytes:
        """Return the events for ``speech``."""
        return b"".join(self._numbered(event) for event in self._events(speech))

    def _numbered(self, event: Json) -> bytes:
        frame = named_frame({**event, "sequence_number": self._sequence})
        self._sequence += 1
        return frame

    def whole(self, text: str) -> Json:
        """Return a complete response that says ``text``."""
        for _ in chain(self._events(Say(text)), self._close("completed")):
            pass
        response: Json = self._terminal("completed")["response"]
        return response

    def _events(self, speech: Speech) -> Iterator[Json]:
        match speech:
            case PingAction():
                yield {"type": "keepalive"}
            case Break(fault, about):
                yield from self._failure(_openai_errors.about_it(fault, about))
            case _:
                yield from self._said(speech)

    def _failure(self, error: Json) -> Iterator[Json]:
        """Yield the events of a failure; ``error`` comes first if the answer has not begun, as recorded."""
        if not self._begun:
            yield {"type": "error", "error": error}
        response = self._response("failed")
        otherwise = "invalid_prompt" if error["type"] == "invalid_request_error" else "server_error"
        response["error"] = {"code": error["code"] or otherwise, "message": error["message"]}
        yield {"type": "response.failed", "response": response}

    def _said(self, speech: Token | SignatureAction | Finish) -> Iterator[Json]:
        if not self._begun:
            self._begun = True
            yield {"type": "response.created", "response": self._response("in_progress")}
            yield {"type": "response.in_progress", "response": self._response("in_progress")}
        match speech:
            case Say(text):
                yield from self._say(text, part_type="output_text")
            case Refuse(text):
                yield from self._say(text, part_type="refusal")
            case Think(text):
                item = self._item
                if not isinstance(item, Reasoning):
                    item = Reasoning()
                    yield from self._open(item)
                yield item.delta(text)
            case SignatureAction(value):
                if isinstance(self._item, Reasoning) and self._wants_sealed_reasoning:
                    self._item.encrypted_content = value
            case CallAction(name):
                yield from self._open(FunctionCall(name))
            case Argue(text):
                if self._item is not None:
                    yield self._item.delta(text)
            case Finish(reason):
                cut = reason is FinishReason.MAX_TOKENS_EXCEEDED
                yield from self._close("incomplete" if cut else "completed")
                yield self._terminal("incomplete" if cut else "completed")
            case _:
                assert_never(speech)

    @property
    def _wants_sealed_reasoning(self) -> bool:
        """Whether the client asks for encrypted reasoning; clients without storage at OpenAI need it."""
        return "reasoning.encrypted_content" in (self._body.get("include") or ())

    def _say(self, text: str, *, part_type: str) -> Iterator[Json]:
        item = self._item
        if not isinstance(item, MessageItem) or item.part_type != part_type:
            item = MessageItem(part_type)
            yield from self._open(item)
        yield item.delta(text)

    def _open(self, item: Item) -> Iterator[Json]:
        yield from self._close("completed")
        self._item = item
        item.index = len(self._output)
        yield from item.opening()

    def _close(self, status: str) -> Iterator[Json]:
        if self._item is not None:
            yield from self._item.closing(status)
            self._output.append(self._item.as_json(status))
            self._item = None

    def _terminal(self, status: str) -> Json:
        tally = self._tally
        response = self._response(status)
        response["usage"] = (
            None
            if tally.is_hidden
            else {
                "input_tokens": tally.input_tokens,
                "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
                "output_tokens": tally.output_tokens,
                "output_tokens_details": {"reasoning_tokens": tally.thought},
                "total_tokens": tally.input_tokens + tally.output_tokens,
            }
        )
        if status == "incomplete":
            response["incomplete_details"] = {"reason": "max_output_tokens"}
        return {"type": f"response.{status}", "response": response}

    def _response(self, status: str) -> Json:
        body = self._body
        return {
            "id": self._id,
            "object": "response",
            "created_at": self._created,
            "status": status,
            "background": False,
            "error": None,
            "incomplete_details": None,
            "instructions": body.get("instructions"),
            "max_output_tokens": body.get("max_output_tokens"),
            "model": body["model"],
            "output": list(self._output),
            "parallel_tool_calls": body.get("parallel_tool_calls", True),
            "previous_response_id": body.get("previous_response_id"),
            "reasoning": body.get("reasoning") or {"effort": None, "summary": None},
            "service_tier": "default",
            "store": body.get("store", True),
            "temperature": body.get("temperature", 1.0),
            "text": body.get("text") or {"format": {"type": "text"}},
            "tool_choice": body.get("tool_choice", "auto"),
            "tools": body.get("tools") or [],
            "top_p": body.get("top_p", 1.0),
            "truncation": body.get("truncation", "disabled"),
            "usage": None,
            "user": None,
            "metadata": body.get("metadata") or {},
        }
