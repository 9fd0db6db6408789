"""llmock (PyPI): answers and faults that a script orders, and a verdict on who called it."""

import json
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from providers import errors
from providers.adapter import Timeouts
from providers.catalog import Target
from providers.errors import LLMError
from providers.types import FinishReason, ModelOptions, ToolSpec
from providers.types.usage import UsageSource
from tests.lanes.foreign import ForeignServer, installed
from tests.providers.calling import WIRES, Call, at
from tests.providers.retry.attempting import Step

PROGRAM = "bin/llmock"
FOLDER = installed("RUNNEL_LANE_LLMOCK", PROGRAM)

every_wire = pytest.mark.parametrize("wire", WIRES)

#: Where it speaks each wire. Of Gemini's versions it knows only the older one.
PREFIXES = {"anthropic-messages": "/anthropic", "gemini-generate": "/gemini/v1beta"}

#: After how many events each wire has said its first word, and not yet its last.
WORDS_LATER = {"openai-chat": 6, "openai-responses": 6, "anthropic-messages": 6, "gemini-generate": 3}

SENTENCE = "One two three — vier fünf 六 seven."

CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}


class Llmock(ForeignServer):
    """The server, and the words with which it takes orders."""

    def order(self, *behaviours: dict[str, Any]) -> None:
        """Say what happens to the calls that come next; of each kind of behaviour one to a call."""
        self._control("POST", "scenario", {"behaviors": list(behaviours)})

    def verdict(self) -> dict[str, Any]:
        """Return what it thinks of everybody who called since it was last made to forget."""
        verdict: dict[str, Any] = self._control("GET", "verdict")
        return verdict

    def forget(self) -> None:
        self._control("POST", "reset")

    def _control(self, method: str, path: str, body: object = None) -> Any:
        answer = httpx2.request(method, f"{self.origin}/_llmock/{path}", json=body)
        answer.raise_for_status()
        return answer.json()


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Llmock]:
    command = [str(FOLDER / PROGRAM), "serve", "--host", "127.0.0.1", "--port", "{port}"]
    with Llmock(command, folder=tmp_path_factory.mktemp("llmock")) as server:
        yield server


@pytest.fixture
def llmock(running: Llmock) -> Llmock:
    running.forget()
    return running


def asking(server: Llmock, wire: str, *, model: str = "some-model") -> Target:
    return at(server.origin + PREFIXES.get(wire, ""), wire, model=model)


@every_wire
async def test_it_hears_words_and_counts(llmock: Llmock, wire: str, fresh_clients: None) -> None:
    llmock.order({"type": "reply", "text": SENTENCE})
    call = Call(asking(llmock, wire))
    result = await call.run()
    assert result.text == call.sink.text == SENTENCE
    assert result.stop_reason is FinishReason.END_TURN
    assert result.usage.source is UsageSource.REPORTED
    assert result.usage.input_tokens
    assert result.usage.output_tokens


@every_wire
async def test_it_knows_an_answer_that_was_cut(llmock: Llmock, wire: str, fresh_clients: None) -> None:
    llmock.order({"type": "reply", "text": SENTENCE, "finish_reason": "length"})
    result = await Call(asking(llmock, wire)).run()
    assert result.text == SENTENCE
    assert result.stop_reason is FinishReason.MAX_TOKENS_EXCEEDED


@every_wire
async def test_it_hears_calls_side_by_side(llmock: Llmock, wire: str, fresh_clients: None) -> None:
    cities = [{"city": "Zürich"}, {"city": "Rome, the one in Italy"}]
    llmock.order({"type": "reply", "tool_calls": [{"name": "weather", "arguments": city} for city in cities]})
    result = await Call(asking(llmock, wire)).run()
    assert [(call.name, json.loads(call.arguments)) for call in result.tool_calls] == [
        ("weather", city) for city in cities
    ]
    assert len({call.id for call in result.tool_calls}) == 2
    assert result.stop_reason is FinishReason.TOOL_CALLS


@every_wire
async def test_it_is_understood_when_it_offers_a_tool(llmock: Llmock, wire: str, fresh_clients: None) -> None:
    """The mock reads the offer and the choice, and calls with arguments that the schema allows."""
    tools = (
        ToolSpec(name="clock", description="The time.", parameters={"type": "object", "properties": {}}),
        ToolSpec(name="weather", description="The weather.", parameters=CITY),
    )
    options = ModelOptions(tool_choice="weather")
    (call,) = (await Call(asking(llmock, wire), tools=tools, options=options).run()).tool_calls
    assert call.name == "weather"
    assert isinstance(json.loads(call.arguments)["city"], str)


@every_wire
@pytest.mark.parametrize(
    ("status", "expected"),
    [
        # Not 413 and 502, with which its Gemini says status words that Google's does not: the word decides.
        (400, errors.LLMBadRequestError),
        (402, errors.LLMInsufficientCreditsError),
        (403, errors.LLMPermissionDeniedError),
        (408, errors.LLMTimeoutError),
        (409, errors.LLMConflictError),
        (422, errors.LLMUnprocessableEntityError),
        (429, errors.LLMRateLimitError),
        (500, errors.LLMServerError),
        (503, errors.LLMProviderOverloadedError),
        (504, errors.LLMTimeoutError),
    ],
)
async def test_it_understands_a_refusal(
    llmock: Llmock, wire: str, status: int, expected: type[LLMError], fresh_clients: None
) -> None:
    llmock.order({"type": "fail", "status": status, "message": "Not now", "retry_after": 2.5})
    call = Call(asking(llmock, wire))
    error = await call.failure()
    assert type(error) is expected
    assert error.status == call.trace.http_status == status
    assert error.detail["message"] == "Not now"
    # It says so to the second, and beside that to the millisecond.
    assert error.retry_after == 2.5


@every_wire
@pytest.mark.parametrize("kind", ["disconnect", "truncate", "malformed"])
async def test_it_keeps_what_was_said_before_a_stream_broke(
    llmock: Llmock, wire: str, kind: str, fresh_clients: None
) -> None:
    llmock.order(
        {"type": "reply", "text": SENTENCE},
        {"type": "stream_fault", "kind": kind, "after_chunks": WORDS_LATER[wire]},
    )
    call = Call(asking(llmock, wire))
    error = await call.failure()
    assert type(error) is errors.LLMConnectionError
    assert call.sink.text
    assert SENTENCE.startswith(call.sink.text)
    assert error.partial is not None
    assert error.partial.text == call.sink.text
    assert error.partial.stop_reason is None


@every_wire
async def test_it_does_not_wait_for_a_stream_that_stalls(
    llmock: Llmock, wire: str, fresh_clients: None
) -> None:
    llmock.order(
        {"type": "reply", "text": SENTENCE},
        {"type": "stream_fault", "kind": "stall", "after_chunks": WORDS_LATER[wire], "stall_seconds": 60},
    )
    call = Call(asking(llmock, wire), timeouts=Timeouts(connect=5, first_byte=20, idle=0.3))
    error = await call.failure()
    assert type(error) is errors.LLMTimeoutError
    assert error.partial is not None
    assert error.partial.text == call.sink.text
    assert call.sink.text


@every_wire
async def test_it_behaves_as_a_provider_wants(llmock: Llmock, wire: str, fresh_clients: None) -> None:
    """Retries, pauses and resignation, in the eyes of somebody else."""
    llmock.order(
        {"type": "fail", "status": 429, "retry_after": 0.4},
        {"type": "fail", "status": 503, "retry_after": 0.1},
        {"type": "reply", "text": SENTENCE},
        {"type": "fail", "status": 401, "match": {"model": "forbidden"}},
    )
    step = Step((asking(llmock, wire),))
    assert (await step.result()).text == SENTENCE
    assert [status for *_, status in step.story] == [429, 503, 200]
    refused = Step((asking(llmock, wire, model="forbidden"),), prompt="Something else.")
    await refused.failure()
    assert [status for *_, status in refused.story] == [401]
    verdict = llmock.verdict()
    assert (verdict["calls"], verdict["attempts"], verdict["faults_injected"]) == (2, 4, 3)
    assert verdict["findings"] == []
