"""The messages of a conversation, and the parts that they consist of."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal

type Json = dict[str, Any]


class Role(StrEnum):
    """The author of a message. A system prompt is a field of the request, not a message."""

    USER = "user"
    ASSISTANT = "assistant"
    TOOL = "tool"


@dataclass(frozen=True, kw_only=True, slots=True)
class TextPart:
    """Text of the answer or the prompt. A refusal in words is text with ``refusal`` set."""

    text: str
    refusal: bool = False
    #: Citations as the wire reported them.
    annotations: tuple[Json, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class ReasoningPart:
    """The model's reasoning, as far as the provider shows it.

    ``sealed`` is the provider's opaque artefact: a signature, encrypted content or redacted thinking. The message's
    ``native`` form is sent back to the provider, not this part.
    """

    text: str
    sealed: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class ToolCallPart:
    """A function call. ``arguments`` is the text exactly as it was streamed; it may be no JSON."""

    id: str
    name: str
    arguments: str
    #: False when the stream was cut before the arguments ended: such a call never goes back.
    complete: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)
class MediaPart:
    """A file in a user's message: its bytes, or a URL from which the provider loads it."""

    kind: Literal["image", "document", "audio", "video"]
    #: Such as ``image/png``; empty where only its address is known.
    mime_type: str
    #: In base64.
    data: str | None = field(default=None, repr=False)
    url: str | None = None
    name: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class ToolResultPart:
    """The result of the function call ``call_id``."""

    call_id: str
    name: str
    content: str
    is_error: bool = False
    #: Pictures and other files that the tool made. Each wire shows those that it takes in a result.
    media: tuple[MediaPart, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class ProviderItemPart:
    """Any other item in an answer: a server tool's call or result, an image, a citation."""

    kind: str
    data: Json


type Part = TextPart | MediaPart | ReasoningPart | ToolCallPart | ToolResultPart | ProviderItemPart


@dataclass(frozen=True, kw_only=True, slots=True)
class Origin:
    """The wire, provider and model of an answer. Only the same origin gets its ``native`` items back."""

    wire: str
    provider: str
    model: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ChatMessage:
    """One message of a conversation.

    ``native`` holds the complete items of an answer in the wire's own format and order. They can be sent back
    unchanged to ``origin``, signatures and encrypted reasoning included.
    """

    role: Role
    parts: tuple[Part, ...]
    origin: Origin | None = None
    native: tuple[Json, ...] = ()
    #: The wire whose provider refused the turn: it is not sent there again.
    refused_by: str | None = None
