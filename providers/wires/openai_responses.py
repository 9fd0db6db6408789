"""OpenAI's Responses API: ``POST /responses`` with ``stream: true``.

Reads the decoded server-sent events into model events and one ``StepAccumulator``. Does no I/O and never
sees the SDK, a key or a run. Events are told apart by their ``type`` alone; unknown ones mean
nothing. Source: https://platform.openai.com/docs/api-reference/responses-streaming
"""

from collections.abc import Callable

from providers.errors import (
    LLMContentFilterError,
    LLMError,
    LLMMalformedToolCallError,
    LLMServerError,
)
from providers.errors.translation import from_payload
from providers.types import FinishReason, Json
from providers.types.events import ModelEvent, ResponseStarted, UsageSeen
from providers.wires import finish_reasons
from providers.wires._openai_responses_body import build_body
from providers.wires._openai_responses_items import ContentKind, returnable, unexecuted
from providers.wires._openai_responses_options import show
from providers.wires._openai_responses_output import Output
from providers.wires._openai_usage import usage_from
from providers.wires.accumulator import StepAccumulator
from providers.wires.emptiness import has_content
from providers.wires.reading import WireDecoder
from providers.wires.shapes import object_in, text_in
from providers.wires.usage_merging import merged

__all__ = ["KIND", "build_body", "decoder", "show"]

KIND = "openai-responses"

#: Names of earlier drafts and of compatible servers stand beside OpenAI's own.
_DELTAS = {
    "response.output_text.delta": ContentKind.TEXT,
    "response.text.delta": ContentKind.TEXT,
    "response.refusal.delta": ContentKind.REFUSAL,
    "response.reasoning_summary_text.delta": ContentKind.SUMMARY,
    "response.reasoning_summary.delta": ContentKind.SUMMARY,
    "response.reasoning_text.delta": ContentKind.THOUGHT,
    "response.reasoning.delta": ContentKind.THOUGHT,
    "response.reasoning_content.delta": ContentKind.THOUGHT,
}

#: The whole words once more; some servers send nothing but these.
_WHOLES = {name.removesuffix("delta") + "done": kind for name, kind in _DELTAS.items()}
#: Whole content parts: words, too.
_PARTS = frozenset({"response.content_part.done", "response.reasoning_summary_part.done"})
#: Their starts, which hold the words already where a server sends no deltas.
_PART_STARTS = frozenset({"response.content_part.added", "response.reasoning_summary_part.added"})

#: What an end means where the response does not say its status itself.
_ENDS = {
    "response.completed": "completed",
    "response.done": "completed",
    "response.incomplete": "incomplete",
    "response.failed": "failed",
    "response.cancelled": "cancelled",
}


def decoder(accumulator: StepAccumulator) -> WireDecoder:
    """Return the decoder of one stream.

    An error of the provider's is raised at once. Events after the terminal event are ignored.
    """
    return _Response(accumulator)


class _Response(WireDecoder):
    """The response so far."""

    def __init__(self, accumulator: StepAccumulator) -> None:
        self._accumulator = accumulator
        self._output = Output(accumulator)
        self._envelope: Json = {}
        self._started = False
        self._others: dict[str, Callable[[Json, list[ModelEvent]], None]] = {
            "response.function_call_arguments.delta": self._output.extend_call,
            "response.function_call_arguments.done": self._output.complete_call,
            "response.output_text.annotation.added": self._output.annotate,
            "response.output_item.added": self._output.begin,
            "response.output_item.done": self._output.finish,
        }
        #: The response says itself that it is incomplete.
        self._is_cut = False

    def take(self, event: Json) -> list[ModelEvent]:
        """Return what ``event`` means. Raises an ``LLMError`` for one that ends the response badly."""
        out: list[ModelEvent] = []
        if self._accumulator.terminal:
            return out
        kind = text_in(event.get("type"))
        if (stretch := _DELTAS.get(kind)) is not None:
            self._output.say(stretch, event, out)
        elif kind in {"", "response"} and isinstance(event.get("output"), list):
            # A whole answer, as the API gives it without streaming.
            self._end("response.completed", event, out)
        elif kind in {"", "error"}:
            self._count(event)
        elif (stretch := _WHOLES.get(kind)) is not None:
            self._output.complete_words(stretch, event, out)
        elif kind in _PARTS:
            self._output.complete_part(event, out)
        elif kind in _PART_STARTS:
            self._output.begin_part(event)
        elif (take := self._others.get(kind)) is not None:
            take(event, out)
        elif kind in _ENDS:
            # Perplexity's Agent API sends the response without its envelope.
            self._end(kind, event, out)
        elif response := object_in(event.get("response")):
            self._start(response, out)
        elif self._count(event, is_final=False):
            out.append(UsageSeen(self._accumulator.usage))
        return out

    def conclude(self) -> list[ModelEvent]:
        """Take ``[DONE]`` after whole items for the end, where a gateway sends no terminal event."""
        out: list[ModelEvent] = []
        accumulator = self._accumulator
        if not accumulator.terminal and accumulator.is_done and self._output.is_whole:
            accumulator.terminal = True
            self._output.conclude([], out, cut=False)
            accumulator.stop_reason = self._stop_reason() if self.error() is None else None
        return out

    def _start(self, response: Json, out: list[ModelEvent]) -> None:
        self._envelope = response
        self._count(response, is_final=False)
        self._accumulator.model = text_in(response.get("model")) or self._accumulator.model
        if not self._started:
            self._started = True
            self._accumulator.response_id = text_in(response.get("id")) or None
            out.append(ResponseStarted(self._accumulator.response_id, self._accumulator.model))

    def _count(self, response: Json, *, is_final: bool = True) -> bool:
        """Take the usage of a response; return whether there is any."""
        accumulator = self._accumulator
        if not (usage := object_in(response.get("usage"))):
            return False
        accumulator.raw_usage = merged(accumulator.raw_usage, usage)
        # Totals of 0 before the end are placeholders, as they are in a complete answer that says something. OpenAI's
        # own incomplete answers end with some.
        is_complete = bool(self._output.items) and response.get("status") == "completed"
        accumulator.usage = usage_from(
            accumulator.raw_usage, is_final=is_final, has_words=not is_final or is_complete
        )
        return True

    def _end(self, kind: str, event: Json, out: list[ModelEvent]) -> None:
        accumulator = self._accumulator
        response = object_in(event.get("response")) or event
        self._start(response, out)
        accumulator.terminal = True
        if self._count(response) or self._count(event):
            out.append(UsageSeen(accumulator.usage))
        said = text_in(response.get("status")).lower()
        status = said if said in _ENDS.values() else _ENDS[kind]
        details = response.get("incomplete_details")
        reason = text_in(object_in(details).get("reason")) or text_in(details)
        accumulator.raw_stop_reason = reason if status == "incomplete" and reason else status
        if status == "failed":
            raise from_payload({"error": response.get("error")}, status=None)
        if status == "cancelled":
            raise LLMServerError("The model provider cancelled its answer. Try again.")
        output = response.get("output")
        if not output and (words := text_in(response.get("output_text"))):
            output = [{"type": "message", "content": words}]
        self._output.conclude(output, out, cut=status == "incomplete")
        self._is_cut = status == "incomplete" or self._output.has_cut_call
        if self.error() is None:
            accumulator.stop_reason = self._stop_reason()

    def error(self) -> LLMError | None:
        """Return what is wrong with the response as it ended; ``None`` when it can be used."""
        if not self._accumulator.terminal:
            return self._accumulator.incomplete_answer()
        if self._is_cut:
            return self._error_of_cut()
        if not all(call.whole for call in self._output.calls):
            return LLMMalformedToolCallError()
        return None if has_content(self._output.parts()) else self._accumulator.empty_answer()

    def _error_of_cut(self) -> LLMError | None:
        details = {"incomplete_details": self._envelope.get("incomplete_details")}
        failure = finish_reasons.failure(self._accumulator.raw_stop_reason, detail=details)
        if failure is not None and not isinstance(failure, LLMContentFilterError):
            return failure
        is_blocked = self._is_filtered and not self._output.has_text
        return LLMContentFilterError(detail=details) if is_blocked else None

    @property
    def _is_filtered(self) -> bool:
        meant = finish_reasons.meaning(self._accumulator.raw_stop_reason)
        return meant in {FinishReason.CONTENT_FILTER, LLMContentFilterError}

    def _stop_reason(self) -> FinishReason:
        if self._is_cut and not self._is_filtered:
            return FinishReason.MAX_TOKENS_EXCEEDED
        if self._is_filtered or self._output.refused:
            return FinishReason.CONTENT_FILTER
        return FinishReason.TOOL_CALLS if self._output.calls else FinishReason.END_TURN

    def store(self) -> None:
        """Put all there is into the accumulator: half items into ``parts``, whole ones into ``native``."""
        accumulator, output = self._accumulator, self._output
        accumulator.parts = output.parts()
        accumulator.native = returnable(output.in_order)
        accumulator.unexecuted = unexecuted(output.in_order)
        if self._started or output.items:
            accumulator.response = dict(self._envelope)
            if not accumulator.response.get("output"):
                accumulator.response["output"] = [item.assembled() for item in output.in_order]
