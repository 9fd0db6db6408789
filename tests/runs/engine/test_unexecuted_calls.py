"""Calls for a client of the provider's own that came unasked: the run's end, its trace and the next request say so."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from concurrency.threads import readers
from providers.models import ProviderTrace
from tests.providers.retry.attempting import events
from tests.providers.upstream import in_turn, streaming, upstream
from tests.runs.conftest import Person
from tests.runs.sockets import Socket

pytestmark = pytest.mark.django_db(transaction=True)

type Connect = Callable[..., Awaitable[Socket]]
type Json = dict[str, Any]

SQL = {"type": "custom_tool_call", "id": "ct_1", "call_id": "c_1", "name": "write_sql", "input": "SELECT 1"}
CLOCK = {
    "type": "function_call",
    "id": "f_1",
    "call_id": "c_2",
    "name": "clock",
    "arguments": "{}",
    "status": "completed",
}
WORDS = {"type": "message", "id": "m_1", "content": [{"type": "output_text", "text": "It is noon."}]}


def answer(*items: Json) -> bytes:
    done = [
        {"type": "response.output_item.done", "output_index": place, "item": item}
        for place, item in enumerate(items)
    ]
    usage = {"input_tokens": 10, "output_tokens": 2}
    response = {"id": "r", "model": "m", "status": "completed", "output": list(items), "usage": usage}
    created = {"type": "response.created", "response": {"id": "r", "model": "m"}}
    return events(created, *done, {"type": "response.completed", "response": response})


@pytest.mark.parametrize(
    ("answers", "unexecuted"),
    [
        pytest.param([answer(SQL)], ["write_sql"], id="alone"),
        pytest.param([answer(SQL, CLOCK), answer(WORDS)], ["write_sql"], id="in a step before the last"),
        pytest.param([answer(WORDS)], None, id="none"),
    ],
)
async def test_the_end_names_the_calls_that_nobody_executed(
    answers: list[bytes], unexecuted: list[str] | None, connect: Connect, ada: Person, settings: Any
) -> None:
    async with upstream(in_turn(*map(streaming, answers))) as server:
        settings.OPENAI_API_KEY = "test-key"
        settings.OPENAI_BASE_URL = f"{server.origin}/v1"
        socket = await connect(ada)
        started = await socket.start("openai/m", "What time is it?", options={"tools": ["clock"]})
        last = await socket.ended(started["run_id"])
        assert len(server.requests) == len(answers)
    assert last["type"] == "RUN_FINISHED"
    assert last["metadata"]["stop_reason"] == "end_turn"
    assert last["metadata"].get("unexecuted_calls") == unexecuted
    noted = await readers.run(
        lambda: ProviderTrace.objects.order_by("pk").values_list("oddities", flat=True)[0]
    )
    assert ("unexecuted-call" in noted) is (unexecuted is not None)
