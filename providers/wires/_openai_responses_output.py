"""Which events of a Responses stream belong to which output item, and what they mean.

Everything comes up to three times: in deltas, whole when it is done, and in the terminal event.
Each is said once, at the first time. It must never know how a response ends.
"""

from typing import Any

from providers.text.arguments import text_of
from providers.types import Json, Part
from providers.types.events import ModelEvent, ProviderItem, ReasoningDelta, ReasoningSealed, TextDelta
from providers.wires._openai_calls import OpenAiCall, remainder
from providers.wires._openai_responses_items import ContentKind, ContentText, Item
from providers.wires._openai_responses_order import matched, ordered
from providers.wires._openai_responses_shapes import others_in, part_in, type_of, wholes_in
from providers.wires.accumulator import StepAccumulator
from providers.wires.answerable_history import UNNAMED
from providers.wires.shapes import index_in, object_in, objects_in, text_in

#: The members of an event that say where its words belong.
_PLACE = ("output_index", "item_id", "content_index", "summary_index")

type Key = int | str | None

#: The kinds of words in an item, by its type.
_CONTENT = {
    "message": (ContentKind.TEXT, ContentKind.REFUSAL),
    "reasoning": (ContentKind.SUMMARY, ContentKind.THOUGHT),
}


class Output:
    """The output items of one response, in arrival order.

    Items are told apart by ``output_index``: ids may be missing, and some proxies change them from
    event to event. Others number the items but not what belongs to them: there the id leads to the number.
    """

    def __init__(self, accumulator: StepAccumulator) -> None:
        self.items: list[Item] = []
        self.calls: list[OpenAiCall] = []
        self._accumulator = accumulator
        self._by_key: dict[Key, Item] = {}
        self._by_id: dict[str, Item] = {}
        self._key_of: dict[str, Key] = {}
        self._words: dict[Any, ContentText] = {}
        self._thoughts = 0
        #: Whole content parts that only a start brought so far, and their item.
        self._promised: list[tuple[Item, ContentKind, Json]] = []
        #: Where the last delta of words belonged. Most deltas follow one of the same place.
        self._last_place: tuple[Any, ...] | None = None
        self._last_words: ContentText
        #: The items that the terminal event names, in its order.
        self._final: list[Item] = []

    @property
    def has_text(self) -> bool:
        """Whether there are words of the answer, or of a refusal."""
        return any(words.kind.is_answer and words.pieces for item in self.items for words in item.words)

    @property
    def refused(self) -> bool:
        """Whether there are words of a refusal."""
        return any(words.pieces for item in self.items for words in item.words_of(ContentKind.REFUSAL))

    @property
    def has_cut_call(self) -> bool:
        """Whether the output limit cut a call, though the response may say that it is complete."""
        return any(_is_cut(item) for item in self.items)

    @property
    def is_whole(self) -> bool:
        """Whether there are items, and no call among them is half."""
        return bool(self.items) and all(call.is_object or call.whole for call in self.calls)

    @property
    def in_order(self) -> list[Item]:
        """The items in the provider's order: that of the terminal event, else that of their numbers."""
        return ordered(self.items, self._final)

    def parts(self) -> list[Part]:
        """Return what was said so far in our terms."""
        return [part for item in self.in_order for part in item.as_parts()]

    def say(self, kind: ContentKind, event: Json, out: list[ModelEvent]) -> None:
        """Take a delta of words."""
        raw = event.get("delta")
        delta = raw if isinstance(raw, str) else text_in(object_in(raw).get("text"))
        if not delta:
            return
        place = (kind, *map(event.get, _PLACE))
        if place != self._last_place:
            self._last_words = self._words_at(kind, event)
            self._last_place = place
        _append(self._last_words, delta, out)

    def complete_words(self, kind: ContentKind, event: Json, out: list[ModelEvent]) -> None:
        """Take the whole words of one content part."""
        if whole := text_in(event.get(kind.field)):
            words = self._words_at(kind, event)
            _append(words, remainder(words.pieces, whole), out)

    def begin_part(self, event: Json) -> None:
        """Take the start of a content part. Its words count if nothing else says them."""
        kind, words = part_in(event)
        if kind is not None and words:
            item = self._item_at(event, "message" if kind.is_answer else "reasoning")
            self._promised.append((item, kind, {**event, kind.field: words}))

    def complete_part(self, event: Json, out: list[ModelEvent]) -> None:
        """Take a whole content part."""
        kind, words = part_in(event)
        if kind is not None:
            self.complete_words(kind, {**event, kind.field: words}, out)

    def annotate(self, event: Json, out: list[ModelEvent]) -> None:
        """Take a citation."""
        if annotation := object_in(event.get("annotation")):
            self._words_at(ContentKind.TEXT, event).annotations.append(annotation)
            out.append(ProviderItem("citation", annotation))

    def extend_call(self, event: Json, out: list[ModelEvent]) -> None:
        """Take a piece of a function call's arguments."""
        call = self._call_of(self._item_at(event, "function_call"), event, out)
        call.extend(text_of(event.get("delta")), out)

    def complete_call(self, event: Json, out: list[ModelEvent]) -> None:
        """Take the whole arguments of a function call."""
        call = self._call_of(self._item_at(event, "function_call"), event, out)
        call.complete(text_of(event.get("arguments")), out)
        if call.is_object:
            call.finish(out)

    def begin(self, event: Json, out: list[ModelEvent]) -> None:
        """Take the start of an item.

        A call that is completed when it starts may be one that the server made itself: Perplexity puts the
        results in its place. It is nobody's to execute until more is said of it, or the answer ends.
        """
        start = object_in(event.get("item"))
        item = self._item_at(event, type_of(start), start)
        if item.type == "function_call" and start.get("status") != "completed":
            self._call_of(item, start, out)

    def finish(self, event: Json, out: list[ModelEvent]) -> None:
        """Take a completed item."""
        done = object_in(event.get("item"))
        known = self._by_id.get(text_in(done.get("id")))
        if known is not None and known.done == done and known.call_id:
            # The same call once more, under another number.
            return
        self._finish(self._item_at(event, type_of(done), done), done, out)

    def conclude(self, output: Any, out: list[ModelEvent], *, cut: bool) -> None:
        """Take the output as the terminal event holds it; when it was ``cut``, calls may have been, too."""
        wholes = [(type_of(done), done) for done in objects_in(output)]
        found = matched(self.items, wholes, self._by_id, self._by_key)
        for place, (streamed, (kind, done)) in enumerate(zip(found, wholes, strict=True)):
            if streamed is None and self._was_said(kind, done):
                continue
            item = streamed or self._add(Item(kind, done), place)
            self._final.append(item)
            self._finish(item, done, out)
        for item, part, start in self._promised:
            if not any(words.pieces for words in item.words_of(part)):
                self.complete_words(part, start, out)
        for item in list(self.items):
            is_silent = item.type in _CONTENT and item.done is None and not item.words
            if not cut and (item.is_announced or is_silent):
                self._finish(item, item.start, out)
            if item.call is None:
                continue
            if cut or _is_cut(item):
                item.call.cut(out)
            else:
                item.call.begin(item.call.name or UNNAMED, out)
                item.call.finish(out)

    def _was_said(self, kind: str, done: Json) -> bool:
        """Return whether the words of an item were streamed as a part of others: some servers do not tell items apart."""
        kinds = _CONTENT.get(kind, ())
        said = "".join(words.text for item in self.items for words in item.words_of(*kinds))
        wholes = [
            whole
            for content_kind, field in ((kind, name) for kind in kinds for name in ("content", "summary"))
            for whole, _ in wholes_in(done.get(field), content_kind)
            if whole
        ]
        return bool(wholes) and all(whole in said for whole in wholes)

    def _finish(self, item: Item, done: Json, out: list[ModelEvent]) -> None:
        is_first = item.done is None
        # The terminal event may hold what the item's own end left out, such as the encrypted thought.
        item.done = done if is_first else {**done, **{k: v for k, v in (item.done or {}).items() if v}}
        match item.type:
            case "message":
                for kind in _CONTENT["message"]:
                    self._complete_all(item, kind, done.get("content"), out)
                if is_first:
                    item.others += others_in(done.get("content"))
                    out += (ProviderItem(other.kind, other.data) for other in item.others)
            case "reasoning":
                self._complete_all(item, ContentKind.SUMMARY, done.get("summary"), out)
                self._complete_all(item, ContentKind.THOUGHT, done.get("content"), out)
                sealed = text_in(done.get("encrypted_content"))
                if sealed and not any(words.sealed for words in item.words):
                    words = item.words[-1] if item.words else self._add_words(item, ContentKind.SUMMARY)
                    words.sealed = sealed
                    out.append(ReasoningSealed(sealed, words.index))
            case "function_call":
                call = self._call_of(item, done, out)
                call.complete(text_of(done.get("arguments")), out)
                if done.get("status") != "incomplete":
                    call.finish(out)
            case kind if is_first:
                out.append(ProviderItem(kind, done))

    def _complete_all(self, item: Item, kind: ContentKind, content: Any, out: list[ModelEvent]) -> None:
        """Say what the completed content parts of one kind hold beyond what was streamed of them.

        They are matched by order, because not every server numbers them alike in both places.
        """
        streamed = item.words_of(kind)
        for number, (whole, annotations) in enumerate(wholes_in(content, kind)):
            if number >= len(streamed) and not whole and not annotations:
                continue
            words = streamed[number] if number < len(streamed) else self._add_words(item, kind)
            _append(words, remainder(words.pieces, whole), out)
            for annotation in annotations[len(words.annotations) :]:
                words.annotations.append(annotation)
                out.append(ProviderItem("citation", annotation))

    def _words_at(self, kind: ContentKind, event: Json) -> ContentText:
        number = index_in(event.get("summary_index" if kind is ContentKind.SUMMARY else "content_index"))
        item = self._item_at(event, "message" if kind.is_answer else "reasoning")
        words = self._words.get((id(item), kind, number))
        if words is None and number is None and (known := item.words_of(kind)):
            return known[-1]
        if words is None:
            words = self._words[id(item), kind, number] = self._add_words(item, kind)
        return words

    def _add_words(self, item: Item, kind: ContentKind) -> ContentText:
        words = ContentText(kind, 0 if kind.is_answer else self._thoughts)
        self._thoughts += not kind.is_answer
        item.words.append(words)
        return words

    def _item_at(self, event: Json, kind: str, start: Json | None = None) -> Item:
        self._last_place = None
        item_id = text_in((start or {}).get("id")) or text_in(event.get("item_id"))
        key = self._key(event)
        key = (item_id or None) if key is None else key
        item = self._by_key.get(key)
        if item is None and start is None and key is None:
            # Nothing says whose this is: it belongs to what was said last.
            item = next((item for item in reversed(self.items) if item.type == kind), None)
            if item is not None:
                return item
        if item is None or item.type != kind or (start is not None and item.is_another(start)):
            if item is not None and item.is_announced:
                self.items.remove(item)
            item = self._by_key[key] = self._add(Item(kind, start or {}), index_in(event.get("output_index")))
        if item_id:
            self._by_id[item_id], self._key_of[item_id] = item, key
        return item

    def _add(self, item: Item, place: int | None) -> Item:
        item.place = place
        self.items.append(item)
        return item

    def _key(self, event: Json) -> Key:
        index, item_id = index_in(event.get("output_index")), text_in(event.get("item_id"))
        return self._key_of.get(item_id, item_id or None) if index is None else index

    def _call_of(self, item: Item, source: Json, out: list[ModelEvent]) -> OpenAiCall:
        """Return the call of ``item``, which begins as soon as its start or ``source`` names it."""
        if item.call is None:
            item.call = OpenAiCall(self._accumulator, text_in(item.start.get("call_id")) or None)
            self.calls.append(item.call)
        call = item.call
        call.upstream_id = call.upstream_id or text_in(source.get("call_id")) or None
        call.begin(text_in(source.get("name")) or text_in(item.start.get("name")), out)
        return call


def _append(words: ContentText, text: str, out: list[ModelEvent]) -> None:
    if text:
        words.pieces.append(text)
        out.append(TextDelta(text) if words.kind.is_answer else ReasoningDelta(text, words.index))


def _is_cut(item: Item) -> bool:
    if item.call is None or (item.done or {}).get("status") != "incomplete":
        return False
    return not item.call.is_object
