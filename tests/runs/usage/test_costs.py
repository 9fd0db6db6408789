"""A budget of money, from the start frame to the provider: a model whose price is known, played on loopback."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from concurrency.threads import readers
from providers.usage import price_lists
from runs.models import Run, Step, ToolCall
from tests.providers.retry.attempting import events, saying
from tests.providers.upstream import in_turn, streaming, upstream
from tests.runs.sockets import Socket

pytestmark = pytest.mark.django_db(transaction=True)

type Connect = Callable[..., Awaitable[Socket]]
type Json = dict[str, Any]

MODEL = "gpt-4o"
#: US dollars: 1,000 tokens in and 100 out.
ONE_CALL = 1_000 * 2.5e-6 + 100 * 10e-6


def calling() -> bytes:
    """Ask for the time, and say what that took."""
    function = {"name": "clock", "arguments": '{"zone": "UTC"}'}
    call = {"index": 0, "id": "call_1", "type": "function", "function": function}
    choice = {"index": 0, "delta": {"tool_calls": [call]}, "finish_reason": "tool_calls"}
    usage = {"prompt_tokens": 1_000, "completion_tokens": 100, "total_tokens": 1_100}
    return events({"id": "c", "model": MODEL, "choices": [choice], "usage": usage}) + b"data: [DONE]\n\n"


@pytest.mark.parametrize(
    ("budget", "stop_reason", "requests", "call_status"),
    [
        (ONE_CALL * 0.9, "budget_exhausted", 1, "cancelled"),
        (ONE_CALL * 1.5, "end_turn", 2, "succeeded"),
    ],
    ids=["less than a call costs", "more than a call costs"],
)
async def test_a_run_makes_no_more_calls_than_its_budget_pays(
    budget: float,
    stop_reason: str,
    requests: int,
    call_status: str,
    connect: Connect,
    ada: Any,
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Elsewhere, other prices may hold: none is known for the loopback.
    monkeypatch.setattr(price_lists, "sources", lambda provider: (price_lists.Source("openai"),))
    async with upstream(in_turn(streaming(calling()), streaming(saying("openai-chat", "Noon.")))) as server:
        settings.OPENAI_API_KEY = "sk-test"
        settings.OPENAI_BASE_URL = f"{server.origin}/v1"
        socket = await connect(ada)
        started = await socket.start(
            f"openai-chat/{MODEL}", "What time is it?", options={"tools": ["clock"]}, budget={"cost": budget}
        )
        end = await socket.ended(started["run_id"])
        assert len(server.requests) == requests
    assert end["outcome"] == {"type": "success"}
    assert end["metadata"]["stop_reason"] == stop_reason

    def stored() -> tuple[Run, Step, ToolCall]:
        run = Run.objects.get(pk=started["run_id"])
        return run, run.steps.get(index=1), ToolCall.objects.get(run=run)

    run, step, call = await readers.run(stored)
    assert step.cost is not None
    assert float(step.cost) == pytest.approx(ONE_CALL)
    assert run.cost is None or run.cost >= step.cost
    assert call.status == call_status
