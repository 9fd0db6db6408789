"""Anthropic Messages: which counts of usage are believed."""

from collections.abc import Sequence
from dataclasses import dataclass

import pytest

from providers.types import Json
from providers.types.usage import Usage, UsageSource
from tests.compatibility import understood
from tests.providers.wires.anthropic_events import (
    end,
    play,
    start,
    text,
)


def test_it_replaces_the_counts_of_the_start_by_those_of_the_end() -> None:
    first = {
        "input_tokens": 10,
        "cache_read_input_tokens": 5,
        "cache_creation_input_tokens": 2,
        "output_tokens": 3,
    }
    last = {
        "input_tokens": 40,
        "cache_read_input_tokens": 6,
        "cache_creation_input_tokens": 0,
        "output_tokens": 0,
    }
    told = play([start(**first), *text(0, "So"), *end("end_turn", **last)])
    assert told.result.usage == Usage(
        input_tokens=46,
        cached_input_tokens=6,
        cache_write_input_tokens=0,
        output_tokens=0,
        source=UsageSource.REPORTED,
    )
    assert told.result.raw_usage == {"message_start": first, "message_delta": last}


@dataclass(frozen=True, kw_only=True)
class Counted:
    """Usage objects of a start and of one or more ends, and what they amount to."""

    start: Json
    ends: Sequence[Json]
    input: int | None
    output: int | None = 9
    cached: int | None = None
    written: int | None = None


COUNTS = [
    understood(
        Counted(start={"input_tokens": 31}, ends=[{"input_tokens": 0, "output_tokens": 9}], input=31),
        server="Any server",
        oddity="Zeros in the last usage object of the Messages wire do not take back what was reported before.",
        id="a zero at the end",
    ),
    pytest.param(
        Counted(
            start={"input_tokens": 31, "cache_read_input_tokens": 4},
            ends=[
                {"output_tokens": 9},
                {"input_tokens": None, "output_tokens": 0, "cache_read_input_tokens": 0},
            ],
            input=35,
            cached=4,
        ),
        id="nulls and zeros in a later end",
    ),
    pytest.param(
        Counted(
            start={"input_tokens": 500},
            ends=[{"cache_read_input_tokens": 502, "output_tokens": 9}],
            input=502,
            cached=502,
        ),
        id="the same input once more as cached",
    ),
    pytest.param(
        Counted(
            start={"input_tokens": 500},
            ends=[{"input_tokens": 0, "cache_read_input_tokens": 450, "output_tokens": 9}],
            input=500,
            cached=450,
        ),
        id="a part of the input as cached",
    ),
    pytest.param(
        Counted(
            start={"input_tokens": 500, "cache_read_input_tokens": 20, "cache_creation_input_tokens": 3},
            ends=[{"cache_read_input_tokens": 20, "cache_creation_input_tokens": 3, "output_tokens": 9}],
            input=523,
            cached=20,
            written=3,
        ),
        id="cached counts at both places",
    ),
    pytest.param(
        Counted(
            start={"input_tokens": 0},
            ends=[{"prompt_tokens": 12, "input_tokens": 12.0, "output_tokens": "9"}],
            input=12,
        ),
        id="whole floats and text",
    ),
    pytest.param(
        Counted(start={}, ends=[{"prompt_tokens": 12, "completion_tokens": 9}], input=12), id="OpenAI's names"
    ),
    pytest.param(
        Counted(
            start={
                "input_tokens": 12,
                "cache_creation": {"ephemeral_5m_input_tokens": 4, "ephemeral_1h_input_tokens": 30},
            },
            ends=[{"output_tokens": 9}],
            input=46,
            written=34,
        ),
        id="what was written to the cache, by its time only",
    ),
    pytest.param(
        Counted(
            start={"input_tokens": 12},
            ends=[
                {
                    "output_tokens": 9,
                    "iterations": [
                        {
                            "type": "compaction",
                            "input_tokens": 700,
                            "cache_read_input_tokens": 90,
                            "output_tokens": 50,
                        },
                        {"type": "message", "input_tokens": 12, "output_tokens": 9},
                    ],
                }
            ],
            input=12,
        ),
        id="what a compaction within the call used stays out of the totals, as the provider counts",
    ),
]


@pytest.mark.parametrize("case", COUNTS)
def test_it_counts_what_was_reported_once(case: Counted) -> None:
    opening = start()
    opening["message"]["usage"] = case.start
    ends = [event for usage in case.ends for event in end("end_turn", **usage)[:1]]
    usage = play([opening, *text(0, "So"), *ends]).result.usage
    assert (usage.input_tokens, usage.output_tokens) == (case.input, case.output)
    assert (usage.cached_input_tokens, usage.cache_write_input_tokens) == (case.cached, case.written)
    assert usage.source is UsageSource.REPORTED


def test_it_finds_counts_at_the_very_end() -> None:
    stream = [start(), *text(0, "So"), *end("end_turn")]
    stream[-1] = stream[-1] | {"usage": {"input_tokens": 8, "output_tokens": 6}}
    assert play(stream).result.usage == Usage(input_tokens=8, output_tokens=6, source=UsageSource.REPORTED)


def test_it_finds_counts_in_an_event_of_their_own() -> None:
    counts = {"type": "usage", "usage": {"input_tokens": 8, "output_tokens": 6}}
    stream = [start(), *text(0, "So"), counts, *end("end_turn", output_tokens=0)]
    assert play(stream).result.usage == Usage(input_tokens=8, output_tokens=6, source=UsageSource.REPORTED)


def test_it_counts_what_an_error_reports() -> None:
    error = {"type": "error", "error": {"type": "api_error", "message": "!"}, "usage": {"output_tokens": 6}}
    told = play([start(), *text(0, "So"), error])
    assert told.result.usage == Usage(input_tokens=7, output_tokens=6)


def test_it_knows_the_input_but_not_the_output_of_a_cut_answer() -> None:
    told = play(
        [start(input_tokens=10, cache_read_input_tokens=5, output_tokens=3), *text(0, "So")], cancel=True
    )
    assert told.result.usage == Usage(input_tokens=15, cached_input_tokens=5)


AMAZONS = {
    "inputTokenCount": 8,
    "outputTokenCount": 6,
    "cacheReadInputTokenCount": 2,
    "invocationLatency": 900,
}


@pytest.mark.parametrize(
    ("member", "value", "expected"),
    [
        pytest.param("delta", {"usage": {"input_tokens": 8, "output_tokens": 6}}, (8, 6), id="in a delta"),
        pytest.param(
            "message", {"usage": {"input_tokens": 8, "output_tokens": 6}}, (8, 6), id="in a message"
        ),
        pytest.param("usage", {"inputTokens": 8, "outputTokens": 6}, (8, 6), id="in camel case"),
        understood(
            "amazon-bedrock-invocationMetrics",
            AMAZONS,
            (10, 6),
            server="Amazon Bedrock",
            oddity="The metrics of an invocation on the Messages wire are usage where there is no other.",
            id="Amazon's metrics",
        ),
    ],
)
def test_it_finds_counts_wherever_the_end_has_them(
    member: str, value: Json, expected: tuple[int, int]
) -> None:
    opening = start()
    opening["message"].pop("usage")
    ended = {"type": "message_delta", "delta": {"stop_reason": "end_turn"}}
    usage = play([opening, *text(0, "So"), ended, {"type": "message_stop", member: value}]).result.usage
    assert (usage.input_tokens, usage.output_tokens) == expected
    assert usage.source is UsageSource.REPORTED


def test_amazons_metrics_add_nothing_to_what_was_reported() -> None:
    stream = [start(input_tokens=10), *text(0, "So"), *end("end_turn", output_tokens=6)]
    stream[-1] = stream[-1] | {"amazon-bedrock-invocationMetrics": AMAZONS}
    assert play(stream).result.usage == Usage(input_tokens=10, output_tokens=6, source=UsageSource.REPORTED)


def test_a_second_start_without_counts_erases_none() -> None:
    again = start(input_tokens=0, output_tokens=0)
    usage = play([start(input_tokens=10), again, *text(0, "So"), *end("end_turn")]).result.usage
    assert (usage.input_tokens, usage.output_tokens) == (10, 5)
