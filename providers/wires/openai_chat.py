"""OpenAI's Chat Completions, as OpenAI and many others speak it: ``POST /chat/completions``.

Reads the decoded chunks of choice 0 into model events and one ``StepAccumulator``. Does no I/O and never
sees the SDK, a key or a run. Source: https://platform.openai.com/docs/api-reference/chat-streaming
"""

from typing import Any

from providers.errors import (
    LLMConnectionError,
    LLMContentFilterError,
    LLMContextWindowExceededError,
    LLMEmptyResponseError,
    LLMError,
    LLMMalformedToolCallError,
    LLMProviderOverloadedError,
    LLMServerError,
)
from providers.errors.translation import from_payload
from providers.types import FinishReason, Json
from providers.types.events import (
    ModelEvent,
    ProviderItem,
    ReasoningDelta,
    ReasoningSealed,
    ResponseStarted,
    TextDelta,
    UsageSeen,
)
from providers.wires._openai_chat_body import build_body
from providers.wires._openai_chat_calls import ChatCalls
from providers.wires._openai_chat_message import AssistantMessage, DeltaKind
from providers.wires._openai_chat_options import show
from providers.wires._openai_chat_reasoning import seals, spelled_out
from providers.wires._openai_chat_usage import usage_from
from providers.wires.accumulator import StepAccumulator
from providers.wires.reading import WireDecoder

__all__ = ["KIND", "build_body", "decoder", "show"]

KIND = "openai-chat"

#: The output limit was reached: OpenAI's word, Mistral's, and that of some self-hosted servers.
_LIMITS = frozenset({"length", "model_length", "max_tokens"})
#: A filter stopped the answer: OpenAI's word and Zhipu's.
_FILTERS = frozenset({"content_filter", "sensitive"})
#: Ends that cut the answer wherever it was: half a tool call is nobody's mistake then.
_CUTS = _LIMITS | _FILTERS
#: An answer that had to be broken off, as DeepSeek and Zhipu say it.
_FAILURES: dict[str, type[LLMError]] = {
    "insufficient_system_resource": LLMProviderOverloadedError,
    "network_error": LLMServerError,
    "model_context_window_exceeded": LLMContextWindowExceededError,
}


def decoder(accumulator: StepAccumulator) -> WireDecoder:
    """Return the decoder of one stream.

    Usage follows ``finish_reason`` in a chunk of its own, so the end is judged when the stream has ended;
    ``accumulator.terminal`` is set at ``finish_reason``. Where an answer may consist of thoughts only, they stream as
    thoughts; if the stream ends without text, all of them follow at once as text.
    """
    return _Completion(accumulator)


class _Completion:
    """The completion so far."""

    def __init__(self, accumulator: StepAccumulator) -> None:
        self._accumulator = accumulator
        self._message = AssistantMessage(thoughts_go_back_as=accumulator.quirks.thoughts_go_back_as)
        self._calls = ChatCalls(accumulator, self._message)
        self._envelope: Json = {}
        self._started = False
        self._last_choice: Json = {}
        self._has_findings = False
        #: Tools that the server runs itself and has not said the output of, by their number.
        self._running: dict[Any, Json] = {}

    def take(self, event: Json) -> list[ModelEvent]:
        """Return what ``event`` means. Raises an ``LLMError`` for an error object."""
        out: list[ModelEvent] = []
        if error := event.get("error"):
            raise from_payload({"error": error}, status=None)
        choices = event.get("choices")
        # Azure begins with a chunk about the prompt that has no id, no model and no choice.
        if not self._started and (choices or event.get("id")):
            self._start(event, out)
        for choice in choices or ():
            if not choice.get("index"):
                self._take_choice(choice, event, out)
        if not choices:
            self._note_envelope(event)
            self._take_findings(event, out)
        # Groq has a place of its own for the counts, and does not always repeat them in the usual one.
        if usage := event.get("usage") or (event.get("x_groq") or {}).get("usage"):
            self._count(usage, out)
        return out

    def _start(self, event: Json, out: list[ModelEvent]) -> None:
        self._started = True
        self._note_envelope(event)
        self._accumulator.response_id = event.get("id") or None
        self._accumulator.model = event.get("model") or None
        out.append(ResponseStarted(self._accumulator.response_id, self._accumulator.model))

    def _note_envelope(self, event: Json) -> None:
        names = ("id", "created", "model", "provider", "service_tier", "system_fingerprint")
        self._envelope |= {name: event[name] for name in names if event.get(name)}

    def _take_choice(self, choice: Json, event: Json, out: list[ModelEvent]) -> None:
        if delta := choice.get("delta"):
            self._take_thoughts(delta, out)
            if content := delta.get("content"):
                self._take_content(content, out)
            if refusal := delta.get("refusal"):
                self._say(DeltaKind.REFUSAL, refusal, out)
            if annotations := delta.get("annotations"):
                self._cite(annotations, out)
            if images := delta.get("images"):
                out += (self._message.put_item(image.get("type", "image"), image) for image in images)
            if tools := delta.get("executed_tools"):
                self._take_tools(tools, out)
            if pieces := delta.get("tool_calls"):
                self._calls.take(pieces, out)
            if function_call := delta.get("function_call"):
                self._calls.take([{"index": 0, "function": function_call}], out)
        if reason := choice.get("finish_reason"):
            self._take_findings(event, out)
            self._end(reason, choice, out)

    def _take_thoughts(self, delta: Json, out: list[ModelEvent]) -> None:
        # Some servers send the same words under two names at once.
        name = "reasoning_content" if delta.get("reasoning_content") else "reasoning"
        words = delta.get(name)
        details = delta.get("reasoning_details")
        if not words and not details:
            return
        details = [detail for detail in details or () if isinstance(detail, dict)]
        words = words or spelled_out(details)
        if words and isinstance(words, str):
            self._message.thoughts_name = name
            self._say(DeltaKind.THOUGHT, words, out)
        for detail in details:
            self._message.details.add(detail)
        out += (ReasoningSealed(seal, self._message.seal(seal)) for seal in seals(details))

    def _take_content(self, content: Any, out: list[ModelEvent]) -> None:
        if isinstance(content, str):
            self._say(DeltaKind.TEXT, content, out)
            return
        # Mistral's reasoning models send a list of parts.
        for part in content:
            match part.get("type"):
                case "text":
                    self._say(DeltaKind.TEXT, part.get("text") or "", out)
                case "thinking":
                    thought = "".join(inner.get("text") or "" for inner in part.get("thinking") or ())
                    self._say(DeltaKind.THOUGHT, thought, out)
                case kind:
                    out.append(self._message.put_item(str(kind), part))

    def _say(self, kind: DeltaKind, text: str, out: list[ModelEvent]) -> None:
        if text:
            index = self._message.say(kind, text)
            out.append(ReasoningDelta(text, index) if kind is DeltaKind.THOUGHT else TextDelta(text))

    def _take_findings(self, event: Json, out: list[ModelEvent]) -> None:
        """Take what a server that searched by itself (Perplexity, xAI) hangs on its chunks, in full each time."""
        found = event.get("search_results") or [{"url": url} for url in event.get("citations") or ()]
        if found and not self._has_findings:
            self._has_findings = True
            self._cite(found, out)

    def _take_tools(self, tools: list[Json], out: list[ModelEvent]) -> None:
        """Take the tools that Groq runs itself: each is announced, and said again with its output."""
        for tool in tools:
            self._running[tool.get("index")] = tool
            if "output" in tool:
                self._put_tool(tool.get("index"), out)

    def _put_tool(self, number: Any, out: list[ModelEvent]) -> None:
        tool = self._running.pop(number)
        out.append(self._message.put_item(tool.get("type") or "executed_tool", tool))

    def _cite(self, annotations: list[Json], out: list[ModelEvent]) -> None:
        self._message.annotations += annotations
        out += (ProviderItem("citation", annotation) for annotation in annotations)

    def _end(self, reason: str, choice: Json, out: list[ModelEvent]) -> None:
        self._accumulator.raw_stop_reason = reason
        self._accumulator.terminal = True
        self._last_choice = choice
        for number in tuple(self._running):
            self._put_tool(number, out)
        self._calls.finish(out, cut=reason in _CUTS)
        if self.error() is None:
            if self._accumulator.quirks.thoughts_may_be_the_answer and reason not in _CUTS:
                self._say(DeltaKind.ECHO, self._message.thoughts, out)
            self._accumulator.stop_reason = self._stop_reason(reason)

    def _stop_reason(self, reason: str) -> FinishReason:
        if reason in _LIMITS:
            return FinishReason.MAX_TOKENS_EXCEEDED
        if reason in _FILTERS or self._message.refused:
            return FinishReason.CONTENT_FILTER
        # A call that the request demanded by name ends with plain ``stop``.
        return FinishReason.TOOL_CALLS if self._calls else FinishReason.END_TURN

    def _count(self, raw: Json, out: list[ModelEvent]) -> None:
        self._accumulator.raw_usage = raw
        # Some servers repeat a running count on every chunk.
        if (usage := usage_from(raw, is_final=self._accumulator.terminal)) != self._accumulator.usage:
            self._accumulator.usage = usage
            out.append(UsageSeen(usage))

    def error(self) -> LLMError | None:
        """Return what is wrong with the completion as it ended; ``None`` when it can be used."""
        reason = self._accumulator.raw_stop_reason
        if reason is None:
            return LLMConnectionError("The stream ended before the answer was complete. Try again.")
        if reason in _FILTERS and not self._message.has_text:
            results = self._last_choice.get("content_filter_results")
            return LLMContentFilterError(detail={"content_filter_results": results})
        if reason in _CUTS:
            return None
        if reason == "error":
            return from_payload({"error": self._last_choice.get("error")}, status=None)
        if (failure := _FAILURES.get(reason)) is not None:
            return failure()
        if self._calls.are_unusable:
            return LLMMalformedToolCallError()
        return None if self._message.parts() else LLMEmptyResponseError()

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
