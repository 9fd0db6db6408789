"""What the end reasons of all providers mean."""

from typing import Any

import pytest

from providers.errors import (
    LLMBadRequestError,
    LLMContentFilterError,
    LLMError,
    LLMMalformedResponseError,
    LLMMalformedToolCallError,
    LLMServerError,
)
from providers.types import FinishReason
from providers.wires.finish_reasons import failure, meaning


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("stop", FinishReason.END_TURN),
        ("STOP", FinishReason.END_TURN),
        (" End_Turn ", FinishReason.END_TURN),
        ("stop_sequence", FinishReason.END_TURN),
        ("toolUse", None),
        ("tool-calls", FinishReason.TOOL_CALLS),
        ("FINISH_REASON_MAX_TOKENS", FinishReason.MAX_TOKENS_EXCEEDED),
        ("Length", FinishReason.MAX_TOKENS_EXCEEDED),
        ("model_context_window_exceeded", FinishReason.MAX_TOKENS_EXCEEDED),
        ("pause_turn", FinishReason.PAUSE_TURN),
        ("compaction", FinishReason.PAUSE_TURN),
        ("content_filter", FinishReason.CONTENT_FILTER),
        ("refusal", LLMContentFilterError),
        ("SAFETY", LLMContentFilterError),
        ("IMAGE_SAFETY", LLMContentFilterError),
        ("guardrail_intervened", LLMContentFilterError),
        ("MALFORMED_FUNCTION_CALL", LLMMalformedToolCallError),
        ("malformed_tool_use", LLMMalformedToolCallError),
        ("MALFORMED_RESPONSE", LLMMalformedResponseError),
        ("malformed_model_output", LLMMalformedResponseError),
        ("IMAGE_OTHER", LLMMalformedResponseError),
        ("MISSING_THOUGHT_SIGNATURE", LLMBadRequestError),
        ("abort", LLMServerError),
        ("error", LLMServerError),
        ("network error", LLMServerError),
        ("cancel", LLMServerError),
        ("CANCELLED", LLMServerError),
        ("peer_disconnected", LLMServerError),
        ("DEADLINE_EXCEEDED", LLMServerError),
        ("request timed out", LLMServerError),
        ("engine_overloaded", LLMServerError),
        ("rate_limited", LLMServerError),
        ("output_tokens_exceeded", FinishReason.MAX_TOKENS_EXCEEDED),
        ("context length reached", FinishReason.MAX_TOKENS_EXCEEDED),
        ("max_new_tokens", FinishReason.MAX_TOKENS_EXCEEDED),
        ("OUTPUT_LIMIT", FinishReason.MAX_TOKENS_EXCEEDED),
        ("truncated", FinishReason.MAX_TOKENS_EXCEEDED),
        ("ERROR_TOXIC", LLMContentFilterError),
        ("ERROR_LIMIT", FinishReason.MAX_TOKENS_EXCEEDED),
        ("length_capped", FinishReason.MAX_TOKENS_EXCEEDED),
        ("stop_limit", FinishReason.MAX_TOKENS_EXCEEDED),
        ("engine_exception", LLMServerError),
        ("crashed", LLMServerError),
        ("killed", LLMServerError),
        ("preempted", LLMServerError),
        ("moderation", LLMContentFilterError),
        ("guardrails", LLMContentFilterError),
        ("max_steps", None),
        ("TOO_MANY_TOKENS", None),
        ("bored", None),
        ("", None),
        (None, None),
        ({"type": "stop"}, None),
    ],
)
def test_it_reads_any_providers_word_in_any_case(
    raw: Any, expected: FinishReason | type[LLMError] | None
) -> None:
    assert meaning(raw) is expected


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        ("abort", "broke off its answer"),
        ("IMAGE_OTHER", "could not make the picture"),
        ("SAFETY", "content policy"),
    ],
)
def test_it_says_what_went_wrong(raw: str, words: str) -> None:
    error = failure(raw)
    assert error is not None
    assert words in error.message
    assert error.detail == {"reason": raw}


@pytest.mark.parametrize("raw", ["stop", "length", "bored", None])
def test_it_makes_no_error_of_an_end(raw: Any) -> None:
    assert failure(raw) is None
