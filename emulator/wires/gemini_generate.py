"""Gemini's streamGenerateContent, from the provider's side: each event is a response; CRLF. Pure."""

import json
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
)
from emulator.http1 import HttpRequest
from emulator.mechanics import COMMENT
from emulator.prompt import Function, Prompt, Round, entries, grouped, since_the_user
from emulator.wires import _gemini_errors, _gemini_rules
from emulator.wires._gemini_options import field
from emulator.wires._rules import RequestRules
from emulator.wires.frames import ErrorReply, data_frame
from providers.types import FinishReason, Json

KIND = "gemini-generate"
PATH = re.compile(
    r"/(?:v1|v1beta|v1alpha)/models/(?P<model>.+):(?P<method>streamGenerateContent|generateContent)"
)
PREFIXES: tuple[str, ...] = ("/v1beta/", "/v1alpha/", "/v1/models/")

_FINISH_REASONS = {
    FinishReason.END_TURN: "STOP",
    # Gemini has no separate finish reason for function calls.
    FinishReason.TOOL_CALLS: "STOP",
    FinishReason.MAX_TOKENS_EXCEEDED: "MAX_TOKENS",
    FinishReason.CONTENT_FILTER: "SAFETY",
}


def headers() -> dict[str, str]:
    """Return the headers of an answer; Google sends no request id."""
    return {"content-type": "text/event-stream"}


def read(request: HttpRequest, body: Json) -> Prompt:
    """Return the prompt in ``request``; the model and the method are in its path.

    Raises:
        LookupError: the path is not one of this wire, or ``body`` lacks a field.
        TypeError: a field has a wrong type.
        AttributeError: a field has a wrong type.
    """
    place = PATH.fullmatch(request.path)
    if place is None:
        raise LookupError(request.path)
    contents = entries(body, "contents")
    texts = (_text(content) for content in reversed(contents) if content.get("role", "user") == "user")
    return Prompt(
        model=place["model"],
        streaming=place["method"] == "streamGenerateContent" and request.query.get("alt") == ["sse"],
        user_text=next((text for text in texts if text), ""),
        rounds=_rounds(contents),
        functions=tuple(
            Function(
                name=function["name"],
                parameters=field(function, "parametersJsonSchema") or function.get("parameters") or {},
            )
            for tool in body.get("tools") or ()
            for function in field(tool, "functionDeclarations") or ()
        ),
        body=body,
    )


def _rounds(contents: list[Json]) -> tuple[Round, ...]:
    turn = since_the_user(contents, is_user=map(_is_of_the_user, contents))
    parts = (part for content in turn for part in content["parts"])
    return grouped(
        json.dumps(response["response"], ensure_ascii=False)
        if (response := field(part, "functionResponse"))
        else None
        for part in parts
    )


def _is_of_the_user(content: Json) -> bool:
    """Return whether ``content`` is the user's own, and not only function responses."""
    return content.get("role", "user") == "user" and any(
        not field(part, "functionResponse") for part in content["parts"]
    )


def refusal(_: HttpRequest, body: Json, terms: RequestRules) -> ErrorReply | None:
    """Return the error for the first rule that the request breaks, or ``None``."""
    found = next(_gemini_rules.refusals(body, terms), None)
    return None if found is None else _gemini_errors.refused(found)


def encoder(prompt: Prompt, tally: Tally) -> "GenerateEncoder":
    """Return an encoder for one answer."""
    return GenerateEncoder(prompt, tally)


def whole(prompt: Prompt, text: str) -> Json:
    """Return a complete response that says ``text``; it has the form of a stream's only chunk."""
    content = {"parts": [{"text": text}], "role": "model"}
    return {
        "candidates": [{"content": content, "finishReason": "STOP", "index": 0}],
        "usageMetadata": {"promptTokenCount": 9, "candidatesTokenCount": 9, "totalTokenCount": 18},
        "modelVersion": prompt.model,
        "responseId": uuid4().hex[:22],
    }


def error(fault: Fault, about: str, *, status: int | None = None, hint: Hint | None = None) -> ErrorReply:
    """Return Google's error for ``fault``."""
    return _gemini_errors.reply(fault, about, status=status, hint=hint)


def _text(content: Json) -> str:
    return "".join(part.get("text", "") for part in content["parts"])


def _object(arguments: str) -> Json:
    """Return ``arguments`` as an object, the only form on this wire; text that is not one is put into one."""
    try:
        found = json.loads(arguments or "{}", parse_constant=_no_constant)
    except (ValueError, RecursionError):
        found = None
    return found if isinstance(found, dict) else {"not_an_object": arguments}


def _no_constant(name: str) -> object:
    raise ValueError(name)


class GenerateEncoder:
    """Turns speech into chunks; a function call is sent in one chunk when its arguments are complete."""

    def __init__(self, prompt: Prompt, tally: Tally) -> None:
        self._model = prompt.model
        self._tally = tally
        self._id = uuid4().hex[:22]
        self._call: str | None = None
        self._arguments: list[str] = []
        self._seal: str | None = None

    def encode(self, speech: Speech) -> bytes:
        """Return the chunks for ``speech``."""
        match speech:
            case Say(text) | Refuse(text):
                return self._flush_call() + self._chunk({"text": text})
            case Think(text):
                return self._flush_call() + self._chunk({"text": text, "thought": True})
            case SignatureAction(value):
                self._seal = value
                return b""
            case CallAction(name):
                flushed = self._flush_call()
                self._call = name
                return flushed
            case Argue(text):
                self._arguments.append(text)
                return b""
            case Finish(reason):
                return self._flush_call() + self._chunk({"text": ""}, _FINISH_REASONS[reason])
            case PingAction():
                return COMMENT
            case Break(fault, about):
                return data_frame(_gemini_errors.reply(fault, about).body, newline=b"\r\n")
            case _:
                assert_never(speech)

    def _flush_call(self) -> bytes:
        if self._call is None:
            return b""
        call = {"name": self._call, "args": _object("".join(self._arguments)), "id": uuid4().hex[:8]}
        self._call = None
        self._arguments.clear()
        return self._chunk({"functionCall": call})

    def _chunk(self, part: Json, finish_reason: str | None = None) -> bytes:
        # As in Gemini 3, the signature of the thoughts comes with the first call or at the end.
        if self._seal is not None and ("functionCall" in part or finish_reason):
            part = {**part, "thoughtSignature": self._seal}
            self._seal = None
        candidate: Json = {"content": {"parts": [part], "role": "model"}, "index": 0}
        if finish_reason is not None:
            candidate["finishReason"] = finish_reason
        chunk: Json = {"candidates": [candidate], "modelVersion": self._model, "responseId": self._id}
        if not self._tally.is_hidden:
            chunk["usageMetadata"] = self._usage()
        return data_frame(chunk, newline=b"\r\n")

    def _usage(self) -> Json:
        """Return the token totals so far; output counts of 0 are left out, as Google does."""
        tally = self._tally
        usage: Json = {
            "promptTokenCount": tally.input_tokens,
            "totalTokenCount": tally.input_tokens + tally.output_tokens,
            "promptTokensDetails": [{"modality": "TEXT", "tokenCount": tally.input_tokens}],
        }
        if tally.said:
            usage["candidatesTokenCount"] = tally.said
        if tally.thought:
            usage["thoughtsTokenCount"] = tally.thought
        return usage
