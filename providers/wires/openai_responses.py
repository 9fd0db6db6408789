"""OpenAI's Responses API: ``POST /responses`` with ``stream: true``.

Reads the decoded server-sent events into model events and one ``StepAccumulator``. Does no I/O and never
sees the SDK, a key or a run. Events are told apart by their ``type`` alone; unknown ones mean
nothing. Source: https://platform.openai.com/docs/api-reference/responses-streaming
"""

from providers.errors import (
    LLMConnectionError,
    LLMContentFilterError,
    LLMEmptyResponseError,
    LLMError,
    LLMMalformedToolCallError,
    LLMServerError,
)
from providers.errors.cancellation import RunCancelled
from providers.errors.translation import from_payload
from providers.types import FinishReason, Json
from providers.types.events import ModelEvent, ResponseStarted, UsageSeen
from providers.wires._openai_responses_body import build_body
from providers.wires._openai_responses_items import Stretch, returnable
from providers.wires._openai_responses_options import show
from providers.wires._openai_responses_output import Output
from providers.wires._openai_responses_usage import usage_from
from providers.wires.accumulator import END_OF_STREAM, StepAccumulator, WireReader

__all__ = ["KIND", "build_body", "read", "show"]

KIND = "openai-responses"

_DELTAS = {
    "response.output_text.delta": Stretch.TEXT,
    "response.refusal.delta": Stretch.REFUSAL,
    "response.reasoning_summary_text.delta": Stretch.SUMMARY,
    "response.reasoning_text.delta": Stretch.THOUGHT,
}

#: The whole words once more; some servers send nothing but these.
_WHOLES = {
    "response.output_text.done": Stretch.TEXT,
    "response.refusal.done": Stretch.REFUSAL,
    "response.reasoning_summary_text.done": Stretch.SUMMARY,
    "response.reasoning_text.done": Stretch.THOUGHT,
}

#: What an end means where the response does not say its status itself.
_ENDS = {
    "response.completed": "completed",
    "response.done": "completed",
    "response.incomplete": "incomplete",
    "response.failed": "failed",
    "response.cancelled": "cancelled",
}


def read(draft: StepAccumulator) -> WireReader:
    """Return a reader of one response; see ``WireReader``.

    An error of the provider's is raised at once. What else the end means is raised at END_OF_STREAM,
    after everything that was said; what follows the terminal event is ignored.
    """
    response = _Response(draft)
    meaning: list[ModelEvent] = []
    heard = False
    try:
        while (event := (yield meaning)) is not END_OF_STREAM:
            heard = True
            meaning = response.take(event) if isinstance(event, dict) else []
        if (error := response.error() if heard else LLMEmptyResponseError()) is not None:
            raise error
    except RunCancelled:
        draft.cancelled()
        raise
    except LLMError:
        # The SDK may raise one after the end, which takes that back.
        draft.stop_reason = None
        raise
    finally:
        response.close()


class _Response:
    """The response so far."""

    def __init__(self, draft: StepAccumulator) -> None:
        self._draft = draft
        self._output = Output(draft)
        self._envelope: Json = {}
        self._started = False
        #: The response says itself that it is incomplete.
        self._is_cut = False

    def take(self, event: Json) -> list[ModelEvent]:
        """Return what ``event`` means. Raises an ``LLMError`` for one that ends the response badly."""
        out: list[ModelEvent] = []
        if self._draft.terminal:
            return out
        kind = event.get("type")
        if not isinstance(kind, str) or kind == "error":
            self._fail(event)
        elif (stretch := _DELTAS.get(kind)) is not None:
            self._output.say(stretch, event, out)
        elif kind == "response.function_call_arguments.delta":
            self._output.extend_call(event, out)
        elif kind == "response.function_call_arguments.done":
            self._output.complete_call(event, out)
        elif (stretch := _WHOLES.get(kind)) is not None:
            self._output.complete_words(stretch, event, out)
        elif kind == "response.output_text.annotation.added":
            self._output.annotate(event, out)
        elif kind == "response.output_item.added":
            self._output.begin(event, out)
        elif kind == "response.output_item.done":
            self._output.finish(event, out)
        elif kind in _ENDS:
            # Perplexity's Agent API sends the response without its envelope.
            self._end(kind, event.get("response") or event, out)
        elif response := event.get("response"):
            self._start(response, out)
        return out

    def _start(self, response: Json, out: list[ModelEvent]) -> None:
        self._envelope = response
        self._draft.model = response.get("model") or self._draft.model
        if not self._started:
            self._started = True
            self._draft.response_id = response.get("id") or None
            out.append(ResponseStarted(self._draft.response_id, self._draft.model))

    def _fail(self, event: Json) -> None:
        """Raise the error in ``event``; OpenAI documents it flat and sends it nested."""
        error = event.get("error")
        if error is None and event.get("type") == "error":
            error = {name: event[name] for name in ("code", "message", "param") if name in event}
        if error is not None:
            self._draft.terminal = True
            raise from_payload({"error": error}, status=None)

    def _end(self, kind: str, response: Json, out: list[ModelEvent]) -> None:
        draft = self._draft
        self._start(response, out)
        draft.terminal = True
        if usage := response.get("usage"):
            draft.raw_usage = usage
            draft.usage = usage_from(usage)
            out.append(UsageSeen(draft.usage))
        said = response.get("status")
        status = str(said) if said in _ENDS.values() else _ENDS[kind]
        reason = (response.get("incomplete_details") or {}).get("reason")
        draft.raw_stop_reason = reason if status == "incomplete" and reason else status
        if status == "failed":
            raise from_payload({"error": response.get("error")}, status=None)
        if status == "cancelled":
            raise LLMServerError("The model provider cancelled its answer. Try again.")
        self._output.conclude(response.get("output") or [], out, cut=status == "incomplete")
        self._is_cut = status == "incomplete"
        if self.error() is None:
            draft.stop_reason = self._stop_reason()

    def error(self) -> LLMError | None:
        """Return what is wrong with the response as it ended; ``None`` when it can be used."""
        if not self._draft.terminal:
            return LLMConnectionError("The stream ended before the answer was complete. Try again.")
        if self._is_cut:
            is_blocked = self._draft.raw_stop_reason == "content_filter" and not self._output.has_text
            details = {"incomplete_details": self._envelope.get("incomplete_details")}
            return LLMContentFilterError(detail=details) if is_blocked else None
        if not all(call.whole for call in self._output.calls):
            return LLMMalformedToolCallError()
        return None if self._output.parts() else LLMEmptyResponseError()

    def _stop_reason(self) -> FinishReason:
        is_filtered = self._draft.raw_stop_reason == "content_filter"
        if self._is_cut and not is_filtered:
            return FinishReason.MAX_TOKENS_EXCEEDED
        if is_filtered or self._output.refused:
            return FinishReason.CONTENT_FILTER
        return FinishReason.TOOL_CALLS if self._output.calls else FinishReason.END_TURN

    def close(self) -> None:
        """Put all there is into the draft: half items into ``parts``, whole ones into ``native``."""
        draft, output = self._draft, self._output
        draft.parts = output.parts()
        draft.native = returnable(output.items)
        if self._started or output.items:
            draft.response = dict(self._envelope)
            if not draft.response.get("output"):
                draft.response["output"] = [item.assembled() for item in output.items]
