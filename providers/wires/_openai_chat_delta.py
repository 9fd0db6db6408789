"""What one delta of a Chat Completions stream says: words, thoughts, calls, media and what servers found or ran. Pure.

Appends the meaning to the ``out`` of each method, and to the message. It must never know how an answer ends.
"""

from typing import Any

from providers.types import Json
from providers.types.events import ModelEvent, ProviderItem, ReasoningDelta, ReasoningSealed, TextDelta
from providers.wires._inline_pictures import InlinePictures, without_pictures
from providers.wires._openai_chat_calls import ChatCalls
from providers.wires._openai_chat_media import PICTURE_FIELDS, Audio, pictures
from providers.wires._openai_chat_message import AssistantMessage, DeltaKind
from providers.wires._openai_chat_reasoning import ReasoningDetails, seals, spelled_out
from providers.wires._openai_chat_shapes import (
    ContentKind,
    call_in,
    combined,
    content_parts,
    is_marked_as_thought,
    is_thought_name,
    opaque_fields,
    thinking_blocks,
    thought_names,
    without_thought_tags,
    words_in,
)
from providers.wires._think_tags import ThinkTags
from providers.wires.shapes import object_in, objects_in, text_in

#: Who speaks in most deltas.
_ASSISTANT = frozenset({"assistant", "model", ""})


class DeltaReader:
    """Reads the deltas of one answer into ``message`` and ``calls``."""

    def __init__(self, message: AssistantMessage, calls: ChatCalls, *, takes_tags: bool) -> None:
        """Take the message and its calls; ``takes_tags``: whether thoughts may stand in tags among the words."""
        self._message = message
        self._calls = calls
        self._tags = ThinkTags() if takes_tags else None
        self._inline = InlinePictures()
        self._audio = Audio()
        self._has_findings = False
        self._has_tool_calls = False
        #: Content that was the thought of the same chunk.
        self._repeated: list[str] = []
        #: Tools that the server runs itself and has not said the output of, by their number.
        self._running: dict[str, Json] = {}

    def take(self, delta: Json, out: list[ModelEvent]) -> None:
        """Take one delta. Most hold one word, so what stands beside it is looked at only if there is anything."""
        said = [name for name, value in delta.items() if value and name != "role"]
        words = delta[said[0]] if len(said) == 1 else None
        if not isinstance(words, str) or text_in(delta.get("role")) not in _ASSISTANT:
            self._take_all(delta, out)
        elif said[0] == "content":
            self._say_text(words, out)
        elif is_thought_name(said[0]):
            self._message.thoughts_name = said[0]
            self._say(DeltaKind.THOUGHT, self._without_tags(words), out)
        else:
            self._take_all(delta, out)

    def _take_all(self, delta: Json, out: list[ModelEvent]) -> None:
        thought = self._take_thoughts(delta, out)
        if content := delta.get("content"):
            if is_marked_as_thought(delta):
                self._say(DeltaKind.THOUGHT, without_thought_tags(content), out)
            elif thought and content == thought:
                self._repeated.append(thought)
            else:
                self._take_content(content, out)
        if refusal := delta.get("refusal"):
            self._say(DeltaKind.REFUSAL, words_in(refusal), out)
        if annotations := delta.get("annotations"):
            self._cite(objects_in(annotations), out)
        for name in PICTURE_FIELDS:
            if images := delta.get(name):
                self._show(pictures(images), out)
        if audio := delta.get("audio"):
            self._say(DeltaKind.TEXT, self._audio.take(audio), out)
        if tools := delta.get("executed_tools"):
            self._take_tools(objects_in(tools), out)
        self._take_calls(delta, out)
        if opaque := opaque_fields(delta):
            self._keep_opaque(opaque, out)

    def take_message(self, message: Json, out: list[ModelEvent], *, repeats: bool) -> None:
        """Take a whole message, or a piece of one that is called so.

        Args:
            message: what stands in place of the delta.
            out: as everywhere.
            repeats: whether it may say once more what was streamed; then only what is new is taken.
        """
        if not (repeats and self._message.has_parts):
            self.take(message, out)
            return
        self.flush(out)
        said, rest = self._message, dict(message)
        content = [part for kind, part in content_parts(message.get("content")) if kind is ContentKind.TEXT]
        rest["content"] = _rest(said.text, without_pictures("".join(content)))
        rest["refusal"] = _rest(said.refusal, words_in(message.get("refusal")))
        for name in thought_names(message):
            if words := words_in(message.get(name)):
                rest[name] = _rest(said.thoughts, words)
        rest["images"] = [image for image in pictures(message.get("images")) if image not in said.pictures]
        known = {"function_call", "tool_calls", "executed_tools"} | (
            {"audio"} if self._audio.has_data else set()
        )
        rest = {name: value for name, value in rest.items() if name not in known}
        for details, name in ((said.details, "reasoning_details"), (said.blocks, "thinking_blocks")):
            self._add_details(details, objects_in(rest.pop(name, None)), out)
        self.take(rest, out)
        self._calls.take_whole(message.get("tool_calls"), out)

    def take_findings(self, event: Json, out: list[ModelEvent]) -> None:
        """Take what a server that searched by itself (Perplexity, xAI) hangs on its chunks, in full each time."""
        citations = event.get("citations")
        found = objects_in(event.get("search_results")) or [
            {"url": item} if isinstance(item, str) else item
            for item in (citations if isinstance(citations, list) else [])
            if isinstance(item, (str, dict))
        ]
        if found and not self._has_findings:
            self._has_findings = True
            self._cite(found, out)

    def finish_tools(self, out: list[ModelEvent]) -> None:
        """Put out the tools whose output the server never said."""
        for number in tuple(self._running):
            self._put_tool(number, out)

    def flush(self, out: list[ModelEvent]) -> None:
        """Say the words that may have begun a tag or a picture."""
        for is_thought, text in self._tags.flush() if self._tags is not None else ():
            self._say_piece(is_thought, text, out)
        self._say(DeltaKind.TEXT, self._inline.flush(), out)

    def conclude(self, out: list[ModelEvent], *, may_echo: bool) -> None:
        """Put out the whole sound; say as text what the answer consists of, if it came as thoughts only.

        ``may_echo``: whether that is usual for the server, although the words came under the name of thoughts alone.
        """
        if (sound := self._audio.item()) is not None:
            out.append(self._message.put_item("audio", sound))
        if not self._message.has_content:
            echo = "".join(self._repeated) or (self._message.thoughts if may_echo else "")
            self._say(DeltaKind.ECHO, echo, out)

    def _take_thoughts(self, delta: Json, out: list[ModelEvent]) -> str:
        """Take the thoughts; return their words. Some servers send the same ones under several names at once."""
        details, blocks = objects_in(delta.get("reasoning_details")), thinking_blocks(delta)
        name, words = "", ""
        for candidate in thought_names(delta):
            value = delta.get(candidate)
            if value and not words:
                name, words = candidate, words_in(value)
            if isinstance(value, dict) and value:
                self._message.thoughts_name = candidate
                said = {key: item for key, item in value.items() if item}
                self._message.thought_fields = combined(self._message.thought_fields, said)
        words = words or spelled_out(details) or spelled_out(blocks)
        if not words and (specific := object_in(delta.get("provider_specific_fields"))):
            words = next(filter(None, (words_in(specific[each]) for each in thought_names(specific))), "")
        if words:
            self._message.thoughts_name = name or self._message.thoughts_name
            self._say(DeltaKind.THOUGHT, self._without_tags(words), out)
        signed = delta.get(name) if name else None
        self._seal(seals(objects_in(signed)), out)
        self._add_details(self._message.details, details, out)
        self._add_details(self._message.blocks, blocks, out)
        return words

    def _without_tags(self, thought: str) -> str:
        """Return a thought without the tags that a server of one's own has left in it."""
        return without_thought_tags(thought) if self._tags is not None and "<" in thought else thought

    def _add_details(self, known: ReasoningDetails, details: list[Json], out: list[ModelEvent]) -> None:
        self._seal(seals([detail for detail in details if known.add(detail)]), out)

    def _seal(self, values: list[str], out: list[ModelEvent]) -> None:
        out += (ReasoningSealed(value, self._message.seal(value)) for value in values)

    def _keep_opaque(self, fields: Json, out: list[ModelEvent]) -> None:
        self._message.keep_opaque(fields)
        self._seal([value for value in fields.values() if isinstance(value, str)], out)

    def _take_content(self, content: Any, out: list[ModelEvent]) -> None:
        for kind, part in content_parts(content):
            match kind:
                case ContentKind.TEXT:
                    self._say_text(part, out)
                case ContentKind.REFUSAL:
                    self._say(DeltaKind.REFUSAL, part, out)
                case ContentKind.THOUGHT:
                    self._say(DeltaKind.THOUGHT, words_in(part), out)
                    self._message.thought_parts.append(part)
                    self._seal(seals([part]), out)
                case ContentKind.CALL:
                    self._calls.take([call_in(part)], out)
                case ContentKind.ITEM if "image" in text_in(part.get("type")):
                    self._show([part], out)
                case ContentKind.ITEM:
                    out.append(self._message.put_item(text_in(part.get("type")) or "content", part))

    def _say_text(self, text: str, out: list[ModelEvent]) -> None:
        if self._tags is None:
            self._say_piece(False, text, out)
            return
        for is_thought, piece in self._tags.split(text):
            self._say_piece(is_thought, piece, out)

    def _say_piece(self, is_thought: bool, text: str, out: list[ModelEvent]) -> None:
        if is_thought:
            self._say(DeltaKind.THOUGHT, text, out)
            return
        for is_picture, piece in self._inline.split(text):
            if is_picture:
                self._show(pictures(piece), out)
            else:
                self._say(DeltaKind.TEXT, piece, out)

    def _say(self, kind: DeltaKind, text: str, out: list[ModelEvent]) -> None:
        if text:
            index = self._message.say(kind, text)
            out.append(ReasoningDelta(text, index) if kind is DeltaKind.THOUGHT else TextDelta(text))

    def _cite(self, annotations: list[Json], out: list[ModelEvent]) -> None:
        fresh = [annotation for annotation in annotations if annotation not in self._message.annotations]
        self._message.annotations += fresh
        out += (ProviderItem("citation", annotation) for annotation in fresh)

    def _show(self, images: list[Json], out: list[ModelEvent]) -> None:
        images = [image for image in images if image not in self._message.pictures]
        self._message.pictures += images
        out += (self._message.put_item(text_in(image.get("type")) or "image", image) for image in images)

    def _take_tools(self, tools: list[Json], out: list[ModelEvent]) -> None:
        """Take the tools that Groq runs itself: each is announced, and said again with its output."""
        for tool in tools:
            number = str(tool.get("index"))
            self._running[number] = tool
            if "output" in tool:
                self._put_tool(number, out)

    def _put_tool(self, number: str, out: list[ModelEvent]) -> None:
        tool = self._running.pop(number)
        out.append(self._message.put_item(text_in(tool.get("type")) or "executed_tool", tool))

    def _take_calls(self, delta: Json, out: list[ModelEvent]) -> None:
        pieces, function_call = delta.get("tool_calls") or delta.get("tool_call"), delta.get("function_call")
        if pieces or function_call:
            self.flush(out)
        if pieces:
            self._has_tool_calls = True
            self._calls.take(pieces, out)
        elif isinstance(function_call, dict) and function_call and not self._has_tool_calls:
            self._calls.take([{"index": 0, "function": function_call}], out)


def _rest(said: str, whole: str) -> str:
    """Return what ``whole`` says beyond what was ``said``: all of it if it is something else."""
    if whole.startswith(said):
        return whole[len(said) :]
    return "" if whole.rstrip().endswith(said.strip()) and said.strip() else whole
