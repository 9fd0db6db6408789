"""How answers end on Chat Completions, and what the ends of gateways mean."""

from typing import Any

import pytest

from providers.errors import (
    LLMConnectionError,
    LLMContentFilterError,
    LLMEmptyResponseError,
    LLMError,
    LLMMalformedToolCallError,
    LLMProviderOverloadedError,
    LLMRateLimitError,
    LLMServerError,
)
from providers.types import FinishReason, Json
from providers.wires import openai_chat as wire
from providers.wires import read
from providers.wires.accumulator import StepAccumulator
from tests.compatibility import understood
from tests.providers.wires.chat_chunks import CALL, HALF_CALL, chunk, piece, usage
from tests.providers.wires.chat_saying import HI, Said, choice


def ends(reason: Any, **fields: Any) -> Json:
    return choice(delta={}, finish_reason=reason, **fields)


ENDS = [
    pytest.param(Said(stream=[HI, ends("STOP")], text="Hi"), id="upper case"),
    pytest.param(Said(stream=[HI, ends(""), ends("stop")], text="Hi"), id="an empty reason"),
    pytest.param(Said(stream=[HI, ends({"type": "stop"})], text="Hi"), id="a reason in an object"),
    pytest.param(Said(stream=[HI, ends("hurrah")], text="Hi"), id="a word nobody knows"),
    pytest.param(
        Said(stream=[ends("hurrah")], stop=None, error=LLMEmptyResponseError), id="such a word alone"
    ),
    pytest.param(
        Said(stream=[HI, ends("MAX_TOKENS")], text="Hi", stop=FinishReason.MAX_TOKENS_EXCEEDED),
        id="Gemini's length",
    ),
    understood(
        Said(stream=[HI, ends("SAFETY")], text="Hi", stop=FinishReason.CONTENT_FILTER),
        server="Gemini",
        oddity="Gemini's own end reasons mean the same behind a gateway.",
        id="Gemini's filter",
    ),
    pytest.param(
        Said(stream=[ends("SAFETY")], stop=None, error=LLMContentFilterError),
        id="Gemini's filter before words",
    ),
    pytest.param(
        Said(
            stream=[chunk(content=" "), ends("content_filter")],
            text=" ",
            stop=None,
            error=LLMContentFilterError,
        ),
        id="a filter after blanks",
    ),
    understood(
        Said(stream=[HI, ends("abort")], text="Hi", stop=None, error=LLMServerError),
        server="vLLM",
        oddity="An answer that ends with `abort` failed; its words are kept.",
        id="abort",
    ),
    pytest.param(
        Said(
            stream=[HI, ends("insufficient_system_resource")],
            text="Hi",
            stop=None,
            error=LLMProviderOverloadedError,
        ),
        id="DeepSeek's overload",
    ),
    pytest.param(
        Said(
            stream=[HI, ends("filter: MALFORMED_FUNCTION_CALL")],
            text="Hi",
            stop=None,
            error=LLMMalformedToolCallError,
        ),
        id="Gemini's malformed call",
    ),
    understood(
        Said(stream=[HI, ends("tool_calls")], text="Hi", stop=None, error=LLMMalformedToolCallError),
        server="Any server",
        oddity="An end that announces calls without any is a malformed call.",
        id="calls announced but absent",
    ),
    *(
        pytest.param(
            Said(stream=[HI, said], text="Hi", stop=None, error=LLMRateLimitError),
            id=f"an error in the {place}",
        )
        for place, said in (
            ("choice", ends("stop", error={"code": 429, "message": "Not so fast"})),
            ("delta", chunk(error={"code": "rate_limit_exceeded", "message": "Not so fast"})),
            ("message", choice(message={"error": "Too many requests"})),
        )
    ),
    *(
        pytest.param(
            Said(stream=[HI, last], text="Hi", stop=FinishReason.MAX_TOKENS_EXCEEDED),
            id=f"an end reason {where}",
        )
        for where, last in (
            ("in details", {"choices": [{"index": 0, "delta": {}, "finish_details": {"type": "length"}}]}),
            ("under Ollama's name", {"choices": [{"index": 0, "delta": {}, "done_reason": "length"}]}),
            ("in the delta", {"choices": [{"index": 0, "delta": {"finish_reason": "length"}}]}),
            ("beside the choices", {"choices": [{"index": 0, "delta": {}}], "finish_reason": "length"}),
        )
    ),
    pytest.param(
        Said(
            stream=[HI, {"choices": [{"index": 0, "finishReason": "length"}]}],
            text="Hi",
            stop=FinishReason.MAX_TOKENS_EXCEEDED,
        ),
        id="an end reason in camel case",
    ),
    pytest.param(
        Said(stream=[HI, {"choices": [{"index": 0, "stop_reason": "end_turn"}]}], text="Hi"),
        id="an end reason under Anthropic's name",
    ),
    pytest.param(
        Said(stream=[HI, ends("stop", stop_reason="length")], text="Hi"), id="the stop string of vLLM"
    ),
    pytest.param(Said(stream=[HI, ends("stop", error={})], text="Hi"), id="an error that says nothing"),
    understood(
        Said(
            stream=[HI, ends("stop", native_finish_reason="error")],
            text="Hi",
            stop=None,
            error=LLMServerError,
        ),
        server="OpenRouter",
        oddity="A native end reason that says more than the gateway's own decides.",
        id="a native error",
    ),
    pytest.param(
        Said(stream=[HI, ends("stop", native_finish_reason="end_turn")], text="Hi"), id="a native plain end"
    ),
    pytest.param(
        Said(
            stream=[HI, ends("length", native_finish_reason="STOP")],
            text="Hi",
            stop=FinishReason.MAX_TOKENS_EXCEEDED,
        ),
        id="a native end that says less",
    ),
    pytest.param(
        Said(
            stream=[HALF_CALL, ends("tool_calls", native_finish_reason="MAX_TOKENS")],
            calls=[("look", '{"at": "th')],
            stop=FinishReason.MAX_TOKENS_EXCEEDED,
        ),
        id="a native length within a call",
    ),
    pytest.param(
        Said(
            stream=[CALL, ends("tool_calls"), ends("stop")],
            calls=[("look", "{}")],
            stop=FinishReason.TOOL_CALLS,
        ),
        id="a plain end after that of calls",
    ),
    pytest.param(
        Said(stream=[HI, ends("stop"), ends("length")], text="Hi", stop=FinishReason.MAX_TOKENS_EXCEEDED),
        id="a length after a plain end",
    ),
    pytest.param(
        Said(stream=[HI, ends("pause_turn")], text="Hi", stop=FinishReason.PAUSE_TURN),
        id="an answer that is to go on",
    ),
    pytest.param(
        Said(
            stream=[piece(arguments="{}"), HI, ends("stop")],
            text="Hi",
            stop=None,
            error=LLMMalformedToolCallError,
        ),
        id="arguments of no function",
    ),
]


ENDS += [
    understood(
        Said(
            stream=[
                HI,
                choice(delta={}, finish_reason=reason, error={"code": 502, "message": "Bad gateway"}),
            ],
            text="Hi",
            stop=None,
            error=LLMServerError,
        ),
        server="OpenRouter",
        oddity="An error inside the choice is the error of the answer.",
        id=f"an error in the choice, reason {reason}",
    )
    for reason in ("error", "stop", None)
]


@pytest.mark.parametrize("case", ENDS)
def test_it_ends_as_what_it_is(case: Said) -> None:
    case.check()


def test_a_call_that_filled_the_output_limit_was_cut() -> None:
    for limit, stop in (
        (5, FinishReason.MAX_TOKENS_EXCEEDED),
        (6, FinishReason.TOOL_CALLS),
        (None, FinishReason.TOOL_CALLS),
    ):
        accumulator = StepAccumulator()
        accumulator.output_limit = limit
        reader = read(wire, accumulator)
        for event in (HALF_CALL, chunk("tool_calls"), usage()):
            reader.take(event)
        reader.conclude()
        reader.end()
        assert accumulator.stop_reason is stop
        assert accumulator.result().tool_calls[0].complete is (stop is FinishReason.TOOL_CALLS)


@pytest.mark.parametrize(
    ("stream", "stop", "error"),
    [
        understood(
            [HI],
            FinishReason.END_TURN,
            None,
            server="Ollama",
            oddity="`[DONE]` after words is an end, also without an end reason.",
            id="words",
        ),
        understood(
            [CALL],
            FinishReason.TOOL_CALLS,
            None,
            server="vLLM",
            oddity="`[DONE]` after whole calls is an end, also without an end reason.",
            id="a call",
        ),
        pytest.param([HALF_CALL], None, LLMConnectionError, id="half a call"),
        pytest.param([chunk(reasoning="Hm")], None, LLMEmptyResponseError, id="thoughts"),
        pytest.param([chunk(content="")], None, LLMEmptyResponseError, id="nothing"),
    ],
)
def test_done_is_an_end_after_what_is_complete(
    stream: list[Json], stop: FinishReason | None, error: Any
) -> None:
    for is_done in (True, False):
        accumulator = StepAccumulator()
        reader = read(wire, accumulator)
        for event in stream:
            reader.take(event)
        accumulator.is_done = is_done
        reader.conclude()
        raised = None
        try:
            reader.end()
        except LLMError as failure:
            raised = type(failure)
        assert (accumulator.stop_reason, raised) == ((stop, error) if is_done else (None, LLMConnectionError))
