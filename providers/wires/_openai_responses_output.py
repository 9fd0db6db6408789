"""Which events of a Responses stream belong to which output item, and what they mean.

Everything comes up to three times: in deltas, whole when it is done, and in the terminal event.
Each is said once, at the first time. It must never know how a response ends.
"""

from typing import Any

from providers.types import Json, Part
from providers.types.events import ModelEvent, ProviderItem, ReasoningDelta, ReasoningSealed, TextDelta
from providers.wires._openai_calls import OpenAiCall, argument_text, remainder
from providers.wires._openai_responses_items import ContentKind, ContentText, Item
from providers.wires.accumulator import StepAccumulator


class Output:
    """The output items of one response, in arrival order.

    Items are told apart by ``output_index``: ids may be missing, and some proxies change them from
    event to event. Others number the items but not what belongs to them: there the id leads to the number.
    """

    def __init__(self, accumulator: StepAccumulator) -> None:
        self.items: list[Item] = []
        self.calls: list[OpenAiCall] = []
        self._accumulator = accumulator
        self._by_key: dict[Any, Item] = {}
        self._by_id: dict[str, Item] = {}
        self._key_of: dict[Any, Any] = {}
        self._words: dict[Any, ContentText] = {}
        self._thoughts = 0

    @property
    def has_text(self) -> bool:
        """Whether there are words of the answer, or of a refusal."""
        return any(words.kind.is_answer and words.pieces for item in self.items for words in item.words)

    @property
    def refused(self) -> bool:
        """Whether there are words of a refusal."""
        return any(words.pieces for item in self.items for words in item.words_of(ContentKind.REFUSAL))

    def parts(self) -> list[Part]:
        """Return what was said so far in our terms."""
        return [part for item in self.items for part in item.as_parts()]

    def say(self, kind: ContentKind, event: Json, out: list[ModelEvent]) -> None:
        """Take a delta of words."""
        if delta := event.get("delta"):
            _append(self._words_at(kind, event), delta, out)

    def complete_words(self, kind: ContentKind, event: Json, out: list[ModelEvent]) -> None:
        """Take the whole words of one content part."""
        if whole := event.get(kind.field):
            words = self._words_at(kind, event)
            _append(words, remainder(words.pieces, whole), out)

    def annotate(self, event: Json, out: list[ModelEvent]) -> None:
        """Take a citation."""
        if annotation := event.get("annotation"):
            self._words_at(ContentKind.TEXT, event).annotations.append(annotation)
            out.append(ProviderItem("citation", annotation))

    def extend_call(self, event: Json, out: list[ModelEvent]) -> None:
        """Take a piece of a function call's arguments."""
        self._call_of(self._item_at(event, "function_call"), event, out).extend(event.get("delta") or "", out)

    def complete_call(self, event: Json, out: list[ModelEvent]) -> None:
        """Take the whole arguments of a function call."""
        call = self._call_of(self._item_at(event, "function_call"), event, out)
        call.complete(argument_text(event.get("arguments")), out)
        if call.is_object:
            call.finish(out)

    def begin(self, event: Json, out: list[ModelEvent]) -> None:
        """Take the start of an item.

        A call that is completed when it starts may be one that the server made itself: Perplexity puts the
        results in its place. It is nobody's to execute until more is said of it, or the answer ends.
        """
        start = event.get("item") or {}
        item = self._item_at(event, str(start.get("type")), start)
        if item.type == "function_call" and start.get("status") != "completed":
            self._call_of(item, start, out)

    def finish(self, event: Json, out: list[ModelEvent]) -> None:
        """Take a completed item."""
        done = event.get("item") or {}
        self._finish(self._item_at(event, str(done.get("type")), done), done, out)

    def conclude(self, output: list[Json], out: list[ModelEvent], *, cut: bool) -> None:
        """Take the output as the terminal event holds it; when it was ``cut``, calls may have been, too."""
        streamed = {item.type for item in self.items}
        for index, done in enumerate(output):
            kind = str(done.get("type"))
            item = self._by_id.get(done.get("id") or "") or self._by_key.get(index)
            if item is None and kind not in streamed:
                item = self._item_at({"output_index": index}, kind, done)
            if item is not None and item.type == kind:
                self._finish(item, done, out)
        if not cut:
            for item in self.items:
                if item.is_announced:
                    self._finish(item, item.start, out)
            for call in self.calls:
                call.finish(out)

    def _finish(self, item: Item, done: Json, out: list[ModelEvent]) -> None:
        if item.done is not None:
            return
        item.done = done
        match item.type:
            case "message":
                for kind in (ContentKind.TEXT, ContentKind.REFUSAL):
                    self._complete_all(item, kind, done.get("content"), out)
            case "reasoning":
                self._complete_all(item, ContentKind.SUMMARY, done.get("summary"), out)
                self._complete_all(item, ContentKind.THOUGHT, done.get("content"), out)
                if sealed := done.get("encrypted_content"):
                    words = item.words[-1] if item.words else self._add_words(item, ContentKind.SUMMARY)
                    words.sealed = sealed
                    out.append(ReasoningSealed(sealed, words.index))
            case "function_call":
                call = self._call_of(item, done, out)
                call.complete(argument_text(done.get("arguments")), out)
                if done.get("status") != "incomplete":
                    call.finish(out)
            case kind:
                out.append(ProviderItem(kind, done))

    def _complete_all(self, item: Item, kind: ContentKind, content: Any, out: list[ModelEvent]) -> None:
        """Say what the completed content parts of one kind hold beyond what was streamed of them.

        They are matched by order, because not every server numbers them alike in both places.
        """
        streamed = item.words_of(kind)
        wholes = [part for part in content or () if part.get("type") == kind.value]
        for number, part in enumerate(wholes):
            whole = part.get(kind.field) or ""
            annotations = part.get("annotations") or ()
            if number >= len(streamed) and not whole and not annotations:
                continue
            words = streamed[number] if number < len(streamed) else self._add_words(item, kind)
            _append(words, remainder(words.pieces, whole), out)
            for annotation in annotations[len(words.annotations) :]:
                words.annotations.append(annotation)
                out.append(ProviderItem("citation", annotation))

    def _words_at(self, kind: ContentKind, event: Json) -> ContentText:
        number = event.get("summary_index" if kind is ContentKind.SUMMARY else "content_index")
        key = (self._key(event), kind, number)
        words = self._words.get(key)
        if words is None:
            item = self._item_at(event, "message" if kind.is_answer else "reasoning")
            words = self._words[key] = self._add_words(item, kind)
        return words

    def _add_words(self, item: Item, kind: ContentKind) -> ContentText:
        words = ContentText(kind, 0 if kind.is_answer else self._thoughts)
        self._thoughts += not kind.is_answer
        item.words.append(words)
        return words

    def _item_at(self, event: Json, kind: str, start: Json | None = None) -> Item:
        item_id = (start or {}).get("id") or event.get("item_id")
        key = self._key(event)
        key = item_id if key is None else key
        item = self._by_key.get(key)
        if item is None or item.type != kind:
            if item is not None and item.is_announced:
                self.items.remove(item)
            item = self._by_key[key] = Item(kind, start or {})
            self.items.append(item)
        if item_id:
            self._by_id[item_id], self._key_of[item_id] = item, key
        return item

    def _key(self, event: Json) -> Any:
        index, item_id = event.get("output_index"), event.get("item_id")
        return self._key_of.get(item_id, item_id) if index is None else index

    def _call_of(self, item: Item, source: Json, out: list[ModelEvent]) -> OpenAiCall:
        """Return the call of ``item``, which begins as soon as its start or ``source`` names it."""
        if item.call is None:
            item.call = OpenAiCall(self._accumulator, item.start.get("call_id"))
            self.calls.append(item.call)
        call = item.call
        call.upstream_id = call.upstream_id or source.get("call_id")
        call.begin(source.get("name") or item.start.get("name") or "", out)
        return call


def _append(words: ContentText, text: str, out: list[ModelEvent]) -> None:
    if text:
        words.pieces.append(text)
        out.append(TextDelta(text) if words.kind.is_answer else ReasoningDelta(text, words.index))
