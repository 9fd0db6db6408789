"""Token counts of Chat Completions, wherever a server puts them and whatever it calls them."""

from typing import Any

import pytest

from providers.errors import LLMError
from providers.types import Json
from providers.types.usage import Usage, UsageSource
from providers.wires import openai_chat as wire
from providers.wires import read
from providers.wires.accumulator import StepAccumulator
from providers.wires.late_usage import LateUsage
from tests.compatibility import understood
from tests.providers.wires.chat_chunks import chunk, play, usage
from tests.providers.wires.chat_saying import choice

HI, STOP = chunk(content="Hi"), chunk("stop")
PLAIN = {"prompt_tokens": 20, "completion_tokens": 6, "total_tokens": 26}


def counts(**known: int | None) -> Usage:
    names = {"read": "input_tokens", "cached": "cached_input_tokens", "kept": "cache_write_input_tokens"}
    names |= {"said": "output_tokens", "thought": "reasoning_tokens"}
    return Usage(**{names[name]: count for name, count in known.items()}, source=UsageSource.REPORTED)


NAMES = [
    pytest.param({"input_tokens": 20, "output_tokens": 6}, counts(read=20, said=6), id="as on Responses"),
    pytest.param(
        {"promptTokenCount": 20, "candidatesTokenCount": 6}, counts(read=20, said=6), id="as on Gemini"
    ),
    pytest.param(
        {"promptTokens": 20, "completionTokens": 6, "promptTokensDetails": {"cachedTokens": 18}},
        counts(read=20, cached=18, said=6),
        id="in camel case",
    ),
    pytest.param(
        {"inputTokens": 2, "outputTokens": 6, "totalTokens": 26, "cacheReadInputTokens": 18},
        counts(read=20, cached=18, said=6),
        id="as on Bedrock's Converse",
    ),
    pytest.param(
        {"input_tokens": 20, "output_tokens": 6, "total_tokens": 26, "cache_read_input_tokens": 18},
        counts(read=20, cached=18, said=6),
        id="a cache that the total has in the input",
    ),
    pytest.param(PLAIN | {"cache_hit_tokens": 18}, counts(read=20, cached=18, said=6), id="cache hits"),
    pytest.param(
        {"prompt_cache_hit_tokens": 18, "prompt_cache_miss_tokens": 2, "completion_tokens": 6},
        counts(read=20, cached=18, said=6),
        id="the two halves of the input",
    ),
    pytest.param({"prompt_tokens": 20, "total_tokens": 26}, counts(read=20, said=6), id="the total alone"),
    pytest.param(
        {"usage": {"prompt_tokens": 20, "completion_tokens": 6}}, counts(read=20, said=6), id="inside itself"
    ),
    understood(
        {
            "prompt_tokens": 0,
            "completion_tokens": 0,
            "prompt_tokens_details": {"cached_tokens": 0},
            "input_tokens": 20,
            "output_tokens": 6,
            "input_tokens_details": {"cached_tokens": 18},
        },
        counts(read=20, cached=18, said=6),
        server="Any gateway",
        oddity="Of two names for a count, one of which says 0, the other is believed.",
        id="zeros under one of two names",
    ),
    understood(
        {"prompt_tokens": 20.0, "completion_tokens": "6", "total_tokens": 26.0},
        counts(read=20, said=6),
        server="Any server",
        oddity="Counts may be whole floats, or text.",
        id="whole floats",
    ),
    understood(
        PLAIN | {"cached_tokens": 18},
        counts(read=20, cached=18, said=6),
        server="Moonshot",
        oddity="`cached_tokens` beside the totals is read.",
        id="Moonshot's cache",
    ),
    understood(
        PLAIN | {"cache_read_input_tokens": 18, "prompt_tokens_details": {"cached_tokens": 0}},
        counts(read=20, cached=18, said=6),
        server="LiteLLM",
        oddity="Anthropic's names of the cache's counts are read where OpenAI's say 0.",
        id="Anthropic's cache behind LiteLLM",
    ),
    pytest.param(
        PLAIN | {"cache_creation_input_tokens": 3, "prompt_tokens_details": {"cached_tokens": 5}},
        counts(read=20, cached=5, kept=3, said=6),
        id="what Anthropic's cache keeps",
    ),
    pytest.param(
        PLAIN | {"prompt_tokens_details": {"cached_tokens": 5, "cache_creation_tokens": 3}},
        counts(read=20, cached=5, kept=3, said=6),
        id="the same among the details",
    ),
    pytest.param(
        {
            "input_tokens": 2,
            "output_tokens": 6,
            "cache_read_input_tokens": 10,
            "cache_creation_input_tokens": 8,
        },
        counts(read=20, cached=10, kept=8, said=6),
        id="Anthropic's usage as it is",
    ),
    pytest.param(
        {"prompt_tokens": 2, "completion_tokens": 6, "total_tokens": 26, "cache_read_input_tokens": 18},
        counts(read=20, cached=18, said=6),
        id="the cache beside the prompt",
    ),
    pytest.param(PLAIN | {"reasoning_tokens": 4}, counts(read=20, said=6, thought=4), id="reasoning outside"),
    pytest.param(
        {"prompt_tokens": 20, "completion_tokens": 6, "completion_tokens_details": {"reasoning_tokens": 40}},
        counts(read=20, said=46, thought=40),
        id="more reasoning than completion",
    ),
    pytest.param(PLAIN | {"total_tokens": 66}, counts(read=20, said=6), id="a total that nobody explains"),
    pytest.param(
        {"prompt_tokens": None, "completion_tokens": []}, Usage(source=UsageSource.REPORTED), id="nothing"
    ),
]


@pytest.mark.parametrize(("raw", "expected"), NAMES)
def test_counts_have_many_names(raw: Json, expected: Usage) -> None:
    assert play([HI, STOP, usage(**raw)]).result.usage == expected


def test_google_counts_thoughts_in_the_total_alone() -> None:
    stream = [event | {"model": "gemini-x"} for event in (HI, STOP, usage(**PLAIN | {"total_tokens": 66}))]
    assert play(stream).result.usage == counts(read=20, said=46, thought=40)


@pytest.mark.parametrize(
    "last",
    [
        pytest.param(STOP | {"usage": PLAIN}, id="on the last chunk"),
        pytest.param(STOP | {"usage": [PLAIN]}, id="in a list"),
        pytest.param(STOP | {"x_groq": {"usage": PLAIN}, "usage": None}, id="where Groq has it"),
        understood(
            {"id": "c", "choices": [STOP["choices"][0] | {"usage": PLAIN}]},
            server="Moonshot",
            oddity="Usage inside the choice is read.",
            id="in the choice",
        ),
        pytest.param(chunk("stop", usage=PLAIN), id="in the delta"),
        pytest.param(STOP | {"usageMetadata": PLAIN}, id="where Gemini has it"),
        pytest.param(
            choice(message={"content": "", "usage": PLAIN}, finish_reason="stop"), id="in the message"
        ),
        understood(
            STOP | {"meta": {"tokens": {"input_tokens": 20, "output_tokens": 6}}},
            server="Cohere",
            oddity="Counts in `meta` are read where there is no usage.",
            id="Cohere's meta",
        ),
        understood(
            STOP | {"amazon-bedrock-invocationMetrics": {"inputTokenCount": 20, "outputTokenCount": 6}},
            server="Amazon Bedrock",
            oddity="The metrics of an invocation are read as usage.",
            id="Bedrock's metrics",
        ),
        understood(
            STOP | {"prompt_eval_count": 20, "eval_count": 6},
            server="Ollama",
            oddity="Counts under Ollama's own names beside the choices are read.",
            id="Ollama's counts",
        ),
        pytest.param(
            STOP | {"usage_metadata": {"prompt_token_count": 20, "candidates_token_count": 6}},
            id="in Python's names",
        ),
        pytest.param(STOP | {"token_usage": PLAIN}, id="as token_usage"),
        *(
            pytest.param(STOP | {name: PLAIN}, id=f"as {name}")
            for name in ("x_usage", "metrics", "stats", "statistics")
        ),
        pytest.param(STOP | PLAIN, id="beside the choices"),
        pytest.param(STOP | {"details": {"prompt_tokens": 20, "generated_tokens": 6}}, id="in the details"),
        understood(
            STOP | {"timings": {"prompt_n": 15, "cache_n": 5, "predicted_n": 6, "predicted_ms": 4.5}},
            server="llama.cpp",
            oddity="The counts in `timings` are read where there is no usage.",
            id="llama.cpp's timings",
        ),
    ],
)
def test_counts_have_many_places(last: Json) -> None:
    found = play([HI, last]).result.usage
    assert (found.input_tokens, found.output_tokens, found.source) == (20, 6, UsageSource.REPORTED)


@pytest.mark.parametrize(
    ("reported", "expected"),
    [
        understood(
            [PLAIN, {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}],
            (20, 6),
            server="SGLang",
            oddity="Zeros or nulls in the last usage object do not erase earlier counts.",
            id="zeros at the end",
        ),
        pytest.param(
            [PLAIN, {"prompt_tokens": None, "completion_tokens": None}], (20, 6), id="nulls at the end"
        ),
        pytest.param(
            [{"prompt_tokens": 20}, {"completion_tokens": 6}], (20, 6), id="one at the start, one at the end"
        ),
        pytest.param([PLAIN | {"completion_tokens": 2}, PLAIN], (20, 6), id="running totals"),
        pytest.param([{"prompt_tokens": 0, "completion_tokens": 0}], (None, None), id="nothing but zeros"),
        pytest.param([{"prompt_tokens": 0, "completion_tokens": 6}], (None, 6), id="a prompt of nothing"),
    ],
)
def test_what_was_reported_stays_and_what_was_not_is_unknown(reported: list[Json], expected: Any) -> None:
    found = play([HI, STOP, *(usage(**raw) for raw in reported)]).result.usage
    assert (found.input_tokens, found.output_tokens) == expected


def test_a_zero_is_a_count_where_nothing_was_said() -> None:
    found = play([chunk("content_filter"), usage(prompt_tokens=20, completion_tokens=0)]).result.usage
    assert found == counts(read=20, said=0)


def test_counts_are_reported_only_if_nothing_was_said_after_them() -> None:
    early = [HI | {"usage": PLAIN}, chunk(content=" there"), STOP]
    assert play(early).result.usage.source is UsageSource.PARTIAL
    assert play([HI, usage(**PLAIN), STOP]).result.usage.source is UsageSource.REPORTED


def test_counts_on_the_chunk_of_an_error_count() -> None:
    failed = HI | {"usage": PLAIN, "error": {"message": "Gone", "code": 502}}
    for stream in ([failed], [HI, {"error": {"message": "Gone", "code": 502, "usage": PLAIN}}]):
        check_counts_of_a_failure(stream)


def check_counts_of_a_failure(stream: list[Json]) -> None:
    told = play(stream)
    assert isinstance(told.raised, LLMError)
    assert (told.result.text, told.result.usage.input_tokens, told.result.usage.output_tokens) == (
        "Hi",
        20,
        6,
    )


def test_counts_that_come_late_are_merged_with_those_before() -> None:
    accumulator = StepAccumulator()
    reader = read(wire, accumulator)
    reader.take(
        HI
        | {
            "usage": {
                "prompt_tokens": 20,
                "completion_tokens": 1,
                "prompt_tokens_details": {"cached_tokens": 9},
            }
        }
    )
    late = LateUsage(wire.KIND, accumulator)
    assert not late.take(STOP)
    assert late.take({"choices": [{"usage": {"prompt_tokens": 0, "completion_tokens": 6}}]})
    assert accumulator.usage == counts(read=20, cached=9, said=6)
