"""What the end reasons of every provider mean, on every wire. Pure.

Gateways pass a provider's own word on through another provider's wire, in any case, so there is one table for all four.
Sources: ``FinishReason`` of the Gemini API, ``stop_reason`` of the Messages API and of Amazon Bedrock, ``finish_reason``
of Chat Completions, of Mistral, vLLM and Z.AI.
"""

import re
from typing import Any

from providers.errors import (
    LLMBadRequestError,
    LLMContentFilterError,
    LLMError,
    LLMMalformedResponseError,
    LLMMalformedToolCallError,
    LLMPermissionDeniedError,
    LLMServerError,
)
from providers.types import FinishReason

_BROKEN_OFF = "The model provider broke off its answer. Try again."
_NO_PICTURE = "The model could not make the picture. Try again, or ask for it in other words."

_MEANINGS: dict[str, FinishReason | type[LLMError]] = {
    **dict.fromkeys(
        (
            "stop",
            "end_turn",
            "stop_sequence",
            "eos",
            "eos_token",
            "complete",
            "completed",
            "finish",
            "finished",
        ),
        FinishReason.END_TURN,
    ),
    **dict.fromkeys(
        ("tool_use", "tool_call", "tool_calls", "function_call", "function_calls"), FinishReason.TOOL_CALLS
    ),
    **dict.fromkeys(
        (
            "length",
            "max_tokens",
            "max_output_tokens",
            "max_completion_tokens",
            "max_length",
            "model_length",
            "model_context_window_exceeded",
            "token_limit",
            "continuation",
            "incomplete",
            "error_limit",
        ),
        FinishReason.MAX_TOKENS_EXCEEDED,
    ),
    **dict.fromkeys(("pause_turn", "pause", "compaction"), FinishReason.PAUSE_TURN),
    "content_filter": FinishReason.CONTENT_FILTER,
    **dict.fromkeys(
        (
            "refusal",
            "content_filtered",
            "guardrail_intervened",
            "safety",
            "recitation",
            "language",
            "blocklist",
            "prohibited_content",
            "spii",
            "escalation",
            "error_toxic",
            "model_armor",
            "sensitive",
            "image_safety",
            "image_prohibited_content",
            "image_recitation",
        ),
        LLMContentFilterError,
    ),
    **dict.fromkeys(
        ("malformed_function_call", "malformed_tool_use", "unexpected_tool_call", "too_many_tool_calls"),
        LLMMalformedToolCallError,
    ),
    **dict.fromkeys(("image_other", "no_image"), LLMMalformedResponseError),
    **dict.fromkeys(
        (
            "abort",
            "aborted",
            "failed",
            "failure",
            "interrupted",
        ),
        LLMServerError,
    ),
    "missing_thought_signature": LLMBadRequestError,
    "pup_limited_disabled": LLMPermissionDeniedError,
}

#: Words that nobody has listed, but that say by their form what they are. The first that fits counts.
_FORMS: tuple[tuple[re.Pattern[str], FinishReason | type[LLMError]], ...] = (
    (re.compile(r"malformed.{0,80}(call|tool)"), LLMMalformedToolCallError),
    (re.compile(r"malformed"), LLMMalformedResponseError),
    (
        re.compile(
            r"safety|prohibited|content_filter|policy|blocked|toxic|guardrail|moderat|refus|flagged|risk"
        ),
        LLMContentFilterError,
    ),
    (re.compile(r"^image_"), LLMMalformedResponseError),
    (
        re.compile(
            r"(^|_)(errors?|fault|failed|failure|abort(ed)?|exception|crash(ed)?|killed|preempted)($|_)"
        ),
        LLMServerError,
    ),
    (re.compile(r"(^|_)(cancel|cancell?ed|disconnect(ed)?|timeout|timed_out|deadline)($|_)"), LLMServerError),
    (re.compile(r"overload|unavailable|throttl|rate_limit"), LLMServerError),
    (
        re.compile(
            r"(token|length|context|output).{0,80}(limit|exceed|reached)|^max_.{0,80}(token|length)|truncat"
            r"|(^|_)length($|_)|(^|_)limit(_reached|_exceeded)?$"
        ),
        FinishReason.MAX_TOKENS_EXCEEDED,
    ),
)

_SEPARATORS = re.compile(r"[\s.-]+")


def meaning(raw: Any) -> FinishReason | type[LLMError] | None:
    """Return what the end reason ``raw`` means; ``None`` for a word that nobody knows and for what is no word."""
    if not isinstance(raw, str):
        return None
    word = _SEPARATORS.sub("_", raw.strip().lower()).removeprefix("finish_reason_")
    if (known := _MEANINGS.get(word)) is not None:
        return known
    return next((meant for form, meant in _FORMS if form.search(word)), None)


def failure(raw: Any, *, detail: dict[str, Any] | None = None) -> LLMError | None:
    """Return the error that the end reason ``raw`` stands for; ``None`` if it stands for none."""
    meant = meaning(raw)
    if meant is None or isinstance(meant, FinishReason):
        return None
    message = None
    if meant is LLMServerError:
        message = _BROKEN_OFF
    elif meant is LLMMalformedResponseError and "image" in str(raw).lower():
        message = _NO_PICTURE
    return meant(message, detail={"reason": raw} if detail is None else detail)
