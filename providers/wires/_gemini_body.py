"""The request side of Gemini's ``generateContent``: a ``ModelRequest`` as its JSON body.

Pure. The model's name is not in the body but in the path. Rules that shape this: roles alternate;
a turn of function responses follows its calls at once, as many and in the same order; signed parts
go back as they came.
"""

import json
import re

from providers.history import answerable
from providers.types import (
    Json,
    Message,
    ModelOptions,
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

#: Signatures are demanded of these on the first call of every step; it is ``latest`` for good.
_SIGNING = re.compile(r"gemini-([3-9]|\d\d|(pro|flash|flash-lite)-latest)")
#: These take a budget instead of a level.
_BUDGETED = re.compile(r"gemini-2\.5")
#: What shares their names and cannot think; it refuses a ``thinkingConfig``.
_UNTHINKING = re.compile(r"image|tts|audio|live|embedding")

#: What stands in for the signature of a call that another model made; the value is Google's own:
#: https://ai.google.dev/gemini-api/docs/thought-signatures
_NO_SIGNATURE = "skip_thought_signature_validator"

#: Google's own equivalents of an effort: https://ai.google.dev/gemini-api/docs/openai
_BUDGETS = {"minimal": 1_024, "low": 1_024, "medium": 8_192, "high": 24_576}


def build_body(request: ModelRequest) -> Json:
    """Return the body of ``:streamGenerateContent``, history included."""
    conversation = _Conversation(request.origin)
    for message in answerable(request.messages):
        conversation.add(message)
    body: Json = {"contents": conversation.contents}
    if request.system.strip():
        body["systemInstruction"] = {"parts": [{"text": request.system}]}
    if request.tools:
        body["tools"] = [{"functionDeclarations": [_declaration(spec) for spec in request.tools]}]
    if config := _generation(_bare(request.origin.model), request.options):
        body["generationConfig"] = config
    return body


def _bare(model: str) -> str:
    """The model's own name, without a path such as ``models/``."""
    return model.rpartition("/")[2]


def _declaration(spec: ToolSpec) -> Json:
    declaration: Json = {"name": spec.name}
    if spec.description:
        declaration["description"] = spec.description
    if spec.parameters:
        declaration["parametersJsonSchema"] = spec.parameters
    return declaration


def _generation(model: str, options: ModelOptions) -> Json:
    config: Json = {}
    if options.max_output_tokens is not None:
        config["maxOutputTokens"] = options.max_output_tokens
    if options.temperature is not None:
        config["temperature"] = options.temperature
    effort = options.reasoning_effort
    if _UNTHINKING.search(model):
        return config
    if _BUDGETED.match(model):
        config["thinkingConfig"] = {"includeThoughts": True}
        if effort is not None:
            config["thinkingConfig"]["thinkingBudget"] = _BUDGETS.get(effort, _BUDGETS["high"])
    elif _SIGNING.match(model):
        config["thinkingConfig"] = {"includeThoughts": True}
        if effort is not None:
            config["thinkingConfig"]["thinkingLevel"] = effort.upper()
    return config


class _Conversation:
    """The contents so far, and with which id each call of the last model content went out."""

    def __init__(self, origin: Origin) -> None:
        self.contents: list[Json] = []
        self._origin = origin
        self._signs = _SIGNING.match(_bare(origin.model)) is not None
        #: By our id; ``None`` where the provider gave the call no id.
        self._sent_ids: dict[str, str | None] = {}

    def add(self, message: Message) -> None:
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

    def _model(self, message: Message) -> list[Json]:
        calls = [part.id for part in message.parts if isinstance(part, ToolCallPart)]
        sent = [part["functionCall"].get("id") for part in message.native if "functionCall" in part]
        if message.origin == self._origin and len(sent) == len(calls):
            self._sent_ids = dict(zip(calls, sent, strict=True))
            return list(message.native)
        self._sent_ids = {call_id: call_id for call_id in calls}
        return self._converted(message)

    def _converted(self, message: Message) -> list[Json]:
        parts: list[Json] = []
        unsigned = self._signs
        for part in message.parts:
            match part:
                case TextPart(text=text) if text:
                    parts.append({"text": text})
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
                    parts.append({"functionResponse": self._response(part)})
                case TextPart() | ReasoningPart() | ProviderItemPart():
                    # Empty, or readable for nobody but the provider that made it.
                    pass
        return parts

    def _response(self, part: ToolResultPart) -> Json:
        response: Json = {
            "name": part.name,
            "response": {"error" if part.is_error else "output": part.content},
        }
        call_id = self._sent_ids[part.call_id]
        return response if call_id is None else {"id": call_id, **response}
