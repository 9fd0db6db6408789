"""Spans by OpenTelemetry's conventions for generative AI, read by the SDK's own exporter."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode
from pytest_django.fixtures import Settings

from runs.engine import stop_signals
from runs.telemetry import spans
from tests.providers.calling import until
from tests.runs.conftest import Connect, Person

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def exporter(settings: Settings) -> Iterator[InMemorySpanExporter]:
    settings.RUNNEL_OTEL = True
    exporter = InMemorySpanExporter()
    spans.configure(exporter)
    yield exporter
    spans.close()


async def run(person: Person, connect: Connect, model: str, text: str, **fields: Any) -> str:
    """Start a run and wait until this process has let it go. Return its id."""
    socket = await connect(person)
    answer = await socket.ask("start", model=model, input=text, **fields)
    await until(lambda: not stop_signals.live(), seconds=60.0)
    return str(answer["run_id"])


def by_name(exporter: InMemorySpanExporter) -> dict[str, Any]:
    return {span.name: span for span in exporter.get_finished_spans()}


async def test_a_run_its_call_and_its_tool_are_one_trace(
    ada: Person, connect: Connect, exporter: InMemorySpanExporter
) -> None:
    text, tools = '[[call calculate {"expression": "6*7"}]]', {"tools": ["calculate"]}
    run_id = await run(ada, connect, "emulator/calls", text, options=tools)

    found = by_name(exporter)
    root, chat, tool = found["invoke_agent runnel"], found["chat calls"], found["execute_tool calculate"]
    assert root.parent is None
    for child in (chat, tool):
        assert child.parent is not None
        assert child.parent.span_id == root.context.span_id
        times: list[Any] = [root.start_time, child.start_time, child.end_time, root.end_time]
        assert times == sorted(times)
    told = dict(root.attributes or {})
    assert told["gen_ai.operation.name"] == "invoke_agent"
    assert (told["runnel.run.id"], told["runnel.stop_reason"]) == (run_id, "end_turn")
    assert told["user.id"] == str(ada.user.pk)
    told = dict(tool.attributes or {})
    assert (told["gen_ai.tool.name"], told["gen_ai.tool.type"]) == ("calculate", "function")


async def test_a_call_has_the_attributes_of_the_conventions(
    ada: Person, connect: Connect, exporter: InMemorySpanExporter
) -> None:
    await run(ada, connect, "emulator/hello", "hi", options={"max_output_tokens": 99})

    chat = by_name(exporter)["chat hello"]
    told: dict[str, Any] = dict(chat.attributes or {})
    assert chat.kind is SpanKind.CLIENT
    assert told["gen_ai.operation.name"] == "chat"
    assert told["gen_ai.provider.name"] == "emulator"
    assert told["gen_ai.request.model"] == "hello"
    assert told["gen_ai.request.max_tokens"] == 99
    assert told["gen_ai.response.finish_reasons"] == ("end_turn",)
    assert told["gen_ai.response.id"]
    assert told["gen_ai.usage.input_tokens"] > 0
    assert told["gen_ai.usage.output_tokens"] > 0
    assert told["gen_ai.response.time_to_first_chunk"] >= 0
    assert chat.status.status_code is StatusCode.UNSET


async def test_a_failure_is_an_error_of_call_and_run(
    ada: Person, connect: Connect, exporter: InMemorySpanExporter
) -> None:
    await run(ada, connect, "emulator/hello", "hi [[fault=error status=401]]")
    for name in ("chat hello", "invoke_agent runnel"):
        span = by_name(exporter)[name]
        assert span.status.status_code is StatusCode.ERROR
        assert dict(span.attributes or {})["error.type"] == "llm_authentication"


async def test_a_pause_ends_the_span_of_the_segment(
    ada: Person, connect: Connect, exporter: InMemorySpanExporter
) -> None:
    text, tools = '[[call write_note {"text": "remember"}]]', {"tools": ["write_note"]}
    await run(ada, connect, "emulator/calls", text, options=tools)
    root = by_name(exporter)["invoke_agent runnel"]
    assert dict(root.attributes or {})["runnel.stop_reason"] == "requires_approval"


@pytest.mark.parametrize("are_wanted", [False, True])
async def test_words_are_in_no_span_unless_that_is_wanted(
    ada: Person, connect: Connect, exporter: InMemorySpanExporter, settings: Settings, are_wanted: bool
) -> None:
    settings.RUNNEL_OTEL_PAYLOADS = are_wanted
    text, tools = '[[call calculate {"expression": "6*7"}]] [[next]] a secret', {"tools": ["calculate"]}
    await run(ada, connect, "emulator/calls", text, options=tools, system="be kind")

    everything = " ".join(span.to_json() for span in exporter.get_finished_spans())
    for word in ("secret", "be kind", "6*7"):
        assert (word in everything) is are_wanted
    if are_wanted:
        calls = [span for span in exporter.get_finished_spans() if span.name == "chat calls"]
        told = dict(calls[-1].attributes or {})
        asked = json.loads(str(told["gen_ai.input.messages"]))
        assert [message["role"] for message in asked] == ["user", "assistant", "tool"]
        assert "tool_call" in [part["type"] for part in asked[1]["parts"]]
        assert json.loads(str(told["gen_ai.output.messages"]))[0]["finish_reason"] == "end_turn"


async def test_without_the_setting_there_is_none(ada: Person, connect: Connect, settings: Settings) -> None:
    exporter = InMemorySpanExporter()
    spans.configure(exporter)
    await run(ada, connect, "emulator/hello", "hi")
    assert exporter.get_finished_spans() == ()
