"""The assistant message of a Chat Completions stream while it grows.

Knows its three shapes: our parts, the message that may be sent back, and the one that would have
come without streaming. It must never know a chunk or what an end means.
"""

from enum import Enum
from typing import Any

from providers.text.cleaning import joined
from providers.types import Json, Part, ProviderItemPart, ReasoningPart, TextPart
from providers.types.events import ProviderItem
from providers.wires._openai_calls import OpenAiCall
from providers.wires._openai_chat_body import tool_call
from providers.wires._openai_chat_reasoning import ReasoningDetails
from providers.wires._openai_chat_shapes import combined, is_signed, with_words
from providers.wires.emptiness import has_content, is_blank


class DeltaKind(Enum):
    """What a run of words is."""

    #: Words of the answer.
    TEXT = "text"
    #: Words of a refusal.
    REFUSAL = "refusal"
    #: What the model thinks.
    THOUGHT = "thought"
    #: Words of the answer that came as thoughts and are said again.
    ECHO = "echo"


class _Words:
    """Words of one kind that came without anything in between."""

    __slots__ = ("index", "kind", "pieces", "sealed")

    def __init__(self, kind: DeltaKind, index: int) -> None:
        self.kind = kind
        self.pieces: list[str] = []
        #: The ordinal of a thought among the thoughts.
        self.index = index
        self.sealed: str | None = None

    @property
    def text(self) -> str:
        return joined(self.pieces)


class AssistantMessage:
    """Words, thoughts, calls and other items, in arrival order."""

    def __init__(self, *, thoughts_go_back_as: str | None = None) -> None:
        """Take the field in which the server wants thoughts back."""
        self._thoughts_go_back_as = thoughts_go_back_as
        #: OpenRouter's details and LiteLLM's blocks.
        self.details = ReasoningDetails()
        self.blocks = ReasoningDetails()
        #: Parts of the content that were thoughts, as they came.
        self.thought_parts: list[Json] = []
        #: What a thought was beside its words, where it was an object.
        self.thought_fields: Json = {}
        self.annotations: list[Json] = []
        self.pictures: list[Json] = []
        #: The field in which the server spells out thoughts.
        self.thoughts_name = "reasoning"
        self._opaque: Json = {}
        self._parts: list[_Words | OpenAiCall | ProviderItemPart] = []
        self._open: _Words | None = None
        self._thought: _Words | None = None
        self._thoughts = 0

    @property
    def has_parts(self) -> bool:
        """Whether there is anything at all."""
        return bool(self._parts)

    @property
    def has_text(self) -> bool:
        """Whether there are words of the answer, or of a refusal, that are not blank."""
        return any(
            _is_text(part) and not is_blank(part.text) for part in self._parts if isinstance(part, _Words)
        )

    @property
    def has_content(self) -> bool:
        """Whether there is anything but thoughts and blanks."""
        return has_content(self.parts())

    @property
    def refused(self) -> bool:
        """Whether there are words of a refusal."""
        return any(isinstance(part, _Words) and part.kind is DeltaKind.REFUSAL for part in self._parts)

    @property
    def thoughts(self) -> str:
        """All words of the thoughts."""
        return self._joined(DeltaKind.THOUGHT)

    @property
    def text(self) -> str:
        """All words of the answer."""
        return self._joined(DeltaKind.TEXT)

    @property
    def refusal(self) -> str:
        """All words of a refusal."""
        return self._joined(DeltaKind.REFUSAL)

    def keep_opaque(self, fields: Json) -> None:
        """Keep fields that go back unchanged."""
        self._opaque = combined(self._opaque, fields)

    def say(self, kind: DeltaKind, text: str) -> int:
        """Append words; return the ordinal of the thought, 0 for others."""
        words = self._open
        if words is None or words.kind is not kind or words.sealed is not None:
            words = self._begin(kind)
        words.pieces.append(text)
        return words.index

    def seal(self, value: str) -> int:
        """Put a signature or encrypted content on the latest thought that has none; return its ordinal."""
        thought = self._thought
        if thought is None or thought.sealed is not None:
            thought = self._begin(DeltaKind.THOUGHT)
        thought.sealed = value
        return thought.index

    def put_call(self, call: OpenAiCall) -> None:
        """Append a call, which goes on growing."""
        self._open = None
        self._parts.append(call)

    def put_item(self, kind: str, data: Json) -> ProviderItem:
        """Append something complete of another kind; return the event that says so."""
        self._open = None
        self._parts.append(ProviderItemPart(kind=kind, data=data))
        return ProviderItem(kind, data)

    def _begin(self, kind: DeltaKind) -> _Words:
        self._open = words = _Words(kind, 0)
        if kind is DeltaKind.THOUGHT:
            words.index, self._thought = self._thoughts, words
            self._thoughts += 1
        self._parts.append(words)
        return words

    def parts(self) -> list[Part]:
        """Return the message in our terms. The citations go with the last words."""
        last = next((part for part in reversed(self._parts) if _is_text(part)), None)
        parts: list[Part] = []
        for part in self._parts:
            match part:
                case _Words(kind=DeltaKind.THOUGHT):
                    parts.append(ReasoningPart(text=part.text, sealed=part.sealed))
                case _Words():
                    cited = tuple(self.annotations) if part is last else ()
                    refusal = part.kind is DeltaKind.REFUSAL
                    parts.append(TextPart(text=part.text, refusal=refusal, annotations=cited))
                case OpenAiCall():
                    if (call := part.as_part()) is not None:
                        parts.append(call)
                case ProviderItemPart():
                    parts.append(part)
        return parts

    def native(self, *, is_whole: bool) -> list[Json]:
        """Return the message as the same server takes it again, or nothing when nothing is left.

        Without an answer or a complete call there is no message. Thoughts go back with their
        signatures, unless they were cut.
        """
        echo, refusal = self._joined(DeltaKind.ECHO), self.refusal
        text = echo if is_blank(self.text) else self.text
        calls = self._calls(only_whole=True)
        if not text and not refusal and not calls and not self.pictures:
            return []
        message: Json = {"role": "assistant", "content": text or (None if calls else "")}
        if refusal:
            said = [{"type": "text", "text": text}] if text else []
            message["content"] = [*said, {"type": "refusal", "refusal": refusal}]
        if calls:
            message["tool_calls"] = calls
        if self.pictures:
            message["images"] = self.pictures
        thoughts_are_whole = is_whole or self._open is not self._thought
        signed = self._signed_thoughts(message["content"]) if thoughts_are_whole else {}
        return [
            message | self._opaque | self._plain_thoughts(has_calls=bool(calls), echo=bool(echo)) | signed
        ]

    def _signed_thoughts(self, content: Any) -> Json:
        """Return the fields in which signed thoughts go back unchanged, beside or within ``content``."""
        fields: Json = {}
        if details := self.details.assembled():
            fields["reasoning_details"] = details
        if blocks := self.blocks.sealed():
            fields["thinking_blocks"] = blocks
        if any(is_signed(part) for part in self.thought_parts):
            said = (
                [{"type": "text", "text": content}] if content and isinstance(content, str) else content or []
            )
            fields["content"] = [*self.thought_parts, *said]
        if is_signed(self.thought_fields):
            fields[self.thoughts_name] = with_words(self.thought_fields, self.thoughts)
        return fields

    def _plain_thoughts(self, *, has_calls: bool, echo: bool) -> Json:
        """Return the field in which the words of the thoughts go back, if the server wants them."""
        if echo or not self.thoughts:
            return {}
        if self._thoughts_go_back_as is not None:
            return {self._thoughts_go_back_as: self.thoughts}
        # Copilot wants the words beside the state that it cannot read alone. Of a server that nobody knows: DeepSeek
        # and Moonshot want their thoughts back with the calls.
        is_wanted = {
            "reasoning_text": "reasoning_opaque" in self._opaque,
            "reasoning_content": has_calls and not self.blocks.sealed(),
        }
        return {self.thoughts_name: self.thoughts} if is_wanted.get(self.thoughts_name) else {}

    def assembled(self) -> Json:
        """Return the message in the shape of a completion that was not streamed."""
        message: Json = {
            "role": "assistant",
            "content": self.text or None,
            "refusal": self.refusal or None,
        }
        optional = {
            self.thoughts_name: self.thoughts,
            "reasoning_details": self.details.assembled(),
            "thinking_blocks": self.blocks.assembled(),
            "annotations": self.annotations,
            "images": self.pictures,
            "tool_calls": self._calls(only_whole=False),
        }
        return message | self._opaque | {name: value for name, value in optional.items() if value}

    def _joined(self, kind: DeltaKind) -> str:
        return "".join(part.text for part in self._parts if isinstance(part, _Words) and part.kind is kind)

    def _calls(self, *, only_whole: bool) -> list[Json]:
        calls = [part for part in self._parts if isinstance(part, OpenAiCall)]
        return [_returned(call) for call in calls if call.whole or not only_whole]


def _returned(call: OpenAiCall) -> Json:
    built = tool_call(call.id, call.name, call.raw_arguments)
    return combined(built, call.opaque)


def _is_text(part: _Words | OpenAiCall | ProviderItemPart) -> bool:
    return isinstance(part, _Words) and part.kind is not DeltaKind.THOUGHT
