"""How answers end on the Responses wire."""

import pytest

from providers.errors import (
    LLMConnectionError,
    LLMContentFilterError,
    LLMContextWindowExceededError,
    LLMEmptyResponseError,
    LLMRateLimitError,
    LLMServerError,
)
from providers.types import FinishReason
from providers.types.events import ProviderItem, TextDelta
from providers.types.usage import Usage, UsageSource
from providers.wires import openai_responses as wire
from tests.providers.wires.playing import Ending
from tests.providers.wires.responses_events import (
    HALF_CALL,
    REFUSAL,
    SEARCH,
    SHELL,
    SHELL_OUTPUT,
    START,
    call,
    call_item,
    done,
    end,
    failed,
    incomplete,
    message,
    output_text,
    play,
    response,
    text,
    thought,
)

ENDINGS = [
    Ending(name="plain", stream=[*text(0, "Hi"), end()], stop_reason=FinishReason.END_TURN, raw="completed"),
    Ending(
        name="a terminal event of another name",
        stream=[*text(0, "Hi"), {"type": "response.done", "response": response("completed")}],
        stop_reason=FinishReason.END_TURN,
        raw="completed",
    ),
    Ending(
        name="events that nobody knows",
        stream=[{"type": "response.new"}, *text(0, "Hi"), end()],
        stop_reason=FinishReason.END_TURN,
        raw="completed",
    ),
    Ending(
        name="a server tool alone",
        stream=[done(0, SEARCH), end()],
        stop_reason=FinishReason.END_TURN,
        raw="completed",
    ),
    Ending(
        name="calls", stream=[*call(0, "{}"), end()], stop_reason=FinishReason.TOOL_CALLS, raw="completed"
    ),
    Ending(
        name="the limit",
        stream=[*text(0, "Hi"), incomplete("max_output_tokens")],
        stop_reason=FinishReason.MAX_TOKENS_EXCEEDED,
        raw="max_output_tokens",
    ),
    Ending(
        name="the limit before the first word",
        stream=[START, incomplete("max_output_tokens")],
        stop_reason=FinishReason.MAX_TOKENS_EXCEEDED,
        raw="max_output_tokens",
    ),
    Ending(
        name="the limit within a call",
        stream=[*HALF_CALL, incomplete("max_output_tokens")],
        stop_reason=FinishReason.MAX_TOKENS_EXCEEDED,
        raw="max_output_tokens",
    ),
    Ending(
        name="a limit that the status tells",
        stream=[*text(0, "Hi"), {"type": "response.completed", "response": response("incomplete")}],
        stop_reason=FinishReason.MAX_TOKENS_EXCEEDED,
        raw="incomplete",
    ),
    Ending(
        name="a refusal",
        stream=[done(0, message(REFUSAL)), end()],
        stop_reason=FinishReason.CONTENT_FILTER,
        raw="completed",
    ),
    Ending(
        name="a filter after words",
        stream=[*text(0, "Hi"), incomplete("content_filter")],
        stop_reason=FinishReason.CONTENT_FILTER,
        raw="content_filter",
    ),
    Ending(
        name="a filter before words",
        stream=[START, incomplete("content_filter")],
        error=LLMContentFilterError,
        raw="content_filter",
    ),
    Ending(name="no event", stream=[], error=LLMEmptyResponseError),
    Ending(name="no output", stream=[START, end()], error=LLMEmptyResponseError, raw="completed"),
    Ending(
        name="an empty message", stream=[*text(0, ""), end()], error=LLMEmptyResponseError, raw="completed"
    ),
    Ending(
        name="thoughts alone",
        stream=[*thought(0, "Hm", sealed="gAAA"), end()],
        error=LLMEmptyResponseError,
        raw="completed",
    ),
    Ending(
        name="thoughts and blanks",
        stream=[*thought(0, "Hm", sealed="gAAA"), *text(1, " \n"), end()],
        error=LLMEmptyResponseError,
        raw="completed",
    ),
    Ending(
        name="a call that the limit cut, in a response that is complete",
        stream=[*HALF_CALL, done(0, call_item('{"at": "th', status="incomplete")), end()],
        stop_reason=FinishReason.MAX_TOKENS_EXCEEDED,
        raw="completed",
    ),
    Ending(
        name="a limit in the words of a gateway",
        stream=[*text(0, "Hi"), end("incomplete", incomplete_details="length")],
        stop_reason=FinishReason.MAX_TOKENS_EXCEEDED,
        raw="length",
    ),
    Ending(
        name="a filter in the words of a gateway",
        stream=[*text(0, "Hi"), incomplete("SAFETY")],
        stop_reason=FinishReason.CONTENT_FILTER,
        raw="SAFETY",
    ),
    Ending(
        name="an error as the reason of a cut",
        stream=[*text(0, "Hi"), incomplete("server_error")],
        error=LLMServerError,
        raw="server_error",
    ),
    Ending(
        name="a shell's call that the provider executed",
        stream=[done(0, SHELL), done(1, SHELL_OUTPUT), *text(2, "Hi"), end()],
        stop_reason=FinishReason.END_TURN,
        raw="completed",
    ),
    Ending(name="no end", stream=[START, *text(0, "Hi")], error=LLMConnectionError),
    Ending(
        name="half a call",
        stream=[*HALF_CALL, end()],
        stop_reason=FinishReason.TOOL_CALLS,
        raw="completed",
    ),
    Ending(
        name="arguments that are no object",
        stream=[*call(0, "[1]"), end()],
        stop_reason=FinishReason.TOOL_CALLS,
        raw="completed",
    ),
    Ending(
        name="an error as OpenAI documents it",
        stream=[START, {"type": "error", "code": "rate_limit_exceeded", "message": "Slow down"}],
        error=LLMRateLimitError,
    ),
    Ending(
        name="an error as OpenAI sends it",
        stream=[START, {"type": "error", "error": {"code": "rate_limit_exceeded", "message": "Slow down"}}],
        error=LLMRateLimitError,
    ),
    Ending(
        name="an error without a type",
        stream=[{"error": {"code": "context_length_exceeded", "message": "Too long"}}],
        error=LLMContextWindowExceededError,
    ),
    Ending(
        name="a failure",
        stream=[START, failed(code="server_error", message="Oops")],
        error=LLMServerError,
        raw="failed",
    ),
    Ending(
        name="a failure for length",
        stream=[START, failed(code="context_length_exceeded", message="Too long")],
        error=LLMContextWindowExceededError,
        raw="failed",
    ),
    Ending(
        name="a shell call that the provider answered itself",
        stream=[*text(0, "Hi"), done(1, SHELL), done(2, SHELL_OUTPUT), end()],
        stop_reason=FinishReason.END_TURN,
        text="Hi",
        raw="completed",
    ),
    Ending(
        name="cancelled by the provider",
        stream=[*text(0, "Hi"), end("cancelled")],
        error=LLMServerError,
        raw="cancelled",
    ),
]


@pytest.mark.parametrize("ending", ENDINGS, ids=lambda ending: ending.name)
def test_it_names_how_an_answer_ended(ending: Ending) -> None:
    told = ending.check(wire.KIND)
    assert told.result.raw_stop_reason == ending.raw


def test_it_reads_up_to_the_first_end() -> None:
    told = play([START, *text(0, "Hi"), end(), START, *text(0, "again"), end("failed")])
    assert told.raised is None
    assert told.result.text == "Hi"


def test_it_reads_an_end_that_is_the_response_itself() -> None:
    used = {"input_tokens": 4, "output_tokens": 9}
    results = {"type": "search_results", "results": [{"url": "https://example.org"}]}
    said = {"type": "message", "content": [output_text("Hi")]}
    flat = {"type": "response.completed"} | response("completed", results, said, usage=used)
    told = play([{"type": "response.output_text.delta", "delta": "Hi"}, flat])
    assert told.raised is None
    assert told.meaning == [TextDelta("Hi"), ProviderItem("search_results", results)]
    assert (told.result.response_id, told.result.model) == ("resp_1", "gpt-5.1-2025")
    assert told.result.usage == Usage(input_tokens=4, output_tokens=9, source=UsageSource.REPORTED)
