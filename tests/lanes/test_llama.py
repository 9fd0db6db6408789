"""A real model: SmolLM2-135M in llama.cpp's llama-server, which speaks three wires and counts what it predicts."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx2
import pytest

from providers.types import FinishReason, ModelOptions, ToolSpec
from providers.types.events import TextDelta
from providers.types.trace import TraceStatus
from providers.types.usage import UsageSource
from tests.lanes.foreign import ForeignServer, installed
from tests.providers.calling import Call, at, until

PROGRAM = "llama-server"
MODEL = "SmolLM2-135M-Instruct.Q4_1.gguf"

#: A template that has words for tools. The model was never taught it: its grammar makes it follow.
TOOLS_TEMPLATE = "meetkai-functionary-medium-v3.2.jinja"

FOLDER = installed("RUNNEL_LANE_LLAMA", PROGRAM, MODEL, TOOLS_TEMPLATE)

#: It has no Gemini.
every_wire = pytest.mark.parametrize("wire", ["openai-chat", "openai-responses", "anthropic-messages"])

#: Seconds after the end of a cancelled call in which the last token may still be predicted, and in which none
#: comes any more.
SETTLED, WATCHED = 0.1, 1.0

#: More tokens than it predicts while a test lasts; and how many may be on their way when a call is cancelled.
MANY, UNDER_WAY = 4000, 4

LONG = "Write a very long story about a fox, a river and the moon."


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """What the server had done at ``at``, by the loop's clock."""

    at: float
    #: Counted when an answer is over or given up.
    predicted: int
    #: Counted as the model works.
    decoded: int


@dataclass
class Watch:
    """Reads the server's counters over and over."""

    samples: list[Sample] = field(default_factory=list)

    async def look(self, http: httpx2.AsyncClient) -> None:
        # Of the time before the answer: what it tells may be that old, but no older.
        now = asyncio.get_running_loop().time()
        metrics = (await http.get("/metrics")).text
        self.samples.append(
            Sample(
                at=now,
                predicted=_counter(metrics, "tokens_predicted_total"),
                decoded=_counter(metrics, "n_decode_total"),
            )
        )

    async def go_on(self, http: httpx2.AsyncClient) -> None:
        while True:
            await self.look(http)
            await asyncio.sleep(0.01)

    @property
    def first(self) -> Sample:
        return self.samples[0]

    @property
    def last(self) -> Sample:
        return self.samples[-1]


def _counter(metrics: str, name: str) -> int:
    found = re.search(rf"^llamacpp:{name} (\d+)", metrics, re.MULTILINE)
    assert found, metrics
    return int(found[1])


@asynccontextmanager
async def watching(server: ForeignServer) -> AsyncIterator[Watch]:
    """Look at ``server``'s counters before, all the time, and at the end."""
    watch = Watch()
    async with httpx2.AsyncClient(base_url=server.origin) as http:
        await watch.look(http)
        task = asyncio.create_task(watch.go_on(http))
        try:
            yield watch
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await watch.look(http)


def serving(*more: str) -> list[str]:
    """Return what starts the server with its model; two threads would wait for each other where all are busy."""
    return [
        str(FOLDER / PROGRAM), "--model", str(FOLDER / MODEL), "--host", "127.0.0.1", "--port", "{port}",
        "--ctx-size", "8192", "--parallel", "2", "--threads", "1", "--slots", "--metrics", "--offline", *more,
    ]  # fmt: skip


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ForeignServer]:
    with ForeignServer(serving(), folder=tmp_path_factory.mktemp("llama")) as server:
        yield server


@pytest.fixture(scope="module")
def llama_with_tools(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ForeignServer]:
    command = serving("--jinja", "--chat-template-file", str(FOLDER / TOOLS_TEMPLATE))
    with ForeignServer(command, folder=tmp_path_factory.mktemp("llama-tools")) as server:
        yield server


@every_wire
async def test_it_hears_a_model_and_what_it_used(
    llama: ForeignServer, wire: str, fresh_clients: None
) -> None:
    options = ModelOptions(temperature=0, max_output_tokens=100)
    call = Call(at(llama.origin, wire), prompt="What is 2 + 2?", options=options)
    async with watching(llama) as watch:
        result = await call.run()
    assert "4" in result.text
    assert result.text == call.sink.text
    assert result.stop_reason is FinishReason.END_TURN
    assert result.usage.source is UsageSource.REPORTED
    assert result.usage.input_tokens
    assert result.usage.output_tokens == watch.last.predicted - watch.first.predicted
    assert call.trace.status is TraceStatus.COMPLETED


@every_wire
async def test_it_knows_an_answer_that_was_cut(llama: ForeignServer, wire: str, fresh_clients: None) -> None:
    options = ModelOptions(temperature=0, max_output_tokens=12)
    result = await Call(at(llama.origin, wire), prompt=LONG, options=options).run()
    assert result.text
    assert result.usage.output_tokens == 12
    # OpenAI's Responses says "response.incomplete"; this one says that all is complete, and nobody can tell.
    is_told = wire != "openai-responses"
    assert result.stop_reason is (FinishReason.MAX_TOKENS_EXCEEDED if is_told else FinishReason.END_TURN)


@every_wire
async def test_a_cancel_stops_the_model(llama: ForeignServer, wire: str, fresh_clients: None) -> None:
    options = ModelOptions(temperature=0, max_output_tokens=MANY)
    call = Call(at(llama.origin, wire), prompt=LONG, options=options)
    loop = asyncio.get_running_loop()
    async with watching(llama) as watch:
        call.start()
        await until(lambda: _words(call) >= 8, seconds=20)
        cancelled = await call.cancellation()
        closed = loop.time()
        await asyncio.sleep(WATCHED)
    working = {sample.decoded for sample in watch.samples if sample.at < closed}
    assert len(working) > 1, "the model was not seen at work"
    after = [sample for sample in watch.samples if sample.at > closed + SETTLED]
    assert {(sample.predicted, sample.decoded) for sample in after} == {
        (watch.last.predicted, watch.last.decoded)
    }
    assert cancelled.partial is not None
    assert cancelled.partial.stream_was_cancelled
    assert cancelled.partial.text == call.sink.text
    # However slow the machine is: no more than the tokens that were under way.
    assert 8 <= watch.last.predicted - watch.first.predicted <= _words(call) + UNDER_WAY


@every_wire
async def test_it_hears_a_call_that_a_model_makes(
    llama_with_tools: ForeignServer, wire: str, fresh_clients: None
) -> None:
    colour = {"type": "string", "enum": ["red", "green", "blue"]}
    parameters = {
        "type": "object",
        "properties": {"colour": colour},
        "required": ["colour"],
        "additionalProperties": False,
    }
    tool = ToolSpec(name="paint", description="Paint the wall in a colour.", parameters=parameters)
    options = ModelOptions(temperature=0, max_output_tokens=100, tool_choice="required")
    call = Call(
        at(llama_with_tools.origin, wire), prompt="Paint the wall green.", options=options, tools=(tool,)
    )
    made, *_ = (await call.run()).tool_calls
    assert made.name == "paint"
    assert made.complete
    assert json.loads(made.arguments)["colour"] in colour["enum"]


def _words(call: Call) -> int:
    return sum(isinstance(event, TextDelta) for event in call.sink.events)
