"""Chat Completions: what an answer used."""

from dataclasses import dataclass

import pytest

from providers.types import Json
from providers.types.events import (
    UsageSeen,
)
from providers.types.usage import Usage, UsageSource
from tests.providers.wires.chat_chunks import chunk, play, usage


@dataclass(frozen=True, kw_only=True)
class Counted:
    """A usage object, and what it means."""

    name: str
    raw: Json
    usage: Usage


COUNTED = [
    Counted(
        name="OpenAI",
        raw={
            "prompt_tokens": 10,
            "completion_tokens": 8,
            "total_tokens": 18,
            "prompt_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 4},
            "completion_tokens_details": {"reasoning_tokens": 3},
        },
        usage=Usage(
            input_tokens=10,
            cached_input_tokens=0,
            cache_write_input_tokens=4,
            output_tokens=8,
            reasoning_tokens=3,
            source=UsageSource.REPORTED,
        ),
    ),
    Counted(
        name="xAI",
        raw={
            "prompt_tokens": 12,
            "completion_tokens": 2,
            "total_tokens": 354,
            "completion_tokens_details": {"reasoning_tokens": 340},
        },
        usage=Usage(input_tokens=12, output_tokens=342, reasoning_tokens=340, source=UsageSource.REPORTED),
    ),
    Counted(
        name="DeepSeek",
        raw={"prompt_tokens": 9, "completion_tokens": 1, "prompt_cache_hit_tokens": 8},
        usage=Usage(input_tokens=9, cached_input_tokens=8, output_tokens=1, source=UsageSource.REPORTED),
    ),
    Counted(
        name="half of it",
        raw={"prompt_tokens": 9, "completion_tokens": None, "total_tokens": None},
        usage=Usage(input_tokens=9, source=UsageSource.REPORTED),
    ),
]


@pytest.mark.parametrize("case", COUNTED, ids=lambda case: case.name)
def test_it_counts_in_one_way(case: Counted) -> None:
    told = play([chunk(content="Hi"), chunk("stop"), usage(**case.raw)])
    assert told.result.usage == case.usage
    assert told.events[-1] == UsageSeen(case.usage)
    assert told.result.raw_usage == case.raw


def test_it_replaces_a_running_count_and_says_only_changes() -> None:
    first = {"prompt_tokens": 9, "completion_tokens": 1}
    last = {"prompt_tokens": 9, "completion_tokens": 2}
    stream = [
        chunk(content="A") | {"usage": first},
        chunk(content="B") | {"usage": first},
        chunk("stop") | {"usage": last},
    ]
    told = play(stream)
    assert [event for event in told.events if isinstance(event, UsageSeen)] == [
        UsageSeen(Usage(input_tokens=9, output_tokens=1, source=UsageSource.PARTIAL)),
        UsageSeen(Usage(input_tokens=9, output_tokens=2, source=UsageSource.REPORTED)),
    ]


def test_it_finds_the_counts_where_groq_puts_them() -> None:
    raw = {"prompt_tokens": 7, "completion_tokens": 5, "total_tokens": 12}
    told = play([chunk(content="Hi") | {"x_groq": {"id": "r"}}, chunk("stop") | {"x_groq": {"usage": raw}}])
    assert told.result.usage == Usage(input_tokens=7, output_tokens=5, source=UsageSource.REPORTED)
    assert told.result.raw_usage == raw


def test_it_knows_no_usage_that_nobody_reported() -> None:
    assert play([chunk("stop", content="Hi")]).result.usage.is_unknown
