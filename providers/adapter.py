"""The door to every provider: one streamed call, one result, one trace.

``StreamAdapter.run`` relays what the model says to a sink, measures it, maps every failure to the
taxonomy and hands exactly one trace to the recorder, however the call ends. Start reading here, then
``pump``. It knows no run, no database and no browser.
"""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime

from providers import wires
from providers.boundary import clean_result
from providers.cancellation import RunCancelled
from providers.catalog import Target
from providers.errors import LLMError
from providers.pump import Pump
from providers.sink import EventSink
from providers.timeouts import Timeouts
from providers.traces import CallContext, Recorder
from providers.tracing import describe
from providers.types import (
    ModelRequest,
    Part,
    ProviderItemPart,
    ReasoningPart,
    StepResult,
    TextPart,
    ToolCallPart,
    ToolResultPart,
)
from providers.usage import estimate

__all__ = ["EventSink", "StreamAdapter", "Timeouts"]


class StreamAdapter:
    """Calls one target, any number of times, also at once."""

    def __init__(self, target: Target, *, recorder: Recorder, timeouts: Timeouts | None = None) -> None:
        """Take where to call, who keeps the traces, and other limits than the configured ones."""
        self._target = target
        self._recorder = recorder
        self._timeouts = timeouts or Timeouts.from_settings()
        self._wire = wires.load(target.origin.wire)

    async def run(
        self, request: ModelRequest, *, call: CallContext, cancel: asyncio.Event, sink: EventSink
    ) -> StepResult:
        """Make one call; return all that it said once the provider has ended it.

        Setting ``cancel`` closes the connection at once, whatever the call is waiting for. One that
        comes when the terminal event has been read is too late: the result is returned, and the
        caller decides the race. Nothing is sent when it is set already.

        Raises:
            LLMError: the call failed; ``partial`` holds what there is.
            RunCancelled: ``cancel`` cut the call; ``partial`` and ``upstream_closed_ms`` are set.
        """
        started_at = datetime.now(UTC)
        pump = Pump(self._target, wire=self._wire, sink=sink, timeouts=self._timeouts)
        ending: BaseException | None = None
        result = pump.draft.result()
        try:
            if cancel.is_set():
                raise RunCancelled
            await pump.run(request, cancel)
        except BaseException as exc:
            ending = exc
            raise
        finally:
            result = _settled(pump.draft.result(), request)
            if isinstance(ending, (LLMError, RunCancelled)):
                ending.partial = result
            self._recorder.record(
                describe(
                    pump,
                    target=self._target,
                    call=call,
                    started_at=started_at,
                    result=result,
                    ending=ending,
                )
            )
        return result


def _settled(result: StepResult, request: ModelRequest) -> StepResult:
    """Return ``result`` clean, with an estimate where a cut stream had reported nothing at all."""
    result = clean_result(result)
    if not (result.stream_was_cancelled and result.usage.is_unknown):
        return result
    usage = estimate(input_characters=_length(request), output_characters=_length_of(result.parts))
    return replace(result, usage=usage)


def _length(request: ModelRequest) -> int:
    tools = sum(len(tool.name) + len(tool.description) + len(str(tool.parameters)) for tool in request.tools)
    return len(request.system) + tools + sum(_length_of(message.parts) for message in request.messages)


def _length_of(parts: tuple[Part, ...]) -> int:
    return sum(len(_words(part)) for part in parts)


def _words(part: Part) -> str:
    match part:
        case TextPart() | ReasoningPart():
            return part.text
        case ToolCallPart():
            return part.name + part.arguments
        case ToolResultPart():
            return part.content
        case ProviderItemPart():
            return ""
