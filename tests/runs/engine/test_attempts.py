"""Retries and other models as a viewer, the log and the rows tell them."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from concurrency.threads import readers
from providers.models import ProviderTrace
from runs.models import Message, Run, Step
from tests.providers.retry.attempting import counted, refusing, speaking
from tests.providers.upstream import in_turn, streaming, upstream
from tests.runs.sockets import Socket

pytestmark = pytest.mark.django_db(transaction=True)

type Connect = Callable[..., Awaitable[Socket]]
type Json = dict[str, Any]

CHAT = "openai-chat"


@pytest.fixture(autouse=True)
def hasty(settings: Any) -> None:
    settings.RUNNEL_RETRY_BASE_SECONDS = settings.RUNNEL_RETRY_MAX_SECONDS = 0.01


def configure(settings: Any, origin: str) -> None:
    """Let ``openai-chat`` be the server at ``origin``."""
    settings.OPENAI_API_KEY = "sk-test"
    settings.OPENAI_BASE_URL = f"{origin}/v1"


def retries(events: list[Json]) -> list[Json]:
    return [event["value"] for event in events if event.get("name") == "retry"]


async def stored(run_id: str) -> tuple[Run, Step, list[ProviderTrace], list[Message]]:
    def load() -> tuple[Run, Step, list[ProviderTrace], list[Message]]:
        return (
            Run.objects.get(pk=run_id),
            Step.objects.get(run_id=run_id),
            list(ProviderTrace.objects.filter(run_id=run_id).order_by("attempt")),
            list(Message.objects.filter(run_id=run_id, role="assistant")),
        )

    return await readers.run(load)


async def test_viewers_are_told_of_every_retry(connect: Connect, ada: Any, settings: Any) -> None:
    async with upstream(in_turn(refusing(503), refusing(429), speaking(CHAT))) as server:
        configure(settings, server.origin)
        socket = await connect(ada)
        run_id = (await socket.start("openai-chat/gpt", options={"max_retries": 2}))["run_id"]
        end = await socket.ended(run_id)
    assert end["outcome"] == {"type": "success"}
    assert socket.said(run_id) == "Hello."
    kinds = [event["type"] for event in socket.events(run_id)]
    assert kinds[:4] == ["RUN_STARTED", "STEP_STARTED", "CUSTOM", "CUSTOM"]
    first, second = retries(socket.events(run_id))
    assert set(first) == {"attempt", "of", "wait_seconds", "code", "message", "model"}
    assert (first["attempt"], first["of"], first["code"]) == (2, 3, "llm_provider_overloaded")
    assert first["message"].startswith("The model provider is overloaded.")
    assert (second["attempt"], second["code"], second["model"]) == (3, "llm_rate_limit", "openai-chat/gpt")
    run, step, traces, _ = await stored(run_id)
    assert [(trace.attempt, trace.http_status) for trace in traces] == [(1, 503), (2, 429), (3, 200)]
    assert {trace.step_id for trace in traces} == {step.id}
    assert (run.input_tokens, run.output_tokens, run.usage_source) == (10, 2, "reported")


async def test_as_many_retries_as_configured_are_made_where_a_run_says_nothing(
    connect: Connect, ada: Any, settings: Any
) -> None:
    settings.RUNNEL_MAX_RETRIES = 1
    async with upstream(refusing(503)) as server:
        configure(settings, server.origin)
        socket = await connect(ada)
        run_id = (await socket.start("openai-chat/gpt"))["run_id"]
        end = await socket.ended(run_id)
        assert len(server.requests) == 2
        run_id = (await socket.start("openai-chat/gpt", options={"max_retries": 0}))["run_id"]
        await socket.ended(run_id)
        assert len(server.requests) == 3
    assert (end["type"], end["code"]) == ("RUN_ERROR", "llm_provider_overloaded")


async def test_the_viewer_hears_of_a_retry_before_the_wait_and_stops_it(
    connect: Connect, ada: Any, settings: Any
) -> None:
    settings.RUNNEL_RETRY_AFTER_MAX_SECONDS = 60
    async with upstream(streaming(counted(CHAT))) as server:
        configure(settings, server.origin)
        settings.RUNNEL_RETRY_BASE_SECONDS = settings.RUNNEL_RETRY_MAX_SECONDS = 3600
        socket = await connect(ada)
        run_id = (await socket.start("openai-chat/gpt", options={"max_retries": 5}))["run_id"]
        await socket.saw(run_id, "CUSTOM")
        await socket.ask("cancel", run_id=run_id)
        end = await socket.ended(run_id)
        assert len(server.requests) == 1
    assert end["outcome"] == {"type": "cancelled"}
    assert end["metadata"]["stream_was_cancelled"] is False
    assert end["metadata"]["run_usage"] == {"inputTokens": 7}
    run, step, traces, answers = await stored(run_id)
    assert (run.status, run.input_tokens, run.stream_was_cancelled) == ("cancelled", 7, False)
    assert [trace.status for trace in traces] == ["failed"]
    assert step.error_code == ""
    assert not answers


async def test_the_time_limit_of_a_run_holds_while_it_waits(
    connect: Connect, ada: Any, settings: Any
) -> None:
    settings.RUNNEL_RUN_TIMEOUT = 0.5
    settings.RUNNEL_RETRY_BASE_SECONDS = settings.RUNNEL_RETRY_MAX_SECONDS = 3600
    async with upstream(refusing(503)) as server:
        configure(settings, server.origin)
        socket = await connect(ada)
        run_id = (await socket.start("openai-chat/gpt", options={"max_retries": 5}))["run_id"]
        end = await socket.ended(run_id)
    assert (end["type"], end["code"], end["metadata"]["stop_reason"]) == ("RUN_ERROR", "timeout", "timeout")
    assert "0.5 seconds" in end["message"]


async def test_the_step_and_the_answer_name_who_really_answered(
    connect: Connect, ada: Any, settings: Any
) -> None:
    async with upstream(refusing(401)) as server:
        configure(settings, server.origin)
        socket = await connect(ada)
        options = {"fallback_models": ["openai/also-not", "emulator/echo@openai-responses"]}
        started = await socket.start("openai-chat/gpt", "Say this.", options=options)
        end = await socket.ended(started["run_id"])
        assert len(server.requests) == 2
    assert socket.said(started["run_id"]) == "Say this."
    assert [news["model"] for news in retries(socket.events(started["run_id"]))] == [
        "openai/also-not",
        "emulator/echo",
    ]
    run, step, traces, (answer,) = await stored(started["run_id"])
    assert run.model == "openai-chat/gpt"
    assert (step.provider, step.wire, step.model) == ("emulator", "openai-responses", "echo")
    assert answer.origin == {"provider": "emulator", "wire": "openai-responses", "model": "echo"}
    assert [trace.provider for trace in traces] == ["openai-chat", "openai", "emulator"]
    (usage,) = end["usage"]
    assert (usage["provider"], usage["model"]) == ("emulator", "echo")


async def test_a_failed_step_names_whom_it_asked_last(connect: Connect, ada: Any, settings: Any) -> None:
    async with upstream(refusing(401)) as server:
        configure(settings, server.origin)
        socket = await connect(ada)
        options = {"fallback_models": ["emulator/overloaded@openai-responses"]}
        run_id = (await socket.start("openai-chat/gpt", options=options))["run_id"]
        end = await socket.ended(run_id)
    assert end["code"] == "llm_provider_overloaded"
    _, step, _, _ = await stored(run_id)
    assert (step.provider, step.error_code) == ("emulator", "llm_provider_overloaded")


@pytest.mark.parametrize(
    ("fallback", "code"),
    [("nobody/knows", "unknown_model"), ("gemini/x", "provider_unavailable"), ("echo", "unknown_model")],
)
async def test_a_model_that_could_never_be_asked_refuses_the_start(
    fallback: str, code: str, connect: Connect, ada: Any
) -> None:
    socket = await connect(ada)
    answer = await socket.ask(
        "start", model="emulator/echo", input="hi", options={"fallback_models": ["emulator/echo", fallback]}
    )
    assert (answer["type"], answer["code"]) == ("error", code)
    assert not await readers.run(Run.objects.exists)
