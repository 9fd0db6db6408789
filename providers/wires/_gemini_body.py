"""The request side of Gemini's ``generateContent``: a ``ModelRequest`` as its JSON body.

Pure. The model's name is not in the body but in the path. Rules that shape this: roles alternate;
a turn of function responses follows its calls at once, as many and in the same order; signed parts
go back as they came.
"""

import json
import re
from collections.abc import Callable, Sequence

from providers.types import (
    ChatMessage,
    Json,
    MediaPart,
    ModelRequest,
    Origin,
    ProviderItemPart,
    ReasoningPart,
    Role,
    TextPart,
    ToolCallPart,
    ToolResultPart,
    ToolSpec,
)
from providers.wires._gemini_options import RESERVED, SIGNING, bare, show, tuned
from providers.wires._media import DOCUMENTS, PICTURES, split_result, with_notes
from providers.wires._options import check_names, with_own_fields
from providers.wires.answerable_history import CallGrammar, answerable

#: What stands in for the signature of a call that another model made; the value is Google's own:
#: https://ai.google.dev/gemini-api/docs/thought-signatures
_NO_SIGNATURE = "skip_thought_signature_validator"


def _rewrite(part: Json, name: Callable[[str], str]) -> Json:
    call = part.get("functionCall")
    return part if call is None else {**part, "functionCall": {**call, "name": name(call.get("name") or "")}}


#: The media types of files in a tool's result: https://ai.google.dev/gemini-api/docs/function-calling
_IN_RESULTS = PICTURES - {"image/gif"} | DOCUMENTS

_GRAMMAR = CallGrammar(name=re.compile(r"[a-zA-Z_][a-zA-Z0-9_.:-]{0,63}"), rewrite=_rewrite)


def build_body(request: ModelRequest) -> Json:
    """Return the body of ``:streamGenerateContent``, history included.

    Raises:
        LLMUnsupportedError: the API has no words for one of the options.
    """
    check_names(request, _GRAMMAR.name)
    conversation = _GeminiContents(request.origin)
    for message in with_notes(answerable(request, _GRAMMAR), show):
        conversation.add(message)
    body: Json = {"contents": conversation.contents}
    if request.system.strip():
        body["systemInstruction"] = {"parts": [{"text": request.system}]}
    if request.tools:
        body["tools"] = [{"functionDeclarations": [_declaration(spec) for spec in request.tools]}]
    return with_own_fields(body | tuned(request), request, reserved=RESERVED)


def _declaration(spec: ToolSpec) -> Json:
    declaration: Json = {"name": spec.name}
    if spec.description:
        declaration["description"] = spec.description
    if spec.parameters:
        declaration["parametersJsonSchema"] = spec.parameters
    return declaration


def _with_ids(parts: Sequence[Json], ids: Sequence[str]) -> list[Json]:
    """Return ``parts`` with ``ids`` in their calls, in order."""
    left = iter(ids)
    return [
        {**part, "functionCall": {**part["functionCall"], "id": next(left)}}
        if "functionCall" in part
        else part
        for part in parts
    ]


class _GeminiContents:
    """The contents so far, and with which id each call of the last model content went out."""

    def __init__(self, origin: Origin) -> None:
        self.contents: list[Json] = []
        self._origin = origin
        self._signs = SIGNING.match(bare(origin.model)) is not None
        #: By our id; ``None`` where the provider gave the call no id.
        self._sent_ids: dict[str, str | None] = {}

    def add(self, message: ChatMessage) -> None:
        """Append ``message``, merged into the last content where that has the same role."""
        match message.role:
            case Role.ASSISTANT:
                self._append("model", self._model(message))
            case Role.USER | Role.TOOL:
                self._append("user", self._converted(message))

    def _append(self, role: str, parts: list[Json]) -> None:
        if not parts:
            return
        if self.contents and self.contents[-1]["role"] == role:
            self.contents[-1]["parts"].extend(parts)
        else:
            self.contents.append({"role": role, "parts": parts})

    def _model(self, message: ChatMessage) -> list[Json]:
        calls = [part.id for part in message.parts if isinstance(part, ToolCallPart)]
        sent = [part["functionCall"].get("id") for part in message.native if "functionCall" in part]
        if message.native and message.origin == self._origin and len(sent) == len(calls):
            named = [call_id for call_id in sent if call_id]
            if len(set(named)) == len(named):
                self._sent_ids = dict(zip(calls, sent, strict=True))
                return list(message.native)
            # A gateway that has given several calls one id: the results would be anybody's.
            self._sent_ids = {call_id: call_id for call_id in calls}
            return _with_ids(message.native, calls)
        self._sent_ids = {call_id: call_id for call_id in calls}
        return self._converted(message)

    def _converted(self, message: ChatMessage) -> list[Json]:
        parts: list[Json] = []
        #: The files of results, for models that take none within a result.
        beside: list[Json] = []
        unsigned = self._signs
        for part in message.parts:
            match part:
                case TextPart(text=text) if text:
                    parts.append({"text": text})
                case MediaPart():
                    parts.append(show(part))
                case ToolCallPart():
                    arguments = json.loads(part.arguments or "{}")
                    call: Json = {
                        "functionCall": {"id": part.id, "name": part.name, "args": arguments},
                    }
                    if unsigned:
                        call["thoughtSignature"] = _NO_SIGNATURE
                        unsigned = False
                    parts.append(call)
                case ToolResultPart():
                    text, files = split_result(part, _IN_RESULTS)
                    response = self._response(part, text)
                    parts.append({"functionResponse": response})
                    if files and self._signs:
                        response["parts"] = [show(file) for file in files]
                    else:
                        beside += map(show, files)
                case TextPart() | ReasoningPart() | ProviderItemPart():
                    # Empty, or readable for nobody but the provider that made it.
                    pass
        return [*parts, *beside]

    def _response(self, part: ToolResultPart, text: str) -> Json:
        response: Json = {"name": part.name, "response": {"error" if part.is_error else "output": text}}
        call_id = self._sent_ids[part.call_id]
        return response if call_id is None else {"id": call_id, **response}
