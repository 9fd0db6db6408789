import asyncio
from dataclasses import replace
from decimal import Decimal

import pytest

from providers import errors
from providers.adapter import Timeouts
from providers.errors import LLMError
from providers.retry.backoff import RetryPolicy
from providers.types import ModelOptions
from providers.types.cost import Cost, CostIs
from providers.types.trace import TraceStatus
from providers.types.usage import UsageSource
from tests.providers.calling import KEY, WIRES, Sink, at, calls_tasks, until
from tests.providers.retry.attempting import (
    HASTY,
    Step,
    beginning,
    counted,
    events,
    refusing,
    saying,
    speaking,
)
from tests.providers.upstream import Behaviour, forever, in_turn, reset, streaming, upstream

every_wire = pytest.mark.parametrize("wire", WIRES)
CHAT = "openai-chat"

#: Long enough to be cancelled in.
SLOW = RetryPolicy(max_retries=2, base=60, cap=60, longest_retry_after=60)


@every_wire
async def test_a_call_that_failed_before_a_word_is_made_again(wire: str, fresh_clients: None) -> None:
    async with upstream(in_turn(refusing(503), refusing(500), speaking(wire))) as server:
        step = Step((at(server.origin, wire),))
        result = await step.result()
    assert result.text == step.sink.text == "Hello."
    assert (result.usage.input_tokens, result.usage.output_tokens) == (10, 2)
    assert result.usage.source is UsageSource.REPORTED
    assert step.story == [
        (1, "some-model", "llm_provider_overloaded", 503),
        (2, "some-model", "llm_server", 500),
        (3, "some-model", "completed", 200),
    ]
    assert [(news.attempt, news.of, news.code, news.model) for news in step.news] == [
        (2, 3, "llm_provider_overloaded", "test/some-model"),
        (3, 3, "llm_server", "test/some-model"),
    ]
    assert len({trace.step_id for trace in step.recorder.traces}) == 1
    assert len(server.requests) == 3


@every_wire
@pytest.mark.parametrize(
    "failing",
    [
        pytest.param(reset, id="reset"),
        pytest.param(streaming(b"data: {not json\n\n"), id="bad JSON"),
        pytest.param(streaming(), id="nothing"),
        pytest.param(refusing(429, "retry-after-ms: 5"), id="a rate limit"),
        pytest.param(refusing(409), id="a conflict"),
    ],
)
async def test_it_makes_a_call_again_however_it_broke(
    failing: Behaviour, wire: str, fresh_clients: None
) -> None:
    async with upstream(in_turn(failing, speaking(wire))) as server:
        step = Step((at(server.origin, wire),))
        assert (await step.result()).text == "Hello."
    assert [attempt for attempt, *_ in step.story] == [1, 2]


@every_wire
async def test_who_has_read_a_word_gets_no_second_answer(wire: str, fresh_clients: None) -> None:
    async with upstream(in_turn(streaming(beginning(wire)), speaking(wire))) as server:
        step = Step((at(server.origin, wire), at(server.origin, wire, model="other")))
        error = await step.failure()
    assert type(error) is errors.LLMConnectionError
    assert error.partial is not None
    assert error.partial.text == step.sink.text == "Well"
    assert not step.news
    assert len(server.requests) == 1


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422, 402])
async def test_what_would_fail_again_is_not_sent_again(status: int, fresh_clients: None) -> None:
    async with upstream(refusing(status)) as server:
        step = Step((at(server.origin, CHAT),))
        await step.failure()
    assert len(server.requests) == 1
    assert not step.news


async def test_no_retries_are_none(fresh_clients: None) -> None:
    async with upstream(refusing(503)) as server:
        await Step((at(server.origin, CHAT),), policy=replace(HASTY, max_retries=0)).failure()
    assert len(server.requests) == 1


async def test_it_fails_as_the_last_attempt_did_when_all_are_spent(fresh_clients: None) -> None:
    async with upstream(
        in_turn(refusing(503), refusing(500), refusing(502, message="Bad gateway"))
    ) as server:
        step = Step((at(server.origin, CHAT),))
        error = await step.failure()
    assert error.detail["message"] == "Bad gateway"
    assert len(server.requests) == len(step.recorder.traces) == 3
    assert error.partial is not None
    assert error.partial.usage.is_unknown


@every_wire
async def test_an_empty_answer_gets_one_more_chance(wire: str, fresh_clients: None) -> None:
    async with upstream(streaming(saying(wire, ""))) as server:
        step = Step((at(server.origin, wire),))
        error = await step.failure()
    assert type(error) is errors.LLMEmptyResponseError
    assert len(server.requests) == 2
    # Each was read and written, whatever came of it.
    assert error.partial is not None
    assert error.partial.usage.input_tokens == 20


async def test_a_provider_that_asks_for_a_long_pause_is_not_waited_for(fresh_clients: None) -> None:
    async with upstream(refusing(429, "retry-after: 3600")) as server:
        error = await Step((at(server.origin, CHAT),)).failure()
    assert len(server.requests) == 1
    assert error.retry_after == 3600
    assert "3600 seconds" in error.message
    assert "longer than the 1 " in error.message


async def test_it_waits_as_long_as_the_provider_asks(fresh_clients: None) -> None:
    async with upstream(in_turn(refusing(429, "retry-after-ms: 300"), speaking(CHAT))) as server:
        step = Step((at(server.origin, CHAT),))
        await step.result()
    first, second = step.recorder.traces
    assert (second.started_at - first.ended_at).total_seconds() >= 0.3
    assert step.news[0].wait_seconds >= 0.3


@every_wire
async def test_a_cancel_ends_the_wait_at_once(wire: str, fresh_clients: None) -> None:
    async with upstream(streaming(counted(wire))) as server:
        step = Step((at(server.origin, wire),), policy=SLOW)
        step.start()
        await until(lambda: bool(step.news))
        cancelled = await step.cancellation()
    assert len(server.requests) == 1
    assert cancelled.partial is not None
    assert not cancelled.partial.stream_was_cancelled
    assert not cancelled.partial.parts
    assert cancelled.upstream_closed_ms is None
    # What the failed attempt had counted is kept.
    known = wire != "openai-responses"
    assert cancelled.partial.usage.input_tokens == (7 if known else None)
    assert [trace.status for trace in step.recorder.traces] == [TraceStatus.FAILED]
    await until(lambda: not [name for name in calls_tasks() if "Upstream" not in name])


async def test_a_cancel_during_a_retry_closes_the_connection(fresh_clients: None) -> None:
    async with upstream(in_turn(refusing(503), streaming(beginning(CHAT), then=forever))) as server:
        step = Step((at(server.origin, CHAT),))
        step.start()
        await asyncio.wait_for(step.sink.heard.wait(), 5)
        cancelled = await step.cancellation()
        await asyncio.wait_for(server.deserted.wait(), 2)
    assert cancelled.partial is not None
    assert cancelled.partial.stream_was_cancelled
    assert cancelled.partial.text == "Well"
    assert [trace.status for trace in step.recorder.traces] == [TraceStatus.FAILED, TraceStatus.CANCELLED]


async def test_what_failed_attempts_have_used_is_added(fresh_clients: None) -> None:
    wire = "anthropic-messages"
    overloaded = events({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}})
    async with upstream(in_turn(streaming(counted(wire), overloaded), speaking(wire))) as server:
        step = Step((at(server.origin, wire),))
        result = await step.result()
    assert (result.usage.input_tokens, result.usage.output_tokens) == (17, 2)
    # How much the first one wrote is not known.
    assert result.usage.source is UsageSource.PARTIAL
    (bill,) = step.attempts.spending.by_model
    assert bill.usage == result.usage


@pytest.mark.parametrize(
    ("failing", "kind", "requests"),
    [
        (refusing(401), errors.LLMAuthenticationError, 1),
        (refusing(403), errors.LLMPermissionDeniedError, 1),
        (refusing(404), errors.LLMNotFoundError, 1),
        (refusing(402), errors.LLMInsufficientCreditsError, 1),
        (refusing(400, message="This prompt is too long"), errors.LLMContextWindowExceededError, 1),
        (refusing(429, "retry-after: 3600"), errors.LLMRateLimitError, 1),
        (refusing(503), errors.LLMProviderOverloadedError, 3),
        (reset, errors.LLMConnectionError, 3),
    ],
)
async def test_another_model_answers_where_that_may_help(
    failing: Behaviour, kind: type[LLMError], requests: int, fresh_clients: None
) -> None:
    async with upstream(failing) as broken, upstream(speaking("gemini-generate")) as whole:
        other = at(whole.origin, "gemini-generate", model="other")
        step = Step((at(broken.origin, CHAT), other))
        result = await step.result()
    assert result.text == "Hello."
    assert step.attempts.target is other
    assert len(broken.requests) == requests
    assert [attempt for attempt, *_ in step.story] == list(range(1, requests + 2))
    assert step.story[-1][1:] == ("other", "completed", 200)
    news = step.news[-1]
    assert (news.attempt, news.of, news.wait_seconds) == (1, 3, 0)
    assert (news.code, news.model) == (kind.code, "test/other")
    assert KEY not in repr(step.recorder.traces)


@pytest.mark.parametrize(
    "failing",
    [
        pytest.param(refusing(400), id="bad request"),
        pytest.param(refusing(422), id="unprocessable"),
        pytest.param(refusing(400, message="flagged: violating our usage policy"), id="content filter"),
    ],
)
async def test_no_other_model_is_asked_what_was_refused_for_itself(
    failing: Behaviour, fresh_clients: None
) -> None:
    async with upstream(failing) as server:
        step = Step((at(server.origin, CHAT), at(server.origin, CHAT, model="other")))
        await step.failure()
    assert len(server.requests) == 1
    assert step.attempts.target is step.targets[0]


async def test_models_are_asked_in_their_order_each_with_its_retries(fresh_clients: None) -> None:
    async with upstream(refusing(503)) as server:
        models = tuple(at(server.origin, wire, model=wire) for wire in WIRES)
        step = Step(models, policy=replace(HASTY, max_retries=1))
        error = await step.failure()
    assert type(error) is errors.LLMProviderOverloadedError
    assert [model for _, model, *_ in step.story] == [wire for wire in WIRES for _ in range(2)]
    assert [attempt for attempt, *_ in step.story] == list(range(1, 9))
    assert [(news.attempt, news.of) for news in step.news] == [(2, 2), *[(1, 2), (2, 2)] * 3]


async def test_what_each_model_has_used_is_told_apart(fresh_clients: None) -> None:
    wire = "anthropic-messages"
    async with upstream(in_turn(streaming(counted(wire)), speaking(CHAT))) as server:
        one, two = at(server.origin, wire), at(server.origin, CHAT)
        one = replace(one, origin=replace(one.origin, provider="another"))
        step = Step((one, two), policy=replace(HASTY, max_retries=0))
        result = await step.result()
    assert [(bill.provider, bill.usage.input_tokens) for bill in step.attempts.spending.by_model] == [
        ("another", 7),
        ("test", 10),
    ]
    assert result.usage.input_tokens == 17


async def test_a_step_has_the_cost_of_every_attempt_and_says_what_is_not_exact(fresh_clients: None) -> None:
    wire = "anthropic-messages"
    answers = (speaking(wire), streaming(counted(wire)), speaking(wire))
    async with upstream(in_turn(*answers)) as server:
        target = at(server.origin, wire, model="claude-haiku-4-5")
        target = replace(target, origin=replace(target.origin, provider="anthropic"))
        whole, broken = Step((target,)), Step((target,))
        await whole.result()
        await broken.result()
    # $1 and $5 for a million: 10 tokens read, 2 written.
    assert [bill.cost for bill in whole.attempts.spending.by_model] == [Cost(amount=Decimal("0.00002"))]
    assert whole.attempts.spending.cost == Cost(amount=Decimal("0.00002"))
    # How much the first attempt wrote is not known: nobody saw a word of it.
    cost = broken.attempts.spending.cost
    assert cost is not None
    assert (cost.amount > Decimal("0.00002"), cost.kind) == (True, CostIs.AT_LEAST)


@pytest.mark.parametrize(("provider", "is_kept"), [("other", False), ("test", True)])
async def test_a_provider_s_own_fields_do_not_follow_to_another_provider(
    fresh_clients: None, provider: str, is_kept: bool
) -> None:
    async with upstream(in_turn(refusing(503), speaking(CHAT))) as server:
        first = at(server.origin, CHAT)
        second = replace(first, origin=replace(first.origin, provider=provider, model="another"))
        step = Step(
            (first, second),
            policy=replace(HASTY, max_retries=0),
            options=ModelOptions(provider_options={"top_k": 5}),
        )
        await step.result()
    asked, fallback = (trace.request or {} for trace in step.recorder.traces)
    assert asked["top_k"] == 5
    assert ("top_k" in fallback) is is_kept


async def test_what_the_sink_refuses_is_raised_as_it_is(fresh_clients: None) -> None:
    class FullError(Exception):
        pass

    class Refusing(Sink):
        def take(self, event: object) -> None:
            raise FullError

        async def wait_for_room(self) -> None:
            pass

    async with upstream(refusing(503)) as server:
        step = Step((at(server.origin, CHAT),), sink=Refusing())
        with pytest.raises(FullError):
            await step.result()
    assert len(step.recorder.traces) == 1


async def test_silence_before_the_first_word_is_made_again_as_well(fresh_clients: None) -> None:
    impatient = Timeouts(connect=1, first_byte=1, idle=1)
    async with upstream(in_turn(forever, streaming(then=forever), speaking(CHAT))) as server:
        step = Step((at(server.origin, CHAT),), timeouts=impatient)
        assert (await step.result()).text == "Hello."
    assert [code for *_, code, _ in step.story] == ["llm_timeout", "llm_timeout", "completed"]
