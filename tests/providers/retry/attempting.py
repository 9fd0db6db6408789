"""What tests of attempts call with: short answers of every wire, and one step's attempts in the background."""

import asyncio
import json
from dataclasses import dataclass, field
from itertools import count
from typing import Any
from uuid import UUID, uuid4

from providers.adapter import Timeouts
from providers.catalog import Target
from providers.errors import LLMError
from providers.errors.stop_signal import RunCancelled, StopSignal
from providers.retry.attempts import Attempts
from providers.retry.backoff import RetryPolicy
from providers.types import ChatMessage, ModelOptions, ModelRequest, Role, StepResult, TextPart
from providers.types.events import RetryScheduled
from providers.types.trace import CallContext
from tests.providers.calling import PATIENT, Recorder, Sink
from tests.providers.upstream import Behaviour, answering, streaming

#: Pauses that no test has to wait for.
HASTY = RetryPolicy(max_retries=2, base=0.01, cap=0.01, longest_retry_after=1.0)


def events(*payloads: dict[str, Any]) -> bytes:
    """Return an event stream; events that have a type are named by it."""
    return b"".join(
        (f"event: {payload['type']}\n" if "type" in payload else "").encode()
        + f"data: {json.dumps(payload)}\n\n".encode()
        for payload in payloads
    )


def counted(wire: str) -> bytes:
    """The begin of an answer, which tells what it has read but not one word."""
    match wire:
        case "openai-chat":
            return events({"id": "c", "model": "m", "choices": [], "usage": {"prompt_tokens": 7}})
        case "openai-responses":
            return events({"type": "response.created", "response": {"id": "r", "model": "m"}})
        case "anthropic-messages":
            message = {
                "id": "m",
                "model": "m",
                "content": [],
                "usage": {"input_tokens": 7, "output_tokens": 1},
            }
            return events({"type": "message_start", "message": message})
        case _:
            return events({"modelVersion": "m", "usageMetadata": {"promptTokenCount": 7}})


def saying(wire: str, text: str) -> bytes:
    """A whole answer that says ``text`` and has read 10 tokens and written 2."""
    match wire:
        case "openai-chat":
            choices = [{"index": 0, "delta": {"content": text}, "finish_reason": "stop"}]
            usage = {"prompt_tokens": 10, "completion_tokens": 2, "total_tokens": 12}
            return events({"id": "c", "model": "m", "choices": choices}, {"choices": [], "usage": usage})
        case "openai-responses":
            item = {"type": "message", "id": "m", "content": [{"type": "output_text", "text": text}]}
            usage = {"input_tokens": 10, "output_tokens": 2}
            response = {"id": "r", "model": "m", "status": "completed", "output": [item], "usage": usage}
            return events(
                {"type": "response.created", "response": {"id": "r", "model": "m"}},
                {"type": "response.output_item.done", "output_index": 0, "item": item},
                {"type": "response.completed", "response": response},
            )
        case "anthropic-messages":
            message = {"id": "m", "model": "m", "content": [], "usage": {"input_tokens": 10}}
            return events(
                {"type": "message_start", "message": message},
                {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": text}},
                {"type": "content_block_stop", "index": 0},
                {
                    "type": "message_delta",
                    "delta": {"stop_reason": "end_turn"},
                    "usage": {"output_tokens": 2},
                },
                {"type": "message_stop"},
            )
        case _:
            usage = {"promptTokenCount": 10, "candidatesTokenCount": 2}
            candidate = {"content": {"role": "model", "parts": [{"text": text}]}, "finishReason": "STOP"}
            return events({"candidates": [candidate], "modelVersion": "m", "usageMetadata": usage})


def beginning(wire: str) -> bytes:
    """The first word of an answer that goes on."""
    match wire:
        case "openai-chat":
            return events({"id": "c", "model": "m", "choices": [{"index": 0, "delta": {"content": "Well"}}]})
        case "openai-responses":
            return events(
                {"type": "response.created", "response": {"id": "r", "model": "m"}},
                {
                    "type": "response.output_item.added",
                    "output_index": 0,
                    "item": {"type": "message", "id": "m", "role": "assistant", "content": []},
                },
                {
                    "type": "response.output_text.delta",
                    "item_id": "m",
                    "output_index": 0,
                    "content_index": 0,
                    "delta": "Well",
                },
            )
        case "anthropic-messages":
            message = {"id": "m", "model": "m", "content": [], "usage": {"input_tokens": 7}}
            return events(
                {"type": "message_start", "message": message},
                {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
                {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Well"}},
            )
        case _:
            return events({"candidates": [{"content": {"role": "model", "parts": [{"text": "Well"}]}}]})


def speaking(wire: str, text: str = "Hello.") -> Behaviour:
    return streaming(saying(wire, text))


def refusing(status: int, *headers: str, message: str = "Not now") -> Behaviour:
    """Answer with an error that every wire understands by its status."""
    body = json.dumps({"error": {"message": message}}).encode()
    return answering(f"{status} No", body, "content-type: application/json", *headers)


@dataclass
class Step:
    """The attempts of one step in the background, and all that they leave behind."""

    targets: tuple[Target, ...]
    policy: RetryPolicy = HASTY
    timeouts: Timeouts = PATIENT
    prompt: str = "Tell me something."
    options: ModelOptions = field(default_factory=ModelOptions)
    sink: Sink = field(default_factory=Sink)
    recorder: Recorder = field(default_factory=Recorder)
    cancel: StopSignal = field(default_factory=StopSignal)
    #: Every step is another user's, unless the test says otherwise.
    user_id: int = field(default_factory=count(1).__next__)
    run_id: UUID = field(default_factory=uuid4)
    task: asyncio.Task[StepResult] | None = None

    def start(self) -> asyncio.Task[StepResult]:
        self.attempts = Attempts(
            self.targets, policy=self.policy, recorder=self.recorder, timeouts=self.timeouts
        )
        request = ModelRequest(
            origin=self.targets[0].origin,
            messages=(ChatMessage(role=Role.USER, parts=(TextPart(text=self.prompt),)),),
            options=self.options,
        )
        call = CallContext(run_id=self.run_id, step_id=uuid4(), user_id=self.user_id)
        self.task = asyncio.create_task(
            self.attempts.run(request, call=call, cancel=self.cancel, sink=self.sink), name="step under test"
        )
        return self.task

    async def result(self) -> StepResult:
        return await asyncio.wait_for(self.task or self.start(), 30)

    async def failure(self) -> LLMError:
        """Return the error that the step must end with."""
        try:
            result = await self.result()
        except LLMError as error:
            return error
        raise AssertionError(f"the step succeeded: {result.text!r}")

    async def cancellation(self) -> RunCancelled:
        """Set the cancel and return what the step must end with."""
        self.cancel.set()
        try:
            result = await self.result()
        except RunCancelled as cancelled:
            return cancelled
        raise AssertionError(f"the step was not cancelled: {result.text!r}")

    @property
    def news(self) -> list[RetryScheduled]:
        """What the viewer was told between two attempts."""
        return [event for event in self.sink.events if isinstance(event, RetryScheduled)]

    @property
    def story(self) -> list[tuple[int, str, str, int | None]]:
        """Each attempt's number, model, how it ended, and the status that it was answered with."""
        return [
            (trace.attempt, trace.origin.model, trace.error_code or trace.status.value, trace.http_status)
            for trace in self.recorder.traces
        ]
