"""The input and the result of a provider call, independent of any provider.

Frozen data only: nothing here knows a wire, an SDK, the database or a run.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Literal

from providers.types import quirks
from providers.types.quirks import Quirks
from providers.types.usage import Usage

type Json = dict[str, Any]


class FinishReason(StrEnum):
    """Why a call that did not fail ended. Failures are ``LLMError`` subclasses instead."""

    #: The model said all it had to say (also after a stop sequence).
    END_TURN = "end_turn"
    #: The model waits for the results of function calls.
    TOOL_CALLS = "tool_calls"
    #: The output limit cut the answer.
    MAX_TOKENS_EXCEEDED = "max_tokens_exceeded"
    #: A refusal in words, or a filter that stopped an answer after it had begun.
    CONTENT_FILTER = "content_filter"


class Role(StrEnum):
    """Who a message is from. A system prompt is a field of the request, not a message."""

    USER = "user"
    ASSISTANT = "assistant"
    TOOL = "tool"


@dataclass(frozen=True, kw_only=True, slots=True)
class TextPart:
    """Words. A refusal's words are text too, and say so."""

    text: str
    refusal: bool = False
    #: Citations as the wire reported them.
    annotations: tuple[Json, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class ReasoningPart:
    """The model's reasoning, as far as the provider shows it.

    ``sealed`` is the provider's opaque artefact (a signature, encrypted content or redacted
    thinking); what goes back to the provider is the message's ``native`` form, not this.
    """

    text: str
    sealed: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class ToolCallPart:
    """A function call. ``arguments`` is JSON text exactly as it was streamed."""

    id: str
    name: str
    arguments: str
    #: False when the stream ended before the arguments did: such a call never goes back.
    complete: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)
class ToolResultPart:
    """The answer to the function call ``call_id``."""

    call_id: str
    name: str
    content: str
    is_error: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class MediaPart:
    """A file that a user shows the model: its bytes, or where the provider itself finds them."""

    kind: Literal["image", "document", "audio", "video"]
    #: Such as ``image/png``; empty where only its address is known.
    mime_type: str
    #: In base64.
    data: str | None = field(default=None, repr=False)
    url: str | None = None
    name: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class ProviderItemPart:
    """Anything else that a provider puts into an answer: a server tool, an image, a citation."""

    kind: str
    data: Json


type Part = TextPart | MediaPart | ReasoningPart | ToolCallPart | ToolResultPart | ProviderItemPart


@dataclass(frozen=True, kw_only=True, slots=True)
class Origin:
    """Where an answer came from. Only the same origin gets its ``native`` items back."""

    wire: str
    provider: str
    model: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ChatMessage:
    """One turn of a conversation.

    ``native`` holds the wire's own items, in order and complete ones only, ready to be sent
    back unchanged to ``origin``: signatures and encrypted reasoning survive in there.
    """

    role: Role
    parts: tuple[Part, ...]
    origin: Origin | None = None
    native: tuple[Json, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class ToolSpec:
    """A function that the model may call. ``parameters`` is a JSON Schema."""

    name: str
    description: str = ""
    parameters: Json = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelOptions:
    """Options of a call. ``None``, or an empty value, means the provider's default.

    Each wire says these in its provider's words, and refuses what it has no words for with
    ``LLMUnsupportedError`` before anything is sent.
    """

    max_output_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    #: ``minimal``, ``low``, ``medium`` or ``high``, or what the provider itself calls it.
    reasoning_effort: str | None = None
    #: Tokens for reasoning; 0 switches it off. A provider that supports efforts only receives a fitting one. If you
    #: give both, each provider receives the one that it supports.
    reasoning_budget: int | None = None
    #: Words at which the model stops, without saying them.
    stop_sequences: tuple[str, ...] = ()
    #: ``auto``, ``none``, ``required`` (some function), or the name of the one function to call.
    tool_choice: str | None = None
    #: A JSON Schema that the answer must follow.
    output_schema: Json | None = None
    #: How long the provider may keep the prompt for the next call: ``short`` (minutes) or ``long``.
    cache: str | None = None
    #: Fields of the provider's own, added to the body as they are.
    provider_options: Json = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelRequest:
    """One call. ``origin`` names the target: its wire, provider and model."""

    origin: Origin
    messages: tuple[ChatMessage, ...]
    system: str = ""
    tools: tuple[ToolSpec, ...] = ()
    options: ModelOptions = ModelOptions()
    #: How the target's server differs from its wire.
    quirks: Quirks = quirks.NONE

    def made_for(self, origin: Origin, quirks: Quirks) -> "ModelRequest":
        """Return the same request for another target; one provider's own fields are no other's."""
        options = self.options
        if origin.provider != self.origin.provider:
            options = replace(options, provider_options={})
        return replace(self, origin=origin, quirks=quirks, options=options)


@dataclass(frozen=True, kw_only=True, slots=True)
class StepResult:
    """All that one call said, used and ended with; partial when it was cut or failed."""

    parts: tuple[Part, ...]
    native: tuple[Json, ...]
    #: ``None`` when the call did not come to its end.
    stop_reason: FinishReason | None
    #: The provider's own word for it.
    raw_stop_reason: str | None
    usage: Usage
    #: The usage object(s) exactly as the wire sent them.
    raw_usage: Json | None
    response_id: str | None
    #: The model that answered, as the provider names it.
    model: str | None
    #: True exactly when a cancel closed the stream after its 2xx headers and before its end.
    stream_was_cancelled: bool
    #: The response in the provider's own non-streaming shape, for the trace.
    response: Mapping[str, Any]

    @property
    def text(self) -> str:
        """Every word that was said, in order, without separators."""
        return "".join(part.text for part in self.parts if isinstance(part, TextPart))

    @property
    def tool_calls(self) -> tuple[ToolCallPart, ...]:
        """Every function call, in order, complete or not."""
        return tuple(part for part in self.parts if isinstance(part, ToolCallPart))
