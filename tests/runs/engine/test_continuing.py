"""Turns that the provider itself pauses: they go on in the same run, and not for ever."""

import json
from typing import Any
from uuid import UUID

import pytest
from uuid6 import uuid7

from concurrency.threads import readers
from runs import services
from runs.engine import supervisor
from runs.models import Run, Step
from runs.services.new_run import StartRequest
from tests.providers.upstream import Upstream, in_turn, streaming, upstream
from tests.providers.wires.anthropic_events import SERVER, end, search_result, text
from tests.providers.wires.anthropic_events import start as opening
from tests.runs.conftest import Person
from tests.runs.services.waiting_runs import until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("server")]

PAUSED = [opening(), *text(0, "I look. "), *SERVER, *end("pause_turn")]
ENDED = [opening(), *search_result(0, "srv_1"), *text(1, "Found."), *end("end_turn")]


def sse(stream: list[Any]) -> bytes:
    return b"".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode() for event in stream)


async def run(person: Person, server: Upstream, settings: Any, **options: Any) -> Run:
    """Start a run that asks ``server``, and return it after its end."""
    settings.ANTHROPIC_API_KEY = "sk-ant-test"
    settings.ANTHROPIC_BASE_URL = server.origin
    request = StartRequest(
        run_id=uuid7(),
        conversation_id=None,
        model="anthropic/some-model",
        messages=[{"id": "m", "role": "user", "content": "Hi"}],
        options=options,
    )
    return await until((await services.start(person.user.pk, request)).run_id, "completed", "failed")


async def reasons(run_id: UUID) -> list[str]:
    steps = await readers.run(lambda: list(Step.objects.filter(run_id=run_id).order_by("index")))
    return [step.stop_reason for step in steps]


async def test_a_paused_turn_goes_on_in_the_next_step_of_the_same_run(ada: Person, settings: Any) -> None:
    async with upstream(in_turn(streaming(sse(PAUSED)), streaming(sse(ENDED)))) as server:
        ended = await run(ada, server, settings)
        bodies = [json.loads(request.partition(b"\r\n\r\n")[2]) for request in server.requests]
    assert (ended.status, ended.stop_reason) == ("completed", "end_turn")
    assert await reasons(ended.pk) == ["pause_turn", "end_turn"]
    assert [turn["role"] for turn in bodies[1]["messages"]] == ["user", "assistant"]
    assert bodies[1]["messages"][1]["content"] == [
        {"type": "text", "text": "I look. "},
        {"type": "server_tool_use", "id": "srv_1", "name": "look", "input": {"query": "x"}},
    ]


async def test_a_provider_that_pauses_for_ever_is_asked_a_limited_number_of_times(
    ada: Person, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = supervisor.current()
    monkeypatch.setattr(
        here,
        "settings",
        type(here.settings)(worker="w", lease=60, run_timeout=60, approval_timeout=0, max_continuations=2),
    )
    async with upstream(in_turn(*[streaming(sse(PAUSED))] * 4)) as server:
        ended = await run(ada, server, settings)
    assert (ended.status, ended.stop_reason) == ("completed", "max_continuations")
    assert await reasons(ended.pk) == ["pause_turn"] * 3


async def test_a_paused_turn_counts_as_a_step(ada: Person, settings: Any) -> None:
    async with upstream(in_turn(*[streaming(sse(PAUSED))] * 4)) as server:
        ended = await run(ada, server, settings, max_steps=2)
    assert (ended.status, ended.stop_reason) == ("completed", "max_steps")
    assert await reasons(ended.pk) == ["pause_turn"] * 2
