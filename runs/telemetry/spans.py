"""Spans of runs by OpenTelemetry's conventions for generative AI, if ``RUNNEL_OTEL`` is on.

A segment of a run is a span ``invoke_agent``, each provider call in it a ``chat``, each tool an ``execute_tool``.
Spans of calls and tools are made when these have ended, with the times that were noted. Prompts, answers, arguments and
results are in no span, unless ``RUNNEL_OTEL_PAYLOADS`` is on. This is the only module that knows OpenTelemetry's SDK,
which ``make otel`` installs; its own variables (``OTEL_EXPORTER_OTLP_ENDPOINT``, …) say where spans go.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from opentelemetry import trace
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, Tracer
from opentelemetry.util.types import AttributeValue

from providers.types import ModelRequest, StepResult
from providers.types.messages import Part, ReasoningPart, TextPart, ToolCallPart, ToolResultPart
from providers.types.trace import TraceRecord, TraceStatus

#: The conventions' names of providers that have one. Others are called as here.
_PROVIDERS = {
    "azure": "azure.ai.openai",
    "azure-chat": "azure.ai.openai",
    "bedrock": "aws.bedrock",
    "bedrock-runtime": "aws.bedrock",
    "gemini": "gcp.gemini",
    "mistral": "mistral_ai",
    "openai-chat": "openai",
    "vertex": "gcp.vertex_ai",
    "vertex-anthropic": "gcp.vertex_ai",
    "xai": "x_ai",
}
_USAGE = {
    "gen_ai.usage.input_tokens": "input_tokens",
    "gen_ai.usage.cache_read.input_tokens": "cached_input_tokens",
    "gen_ai.usage.cache_creation.input_tokens": "cache_write_input_tokens",
    "gen_ai.usage.output_tokens": "output_tokens",
    "gen_ai.usage.reasoning.output_tokens": "reasoning_tokens",
}

_tracer: Tracer | None = None
_provider: Any = None
#: The spans of the runs that are driven here.
_runs: dict[UUID, Span] = {}


def configure(exporter: Any = None) -> None:
    """Begin to make spans if the setting is on, and send them to ``exporter``; by default by OTLP over HTTP."""
    global _tracer, _provider  # noqa: PLW0603 - one for the process
    if not settings.RUNNEL_OTEL or _tracer is not None:
        return
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor

    if exporter is None:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

        processor: Any = BatchSpanProcessor(OTLPSpanExporter())
    else:
        processor = SimpleSpanProcessor(exporter)
    resource = Resource.create()
    if str(resource.attributes["service.name"]).startswith("unknown_service"):
        # Neither OTEL_SERVICE_NAME nor OTEL_RESOURCE_ATTRIBUTES names one.
        resource = resource.merge(Resource({"service.name": "runnel"}))
    _provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    _provider.add_span_processor(processor)
    _tracer = _provider.get_tracer("runnel")


def close() -> None:
    """Send what was not sent yet, and make no more spans. Blocks."""
    global _tracer, _provider
    provider, _provider, _tracer = _provider, None, None
    _runs.clear()
    if provider is not None:
        provider.shutdown()


def begin_run(run_id: UUID, conversation_id: UUID, owner_id: int, *, model: str, segment: int) -> None:
    """Begin the span of a segment of a run."""
    if _tracer is None:
        return
    attributes: dict[str, AttributeValue] = {
        "gen_ai.operation.name": "invoke_agent",
        "gen_ai.agent.name": "runnel",
        "gen_ai.conversation.id": str(conversation_id),
        "gen_ai.request.model": model,
        "runnel.run.id": str(run_id),
        "runnel.run.segment": segment,
        "user.id": str(owner_id),
    }
    _runs[run_id] = _tracer.start_span("invoke_agent runnel", kind=SpanKind.INTERNAL, attributes=attributes)


def end_run(run_id: UUID, *, stop_reason: str = "", error_code: str = "") -> None:
    """End the span of a run's segment, if it has not ended. ``stop_reason`` is empty if nobody here knows it."""
    span = _runs.pop(run_id, None)
    if span is None:
        return
    if stop_reason:
        span.set_attribute("runnel.stop_reason", stop_reason)
    _note_error(span, error_code)
    span.end()


def add_calls(request: ModelRequest, result: StepResult | None, traces: Sequence[TraceRecord]) -> None:
    """Make a span of each attempt of a step's provider call. What came back belongs to the last one."""
    if _tracer is None:
        return
    for number, record in enumerate(traces, 1):
        _add_call(_tracer, request, result if number == len(traces) else None, record)


def _add_call(tracer: Tracer, request: ModelRequest, result: StepResult | None, record: TraceRecord) -> None:
    origin = record.origin
    attributes: dict[str, Any] = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": _PROVIDERS.get(origin.provider, origin.provider),
        "gen_ai.request.model": origin.model,
        "gen_ai.request.stream": True,
        "gen_ai.response.model": record.model_served,
        "http.response.status_code": record.http_status,
        "runnel.attempt": record.attempt,
        "runnel.step.id": str(record.step_id),
        "runnel.stream_was_cancelled": record.stream_was_cancelled,
        "server.address": record.url.partition("/")[0] or None,
        **_options_of(request),
    }
    if record.first_token_at is not None:
        waited = (record.first_token_at - record.started_at).total_seconds()
        attributes["gen_ai.response.time_to_first_chunk"] = waited
    if result is not None:
        attributes |= {name: getattr(result.usage, field) for name, field in _USAGE.items()}
        attributes["gen_ai.response.id"] = result.response_id
        if result.stop_reason is not None:
            attributes["gen_ai.response.finish_reasons"] = (result.stop_reason.value,)
    if settings.RUNNEL_OTEL_PAYLOADS:
        attributes |= _payloads(request, result)
    span = _start(
        tracer, record.run_id, f"chat {origin.model}", SpanKind.CLIENT, attributes, record.started_at
    )
    if record.status is TraceStatus.FAILED:
        _note_error(span, record.error_code or "_OTHER")
    span.end(_nanoseconds(record.ended_at))


def _options_of(request: ModelRequest) -> dict[str, Any]:
    options = request.options
    return {
        "gen_ai.request.max_tokens": options.max_output_tokens,
        "gen_ai.request.stop_sequences": options.stop_sequences or None,
        "gen_ai.request.temperature": options.temperature,
        "gen_ai.request.top_p": options.top_p,
    }


def add_tool(
    run_id: UUID,
    *,
    name: str,
    call_id: str,
    arguments: str,
    result: str,
    is_error: bool,
    status: str,
    began_at: datetime,
) -> None:
    """Make the span of a tool that was executed for a run since ``began_at``."""
    if _tracer is None:
        return
    attributes = {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": name,
        "gen_ai.tool.call.id": call_id,
        "gen_ai.tool.type": "function",
        "runnel.tool.status": status,
    }
    if settings.RUNNEL_OTEL_PAYLOADS:
        attributes |= {"gen_ai.tool.call.arguments": arguments, "gen_ai.tool.call.result": result}
    span = _start(_tracer, run_id, f"execute_tool {name}", SpanKind.INTERNAL, attributes, began_at)
    if is_error:
        _note_error(span, status)
    span.end()


def _start(
    tracer: Tracer,
    run_id: UUID,
    name: str,
    kind: SpanKind,
    attributes: Mapping[str, Any],
    began_at: datetime,
) -> Span:
    parent = _runs.get(run_id)
    return tracer.start_span(
        name,
        context=trace.set_span_in_context(parent) if parent is not None else None,
        kind=kind,
        attributes={key: value for key, value in attributes.items() if value is not None},
        start_time=_nanoseconds(began_at),
    )


def _note_error(span: Span, error_code: str) -> None:
    if error_code:
        span.set_attribute("error.type", error_code)
        span.set_status(Status(StatusCode.ERROR))


def _nanoseconds(moment: datetime) -> int:
    return int((moment - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() * 1_000_000) * 1000


def _payloads(request: ModelRequest, result: StepResult | None) -> dict[str, Any]:
    """Return the attributes with the words of both sides, in the conventions' JSON."""
    messages = [{"role": message.role.value, "parts": _parts(message.parts)} for message in request.messages]
    found = {"gen_ai.input.messages": json.dumps(messages)}
    if request.system:
        found["gen_ai.system_instructions"] = json.dumps([{"type": "text", "content": request.system}])
    if result is not None:
        reason = result.stop_reason.value if result.stop_reason else "error"
        answer = {"role": "assistant", "parts": _parts(result.parts), "finish_reason": reason}
        found["gen_ai.output.messages"] = json.dumps([answer])
    return found


def _parts(parts: Sequence[Part]) -> list[dict[str, Any]]:
    """Return parts of a message. Files are named, not copied."""
    found: list[dict[str, Any]] = []
    for part in parts:
        match part:
            case TextPart(text=text):
                found.append({"type": "text", "content": text})
            case ReasoningPart(text=text):
                found.append({"type": "reasoning", "content": text})
            case ToolCallPart(id=call_id, name=name, arguments=arguments):
                found.append({"type": "tool_call", "id": call_id, "name": name, "arguments": arguments})
            case ToolResultPart(call_id=call_id, content=content):
                found.append({"type": "tool_call_response", "id": call_id, "response": content})
            case _:
                found.append({"type": part.kind})
    return found
