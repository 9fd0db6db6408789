"""OpenAI's Chat Completions, as OpenAI and many others speak it: ``POST /chat/completions``.

Reads the decoded chunks of one choice into model events and one ``StepAccumulator``. Does no I/O and never
sees the SDK, a key or a run. Source: https://platform.openai.com/docs/api-reference/chat-streaming
"""

from providers.errors import (
    LLMContextWindowExceededError,
    LLMError,
    LLMMalformedToolCallError,
)
from providers.types import FinishReason, Json
from providers.types.events import ModelEvent, ResponseStarted, UsageSeen
from providers.wires._openai_chat_body import build_body
from providers.wires._openai_chat_calls import ChatCalls
from providers.wires._openai_chat_delta import DeltaReader
from providers.wires._openai_chat_ends import AnswerEnd
from providers.wires._openai_chat_media import PICTURE_FIELDS
from providers.wires._openai_chat_message import AssistantMessage
from providers.wires._openai_chat_options import show
from providers.wires._openai_chat_shapes import is_thought_name
from providers.wires._openai_chat_usage import ELSEWHERE, reported_in
from providers.wires._openai_usage import usage_from
from providers.wires.accumulator import StepAccumulator
from providers.wires.reading import WireDecoder
from providers.wires.shapes import index_in, object_in, objects_in, text_in

__all__ = ["KIND", "build_body", "decoder", "show"]

KIND = "openai-chat"

#: What a choice holds whose delta is all that it says.
_PLAIN = frozenset({"index", "delta", "finish_reason", "native_finish_reason", "logprobs"})
#: What of a delta some servers put beside it.
_BESIDE = frozenset({*PICTURE_FIELDS, "audio"})
#: What a chunk has, and Cloudflare's own form of one.
_CHUNK = frozenset({"choices", "response"})
_ENVELOPE = ("id", "created", "model", "provider", "service_tier", "system_fingerprint")


def decoder(accumulator: StepAccumulator) -> WireDecoder:
    """Return the decoder of one stream.

    Usage, words and calls may follow ``finish_reason``, so the answer is judged when the stream has ended;
    ``accumulator.terminal`` is set at ``finish_reason``. Where an answer may consist of thoughts only, they stream as
    thoughts; if the stream ends without text, all of them follow at once as text.
    """
    return _Completion(accumulator)


class _Completion(WireDecoder):
    """The completion so far."""

    def __init__(self, accumulator: StepAccumulator) -> None:
        self._accumulator = accumulator
        self._message = AssistantMessage(thoughts_go_back_as=accumulator.quirks.thoughts_go_back_as)
        self._calls = ChatCalls(accumulator, self._message)
        self._delta = DeltaReader(
            self._message, self._calls, takes_tags=accumulator.quirks.thoughts_may_be_in_tags
        )
        self._end = AnswerEnd()
        self._envelope: Json = {}
        self._started = False
        #: The number of the choice that is read; ``None`` before the first one.
        self._choice: int | None = None
        #: Whether the usage so far covers everything that was said.
        self._is_counted = False
        self._is_concluded = False
        #: Whether a whole completion came in place of a stream.
        self._is_whole = False

    def take(self, event: Json) -> list[ModelEvent]:
        """Return what ``event`` means, whatever it reports beside that."""
        out: list[ModelEvent] = []
        if self._started and (delta := _plain_delta(event, self._choice)) is not None:
            self._delta.take(delta, out)
            self._is_counted &= not out
            return out
        if "choices" not in event:
            event = _unwrapped(event)
        choices = objects_in(event.get("choices"))
        # Azure begins with a chunk about the prompt that has no id, no model and no choice.
        if not self._started and (choices or event.get("id")):
            self._start(event, out)
        for choice in choices:
            if self._is_ours(choice):
                self._take_choice(choice, event, out)
        if not choices:
            self._note_envelope(event)
            self._delta.take_findings(event, out)
        self._count(event, out)
        return out

    def _start(self, event: Json, out: list[ModelEvent]) -> None:
        self._started = True
        self._note_envelope(event)
        self._accumulator.response_id = event.get("id") or None
        self._accumulator.model = event.get("model") or None
        out.append(ResponseStarted(self._accumulator.response_id, self._accumulator.model))

    def _note_envelope(self, event: Json) -> None:
        self._envelope |= {name: event[name] for name in _ENVELOPE if event.get(name)}

    def _is_ours(self, choice: Json) -> bool:
        """Return whether ``choice`` is the one that is read: the first one, whatever its number."""
        index = index_in(choice.get("index"))
        if self._choice is None:
            self._choice = index
        return index is None or index == (self._choice or 0)

    def _take_choice(self, choice: Json, event: Json, out: list[ModelEvent]) -> None:
        said = len(out)
        delta, message = choice.get("delta"), object_in(choice.get("message"))
        if isinstance(delta, str):
            delta = {"content": delta}
        if beside := {name: choice[name] for name in choice if name in _BESIDE or is_thought_name(name)}:
            self._delta.take(beside, out)
        for one in objects_in(delta):
            self._delta.take(one, out)
        if choice.get("finish_reason") is None and event.get("finish_reason"):
            choice = {**choice, "finish_reason": event["finish_reason"]}
        is_end = self._end.note(choice)
        # Perplexity repeats the whole message so far beside each delta.
        if message and (is_end or not isinstance(delta, dict)):
            self._is_whole |= event.get("object") == "chat.completion"
            self._delta.take_message(message, out, repeats=is_end)
        elif delta is None and (text := text_in(choice.get("text"))):
            self._delta.take({"content": text}, out)
        self._is_counted &= len(out) == said
        if is_end:
            self._delta.take_findings(event, out)
            self._note_end(out)

    def _note_end(self, out: list[ModelEvent]) -> None:
        """Note that the answer has its end. Words, calls and usage may still follow."""
        accumulator = self._accumulator
        accumulator.terminal = True
        accumulator.raw_stop_reason = self._end.raw
        self._delta.finish_tools(out)
        if not self._end.is_cut:
            self._calls.finish_complete(out, are_announced=self._end.meaning is FinishReason.TOOL_CALLS)
        if self.error() is None:
            accumulator.stop_reason = self._stop_reason()

    def conclude(self) -> list[ModelEvent]:
        """Return what is only known now that nothing follows: the rest of calls and media, and echoed thoughts."""
        out: list[ModelEvent] = []
        if self._is_concluded:
            return out
        self._is_concluded = True
        accumulator = self._accumulator
        self._delta.flush(out)
        if not accumulator.terminal and (accumulator.is_done or self._is_whole) and self._message.has_content:
            # ``[DONE]`` is said after a whole answer. A call that is half is no end of one.
            accumulator.terminal = self._calls.are_whole
        if not accumulator.terminal:
            return out
        is_cut = self._is_cut_call or self._end.is_cut
        self._calls.conclude(out, cut=is_cut)
        self._delta.conclude(out, may_echo=not is_cut and self._may_echo)
        accumulator.stop_reason = self._stop_reason() if self.error() is None else None
        if accumulator.raw_usage is not None:
            self._set_usage(accumulator.raw_usage, out)
        return out

    @property
    def _is_cut_call(self) -> bool:
        """Whether the output limit cut a call, although the end reason does not say so."""
        written, limit = self._accumulator.usage.output_tokens, self._accumulator.output_limit
        return written is not None and limit is not None and written >= limit and not self._calls.are_whole

    @property
    def _may_echo(self) -> bool:
        is_plain = self._end.failure(has_text=False) is None
        return is_plain and self._accumulator.quirks.thoughts_may_be_the_answer

    def _stop_reason(self) -> FinishReason:
        meaning = self._end.meaning
        if meaning is FinishReason.MAX_TOKENS_EXCEEDED or self._is_cut_call:
            return FinishReason.MAX_TOKENS_EXCEEDED
        if meaning is FinishReason.CONTENT_FILTER or self._message.refused:
            return FinishReason.CONTENT_FILTER
        if meaning is FinishReason.PAUSE_TURN and not self._calls:
            return FinishReason.PAUSE_TURN
        # A call that the request demanded by name ends with plain ``stop``.
        return FinishReason.TOOL_CALLS if self._calls else FinishReason.END_TURN

    def _count(self, event: Json, out: list[ModelEvent]) -> None:
        raw = reported_in(event, self._accumulator.raw_usage)
        if raw is not None:
            self._accumulator.raw_usage = raw
            self._is_counted = True
            self._set_usage(raw, out)

    def _set_usage(self, raw: Json, out: list[ModelEvent]) -> None:
        accumulator = self._accumulator
        usage = usage_from(
            raw,
            is_final=accumulator.terminal and self._is_counted,
            model=text_in(accumulator.model),
            has_words=self._message.has_parts,
        )
        # Some servers repeat a running count on every chunk.
        if usage != accumulator.usage:
            accumulator.usage = usage
            out.append(UsageSeen(usage))

    def error(self) -> LLMError | None:
        """Return what is wrong with the completion as it ended; ``None`` when it can be used."""
        if (failure := self._end.failure(has_text=self._message.has_text)) is not None:
            return failure
        if not self._accumulator.terminal:
            if self._accumulator.is_done and not self._message.has_content:
                return self._accumulator.empty_answer()
            return self._accumulator.incomplete_answer()
        meaning = self._end.meaning
        if meaning is FinishReason.MAX_TOKENS_EXCEEDED:
            is_window = "context" in (self._end.raw or "")
            return LLMContextWindowExceededError() if is_window and not self._message.has_parts else None
        if meaning is FinishReason.CONTENT_FILTER or self._is_cut_call:
            return None
        if self._calls.are_unusable or (meaning is FinishReason.TOOL_CALLS and not self._calls):
            return LLMMalformedToolCallError()
        return None if self._message.has_content else self._accumulator.empty_answer()

    def store(self) -> None:
        """Put all there is into the accumulator, half of it or whole."""
        accumulator, message = self._accumulator, self._message
        accumulator.parts = message.parts()
        accumulator.native = message.native(is_whole=accumulator.terminal)
        if self._started:
            choice = {
                "index": 0,
                "message": message.assembled(),
                "finish_reason": accumulator.raw_stop_reason,
            }
            accumulator.response = {**self._envelope, "object": "chat.completion", "choices": [choice]}
            if accumulator.raw_usage is not None:
                accumulator.response["usage"] = accumulator.raw_usage


def _plain_delta(event: Json, index: int | None) -> Json | None:
    """Return the delta of a chunk that holds nothing else, as most do; ``None`` for every other chunk."""
    choices = event.get("choices")
    if event.get("usage") is not None or type(choices) is not list or len(choices) != 1:
        return None
    choice = choices[0]
    if type(choice) is not dict or choice.get("index") != index or choice.get("finish_reason") is not None:
        return None
    delta = choice.get("delta")
    if (
        type(delta) is not dict
        or "usage" in delta
        or "error" in delta
        or "finish_reason" in delta
        or "finish_reason" in event
        or not (choice.keys() <= _PLAIN and ELSEWHERE.isdisjoint(event))
    ):
        return None
    return delta


def _unwrapped(event: Json) -> Json:
    """Return the chunk that a gateway has put into an envelope of its own; ``event`` itself if there is none."""
    inner = (event.get(name) for name in ("data", "result", "response", "body"))
    found = (chunk for chunk in inner if isinstance(chunk, dict) and not _CHUNK.isdisjoint(chunk))
    chunk = next(found, event)
    words = chunk.get("response")
    if "choices" in chunk or not (isinstance(words, str) or ("response" in chunk and "tool_calls" in chunk)):
        return chunk
    # Cloudflare's own form of a chunk, or of a whole answer in an envelope.
    choice: Json = {"index": 0, "delta": {"content": words, "tool_calls": chunk.get("tool_calls")}}
    return {**chunk, "choices": [choice if chunk is event else choice | {"finish_reason": "stop"}]}
