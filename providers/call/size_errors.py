"""Builds the error of each size limit. ``detail`` holds the limit's setting and its value for the admin."""

from providers.errors import LLMOversizedResponseError

_MEGABYTE = 2**20


def event(limit: int) -> LLMOversizedResponseError:
    """Return the error of an event with more than ``limit`` bytes."""
    return _error(
        "RUNNEL_EVENT_MB",
        limit,
        f"The model provider sent a single piece of more than {limit / _MEGABYTE:g} MB",
        "Ask for a smaller picture or file, or ask your administrator to raise the limit.",
    )


def response(limit: int) -> LLMOversizedResponseError:
    """Return the error of an answer with more than ``limit`` decompressed bytes."""
    return _error(
        "RUNNEL_RESPONSE_MB",
        limit,
        f"The model provider sent an answer of more than {limit / _MEGABYTE:g} MB",
        "Ask for less at once, or ask your administrator to raise the limit.",
    )


def compression(limit: int) -> LLMOversizedResponseError:
    """Return the error of an answer that is more than ``limit`` times larger than its compressed form."""
    return _error(
        "RUNNEL_COMPRESSION_RATIO",
        limit,
        f"The model provider sent data that grew to more than {limit} times its size",
        "Ask your administrator to check the base URL, or choose another model.",
    )


def text(limit: int) -> LLMOversizedResponseError:
    """Return the error of an answer with more than ``limit`` characters of text and thoughts."""
    return _error(
        "RUNNEL_ANSWER_CHARS",
        limit,
        f"The model wrote more than {limit:,} characters in one answer",
        "Ask for less at once, or ask your administrator to raise the limit.",
    )


def arguments(limit: int) -> LLMOversizedResponseError:
    """Return the error of an answer whose function calls have more than ``limit`` characters of arguments."""
    return _error(
        "RUNNEL_ARGUMENT_CHARS",
        limit,
        f"The model wrote more than {limit:,} characters of arguments for its tools",
        "Ask for smaller pieces, or ask your administrator to raise the limit.",
    )


def calls(limit: int) -> LLMOversizedResponseError:
    """Return the error of an answer with more than ``limit`` function calls."""
    return _error(
        "RUNNEL_CALLS_PER_STEP",
        limit,
        f"The model asked for more than {limit:,} tool calls in one answer",
        "Ask for fewer at once, or ask your administrator to raise the limit.",
    )


def _error(setting: str, limit: int, what: str, advice: str) -> LLMOversizedResponseError:
    return LLMOversizedResponseError(f"{what}. {advice}", detail={"limit": setting, "value": limit})
