"""The output items of one response while they stream.

Knows what each item means in our terms and in which shape it may be sent back. It must never know
how a response ends or what an error is: that is ``openai_responses``.
"""

from collections.abc import Sequence
from enum import Enum

from providers.text.cleaning import joined
from providers.types import Json, Part, ProviderItemPart, ReasoningPart, TextPart
from providers.wires._openai_calls import OpenAiCall
from providers.wires._openai_responses_body import assistant_message, function_call
from providers.wires.shapes import text_in

#: What waits for an answer that nobody here gives: such tools are refused when a run starts.
_WAITING = frozenset({"mcp_approval_request", "custom_tool_call"})
#: All of these, the ones included that the provider executes itself if it is asked to.
_FOR_CLIENTS = _WAITING | {
    "local_shell_call",
    "shell_call",
    "apply_patch_call",
    "computer_call",
}


class ContentKind(Enum):
    """What a run of words is. The value is the ``type`` of the content part that holds it."""

    #: Words of the answer.
    TEXT = "output_text"
    #: Words of a refusal.
    REFUSAL = "refusal"
    #: A summary of what the model thinks.
    SUMMARY = "summary_text"
    #: What the model thinks, word for word.
    THOUGHT = "reasoning_text"

    @property
    def is_answer(self) -> bool:
        """Whether a reader sees these words as the answer."""
        return self in (ContentKind.TEXT, ContentKind.REFUSAL)

    @property
    def field(self) -> str:
        """The field of the content part in which the words stand."""
        return "refusal" if self is ContentKind.REFUSAL else "text"


class ContentText:
    """One content part: words of one kind."""

    __slots__ = ("annotations", "index", "kind", "pieces", "sealed")

    def __init__(self, kind: ContentKind, index: int) -> None:
        self.kind = kind
        #: The ordinal of a thought among the response's thoughts, 0 for words of the answer.
        self.index = index
        self.pieces: list[str] = []
        self.annotations: list[Json] = []
        self.sealed: str | None = None

    @property
    def text(self) -> str:
        return joined(self.pieces)

    def as_part(self) -> Part | None:
        """Return the words in our terms; ``None`` when there are none."""
        text = self.text
        if not self.kind.is_answer:
            return ReasoningPart(text=text, sealed=self.sealed) if text or self.sealed else None
        if not text:
            return None
        return TextPart(
            text=text, refusal=self.kind is ContentKind.REFUSAL, annotations=tuple(self.annotations)
        )

    def as_content(self) -> Json:
        """Return the words as a content part."""
        content: Json = {"type": self.kind.value, self.kind.field: self.text}
        if self.annotations:
            content["annotations"] = self.annotations
        return content


class Item:
    """One output item: what its start brought, what its deltas added, and how it was completed."""

    __slots__ = ("call", "done", "others", "place", "start", "type", "words")

    def __init__(self, type: str, start: Json) -> None:
        self.type = type
        self.start = start
        #: The provider's number of the item; ``None`` if it has none.
        self.place: int | None = None
        #: Content parts in arrival order.
        self.words: list[ContentText] = []
        #: Content parts that are no words, such as pictures.
        self.others: list[ProviderItemPart] = []
        #: Set for function calls only, once it is sure that they are ours to execute.
        self.call: OpenAiCall | None = None
        #: The item as it was completed.
        self.done: Json | None = None

    @property
    def is_announced(self) -> bool:
        """Whether this is a function call of which nothing is known but its start."""
        return self.type == "function_call" and self.call is None

    def is_another(self, start: Json) -> bool:
        """Return whether ``start`` begins or completes another item of the same number and type than this one."""
        if self.done is None or start.get("id") == self.done.get("id"):
            return False
        return any(
            start.get(name) != self.done.get(name) for name in ("content", "summary", "call_id", "arguments")
        )

    @property
    def call_id(self) -> str:
        """The provider's id of a call or of its output; empty without one."""
        return text_in((self.done or self.start).get("call_id"))

    def words_of(self, *kinds: ContentKind) -> list[ContentText]:
        """Return the content parts of these kinds."""
        return [words for words in self.words if words.kind in kinds]

    def as_parts(self) -> list[Part]:
        """Return what the item says in our terms, as far as it got."""
        match self.type:
            case "message" | "reasoning":
                said = (part for words in self.words if (part := words.as_part()) is not None)
                return [*said, *self.others]
            case "function_call":
                part = self.call.as_part() if self.call else None
                return [] if part is None else [part]
            case _:
                return [] if self.done is None else [ProviderItemPart(kind=self.type, data=self.done)]

    def assembled(self) -> Json:
        """Return the item in the shape of a response that was not streamed, as far as it got."""
        if self.done is not None:
            return self.done
        item = {"type": self.type, **self.start}
        if answer := self.words_of(ContentKind.TEXT, ContentKind.REFUSAL):
            item["content"] = [words.as_content() for words in answer]
        if summaries := self.words_of(ContentKind.SUMMARY):
            item["summary"] = [words.as_content() for words in summaries]
        if thoughts := self.words_of(ContentKind.THOUGHT):
            item["content"] = [words.as_content() for words in thoughts]
        if self.call:
            item["arguments"] = self.call.raw_arguments
        return item

    def as_native(self) -> Json | None:
        """Return the item as input of a later request; ``None`` when the API would refuse it.

        Ids are left out. With ``store: false`` nothing can be found by them, and one id in the
        history makes the API demand the items that it came with, ids included.
        """
        match self.type:
            case "message":
                content = [words.as_content() for words in self.words if words.pieces]
                phase = (self.done or self.start).get("phase")
                message = assistant_message(content) | ({"phase": phase} if phase else {})
                return message if content else None
            case "function_call":
                call = self.call
                return function_call(call.id, call.name, call.arguments) if call and call.whole else None
            case "reasoning":
                if self.done is None or not self.done.get("encrypted_content"):
                    return None
                item = {name: value for name, value in self.done.items() if name not in {"id", "status"}}
                if not item.get("content"):
                    item.pop("content", None)
                return {"summary": [], **item}
            case "web_search_call" if self.done is not None:
                return {name: value for name, value in self.done.items() if name != "id"}
            case _:
                return self.done


def returnable(items: Sequence[Item]) -> list[Json]:
    """Return the items that may be sent back, in order.

    The API refuses reasoning without the item that followed it, and a call without its result. The
    results of function calls come in a later request; those of other calls stand beside them, or
    the call is left out.
    """
    paired = _paired(items)
    kept: list[Json] = []
    is_followed = False
    for item in reversed(items):
        native = item.as_native() if _stands_alone(item) or item.call_id in paired else None
        is_followed = native is not None and (is_followed or item.type != "reasoning")
        if native is not None and is_followed:
            kept.append(native)
    kept.reverse()
    return kept


def unexecuted(items: Sequence[Item]) -> tuple[str, ...]:
    """Return the names of the calls that wait for a client of OpenAI's own: its tools, without an output."""
    paired = _paired(items)
    return tuple(
        text_in((item.done or item.start).get("name")) or item.type
        for item in items
        if item.type in _FOR_CLIENTS and item.call_id not in paired
    )


def _paired(items: Sequence[Item]) -> set[str]:
    """Return the ids of the calls whose output is an item, too."""
    calls = {item.call_id for item in items if not item.type.endswith("_output")}
    return {call_id for item in items if item.type.endswith("_output") and (call_id := item.call_id) in calls}


def _stands_alone(item: Item) -> bool:
    return item.type == "function_call" or (not item.call_id and item.type not in _WAITING)
