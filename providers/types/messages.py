"""A conversation as providers see it: messages and their parts. Frozen data only."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal

type Json = dict[str, Any]


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
