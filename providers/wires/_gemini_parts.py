"""The parts of one Gemini answer while they stream, and what each means in our terms.

Knows in which shape a part may be sent back: signatures stay on the part that brought them. It must
never know how an answer ends or what an error is: that is ``gemini_generate``.
"""

import json
from dataclasses import dataclass, field
from typing import Any, ClassVar

from providers.text.arguments import object_of, text_of
from providers.text.cleaning import joined
from providers.types import Json, Part, ProviderItemPart, ReasoningPart, TextPart, ToolCallPart
from providers.wires._gemini_arguments import PartialArguments
from providers.wires.emptiness import is_blank

#: What a part may carry beside its one content field.
_BESIDE = frozenset(
    {
        "thought",
        "thoughtSignature",
        "partMetadata",
        "mediaResolution",
        "mediaProcessing",
        "videoMetadata",
        "audioMetadata",
        "documentMetadata",
        "spreadsheetMetadata",
        "speechMetadata",
    }
)

#: What a part is about, other than words.
_CONTENTS = frozenset(
    {
        "functionCall",
        "functionResponse",
        "inlineData",
        "fileData",
        "executableCode",
        "codeExecutionResult",
        "toolCall",
        "toolResponse",
    }
)

#: A server tool's call and the part that answers it; only whole pairs go back.
_ANSWERED_BY = {"executableCode": "codeExecutionResult", "toolCall": "toolResponse"}


@dataclass(slots=True, kw_only=True)
class GeminiText:
    """Text or a thought, from one part or several that carry no signature."""

    texts: list[str]
    thought: bool
    #: The part itself where it is signed: such a one is never merged with another.
    signed: Json | None = None
    #: For thoughts: the ordinal, and the artefact that seals it (which may come on a later part).
    index: int = 0
    sealed: str | None = None

    @property
    def has_content(self) -> bool:
        """Whether these are words of the answer that are not blank."""
        return not self.thought and any(not is_blank(text) for text in self.texts)

    def as_part(self) -> Part | None:
        """Return the words; ``None`` when there are none and nothing is sealed."""
        text = joined(self.texts)
        if self.thought:
            return ReasoningPart(text=text, sealed=self.sealed) if text or self.sealed else None
        return TextPart(text=text) if text else None

    def as_native(self) -> Json | None:
        """Return one part; ``None`` for empty words that nobody signed."""
        if self.signed is not None:
            return {"text": "", **self.signed}
        text = joined(self.texts)
        if not text:
            return None
        return {"text": text, "thought": True} if self.thought else {"text": text}


@dataclass(slots=True, kw_only=True)
class GeminiSignature:
    """A signature without a visible thought. It goes back on the part that brought it."""

    value: str
    index: int
    has_content: ClassVar[bool] = False

    def as_part(self) -> Part:
        """Return reasoning that nobody can read."""
        return ReasoningPart(text="", sealed=self.value)

    def as_native(self) -> None:
        """Return nothing: the signed part is an item of its own."""


@dataclass(slots=True, kw_only=True)
class GeminiCall:
    """A function call, whole in one part or in pieces (Vertex)."""

    has_content: ClassVar[bool] = True
    part: Json
    id: str
    name: str
    pieces: PartialArguments = field(default_factory=PartialArguments)
    #: The arguments as JSON text, once they are complete.
    arguments: str = ""
    complete: bool = False
    #: Arguments that are no object, as text.
    unreadable: str | None = None

    def is_same(self, piece: Json) -> bool:
        """Return whether ``piece`` is this complete call once more, its id included."""
        return self.complete and self.part["functionCall"] == piece

    def take(self, arguments: Any) -> None:
        """Take arguments that came whole: an object, or what a gateway sends in its place."""
        if arguments is None:
            return
        text = text_of(arguments)
        value = arguments if isinstance(arguments, dict) else object_of(text)
        self.unreadable = text if value is None else None
        if value:
            self.pieces.replace(value)

    def finish(self) -> None:
        """Take the arguments as complete; they stay incomplete when they cannot be written as JSON."""
        try:
            written = json.dumps(self.pieces.end(), ensure_ascii=False)
        except (ValueError, RecursionError):
            return
        self.arguments = written if self.unreadable is None else self.unreadable
        self.complete = True

    def as_part(self) -> Part:
        """Return the call, complete or not."""
        return ToolCallPart(id=self.id, name=self.name, arguments=self.arguments, complete=self.complete)

    def assembled(self) -> Json:
        """Return the part with its call in one piece, whatever came of it."""
        call = self.part["functionCall"]
        whole = {key: value for key, value in call.items() if key not in {"partialArgs", "willContinue"}}
        if not isinstance(whole.get("args"), dict):
            whole.pop("args", None)
        if arguments := self.pieces.end():
            whole["args"] = arguments
        return {**self.part, "functionCall": whole}

    def as_native(self) -> Json | None:
        """Return the part in one piece, its signature included; ``None`` while it is incomplete."""
        return self.assembled() if self.complete else None


@dataclass(slots=True, kw_only=True)
class Other:
    """Anything else: code and its result, a server tool, an image."""

    kind: str
    part: Json
    has_content: ClassVar[bool] = True

    def as_part(self) -> Part:
        """Return the content as the provider named it."""
        return ProviderItemPart(kind=self.kind, data=self.data)

    @property
    def data(self) -> Json:
        """The content without what the part carries beside it."""
        value = self.part[self.kind]
        return value if isinstance(value, dict) else {self.kind: value}

    def as_native(self) -> Json:
        """Return the part as it came."""
        return self.part


type Item = GeminiText | GeminiSignature | GeminiCall | Other


def parts_in(candidate: Json) -> list[Json]:
    """Return the parts of a candidate's content, also where a gateway gives plain text or a list in its place."""
    content = candidate.get("content")
    parts = content.get("parts") if isinstance(content, dict) else content
    found = parts if isinstance(parts, list) else [parts]
    return [
        {"text": part} if isinstance(part, str) else part for part in found if isinstance(part, str | dict)
    ]


def kind_of(part: Json) -> str:
    """Name the field that a part is about; ``text`` when it has no other (words, or a bare signature).

    A field that nobody knows yet describes the words beside it.
    """
    names = [name for name, value in part.items() if name not in _BESIDE and value is not None]
    if (known := next((name for name in names if name in _CONTENTS), None)) is not None:
        return known
    return "text" if "text" in names else next(iter(names), "text")


def returnable(items: list[Item], *, finished: bool) -> list[Json]:
    """Return the parts that may be sent back as a model's content.

    Without its end an answer loses a thought that was cut, and a server tool that has no result yet
    is lost in any case. Thoughts alone are no content.
    """
    kept = list(items)
    while (
        not finished
        and kept
        and isinstance(last := kept[-1], GeminiText)
        and last.thought
        and not last.signed
    ):
        kept.pop()
    kept = [item for position, item in enumerate(kept) if not _is_half(kept, position)]
    if all(isinstance(item, GeminiText) and item.thought and not item.signed for item in kept):
        return []
    return [native for item in kept if (native := item.as_native()) is not None]


def assembled(items: list[Item]) -> list[Json]:
    """Return every part, complete or not, for the trace."""
    parts = [item.assembled() if isinstance(item, GeminiCall) else item.as_native() for item in items]
    return [part for part in parts if part is not None]


def _is_half(items: list[Item], position: int) -> bool:
    item = items[position]
    if not isinstance(item, Other):
        return False
    answer = _ANSWERED_BY.get(item.kind)
    return answer is not None and not any(
        isinstance(later, Other)
        and later.kind == answer
        and (later.data.get("id") == item.data.get("id") or "id" not in later.data)
        for later in items[position + 1 :]
    )
