import asyncio
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from emulator import Emulator
from providers import errors
from providers.catalog import Target
from providers.retry import circuit
from providers.types.trace import TraceStatus
from tests.providers.calling import WIRES, at, emulated
from tests.providers.retry.attempting import HASTY, Step, beginning, refusing, speaking
from tests.providers.upstream import Behaviour, forever, in_turn, reset, streaming, upstream

CHAT = "openai-chat"
ONCE = replace(HASTY, max_retries=0)


@pytest.fixture(autouse=True)
def circuits(settings: Any) -> Iterator[None]:
    settings.RUNNEL_CIRCUIT_FAILURES = 3
    settings.RUNNEL_CIRCUIT_SECONDS = 30.0
    circuit.forget_all()
    yield
    circuit.forget_all()


async def meet_an_outage(target: Target) -> None:
    """Let as many users fail as open the circuit."""
    for _ in range(3):
        await Step((target,), policy=ONCE).failure()


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize(
    "failing", [refusing(503), refusing(500), reset], ids=["overloaded", "server", "reset"]
)
async def test_a_provider_that_keeps_failing_is_not_asked(
    failing: Behaviour, wire: str, fresh_clients: None
) -> None:
    async with upstream(failing) as server:
        target = at(server.origin, wire)
        await meet_an_outage(target)
        step = Step((target,))
        error = await step.failure()
    assert type(error) is errors.LLMProviderUnavailableError
    assert error.message.startswith(
        "test/some-model failed 3 times in a row and is not asked for 30 more seconds."
    )
    assert error.retry_after == pytest.approx(30, abs=5)
    assert error.partial is not None
    assert len(server.requests) == 3
    # Nothing was sent, and there is a trace that says so.
    (trace,) = step.recorder.traces
    assert (trace.status, trace.error_code) == (TraceStatus.FAILED, "llm_provider_unavailable")
    assert (trace.url, trace.http_status, trace.request) == ("", None, None)
    assert trace.error is not None
    assert trace.error["failures"] == 3
    assert not step.news


async def test_it_opens_between_the_attempts_of_one_call(fresh_clients: None) -> None:
    async with upstream(refusing(503)) as server:
        await Step((at(server.origin, CHAT),), policy=ONCE).failure()
        step = Step((at(server.origin, CHAT),), policy=replace(HASTY, max_retries=9))
        error = await step.failure()
    assert type(error) is errors.LLMProviderUnavailableError
    assert len(server.requests) == 3
    assert [code for _, _, code, _ in step.story] == [*["llm_provider_overloaded"] * 2, error.code]


async def test_one_persons_failing_request_stops_nobody_else(fresh_clients: None) -> None:
    async with upstream(refusing(500)) as server:
        target = at(server.origin, CHAT)
        for _ in range(4):
            await Step((target,), user_id=-1).failure()
        error = await Step((target,), policy=ONCE, user_id=-1).failure()
        assert type(error) is errors.LLMServerError
        assert len(server.requests) == 13


async def test_a_model_that_fails_stops_no_other_of_its_provider(fresh_clients: None) -> None:
    async with upstream(refusing(503)) as broken, upstream(speaking(CHAT)) as whole:
        await meet_an_outage(at(broken.origin, CHAT))
        assert type(await Step((at(broken.origin, CHAT),)).failure()) is errors.LLMProviderUnavailableError
        assert (await Step((at(whole.origin, CHAT, model="other"),)).result()).text == "Hello."


async def test_a_run_that_had_been_answered_may_open_it_alone(fresh_clients: None) -> None:
    async with upstream(in_turn(speaking(CHAT), *[refusing(503)] * 9)) as server:
        target = at(server.origin, CHAT)
        first = Step((target,), user_id=-1)
        await first.result()
        for _ in range(3):
            await Step((target,), policy=ONCE, user_id=-1, run_id=first.run_id).failure()
        refused = await Step((target,), user_id=-1, run_id=first.run_id).failure()
    assert type(refused) is errors.LLMProviderUnavailableError
    assert len(server.requests) == 4


async def test_another_model_answers_at_once_for_one_that_is_not_asked(fresh_clients: None) -> None:
    async with upstream(refusing(503)) as broken, upstream(speaking(CHAT)) as whole:
        target, other = at(broken.origin, CHAT), at(whole.origin, CHAT, model="other")
        other = replace(other, origin=replace(other.origin, provider="another"))
        await meet_an_outage(target)
        step = Step((target, other))
        assert (await step.result()).text == "Hello."
    assert [code for _, _, code, _ in step.story] == ["llm_provider_unavailable", "completed"]


async def test_it_asks_again_when_the_pause_is_over(fresh_clients: None, settings: Any) -> None:
    settings.RUNNEL_CIRCUIT_SECONDS = 0.2
    failures = [refusing(503)] * 4
    async with upstream(in_turn(*failures, speaking(CHAT))) as server:
        target = at(server.origin, CHAT)
        await meet_an_outage(target)
        await asyncio.sleep(0.2)
        # One probe fails, and the pause begins anew.
        assert type(await Step((target,)).failure()) is errors.LLMProviderUnavailableError
        assert len(server.requests) == 4
        await asyncio.sleep(0.2)
        assert (await Step((target,)).result()).text == "Hello."
        assert (await Step((target,)).result()).text == "Hello."


async def test_the_first_word_of_a_probe_lets_the_others_in(fresh_clients: None, settings: Any) -> None:
    settings.RUNNEL_CIRCUIT_SECONDS = 0.1
    failures = [refusing(503)] * 3
    talking = streaming(beginning(CHAT), then=forever)
    async with upstream(in_turn(*failures, talking, speaking(CHAT))) as server:
        target = at(server.origin, CHAT)
        await meet_an_outage(target)
        await asyncio.sleep(0.1)
        settings.RUNNEL_CIRCUIT_SECONDS = 30.0
        probe = Step((target,))
        probe.start()
        await asyncio.wait_for(probe.sink.heard.wait(), 5)
        assert (await Step((target,)).result()).text == "Hello."
        await probe.cancellation()


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 422, 429])
async def test_refused_requests_never_count(status: int, fresh_clients: None) -> None:
    async with upstream(refusing(status)) as server:
        for _ in range(5):
            await Step((at(server.origin, CHAT),), policy=ONCE).failure()
    assert len(server.requests) == 5


async def test_cancelled_calls_never_count(fresh_clients: None) -> None:
    async with upstream(forever) as server:
        for number in range(5):
            step = Step((at(server.origin, CHAT),))
            step.start()
            while len(server.requests) <= number:
                await asyncio.sleep(0.01)
            await step.cancellation()
    assert len(server.requests) == 5


async def test_what_one_makes_the_emulator_do_stops_nobody_else(emulator: Emulator) -> None:
    for _ in range(3):
        await Step((emulated("overloaded", CHAT),), policy=ONCE).failure()
    stopped = await Step((emulated("overloaded", CHAT),)).failure()
    assert type(stopped) is errors.LLMProviderUnavailableError
    await Step((emulated("echo", CHAT),)).result()
    other = await Step((emulated("overloaded", "anthropic-messages"),), policy=ONCE).failure()
    assert type(other) is errors.LLMProviderOverloadedError
    ordered = await Step(
        (emulated("overloaded", CHAT),), policy=ONCE, prompt="[[fault=error status=503]]"
    ).failure()
    assert type(ordered) is errors.LLMProviderOverloadedError
