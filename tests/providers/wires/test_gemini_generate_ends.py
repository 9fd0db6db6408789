"""How answers end on the Gemini wire."""

import pytest

from providers.errors import (
    LLMBadRequestError,
    LLMConnectionError,
    LLMContentFilterError,
    LLMEmptyResponseError,
    LLMMalformedResponseError,
    LLMMalformedToolCallError,
    LLMProviderOverloadedError,
)
from providers.types import FinishReason
from providers.wires import gemini_generate as wire
from tests.providers.wires.gemini_chunks import argument, call, chunk, piece, words
from tests.providers.wires.playing import Ending

ENDINGS = [
    Ending(
        name="a plain end",
        stream=[chunk(words("Hel")), chunk(words("lo"), finish="STOP")],
        stop_reason=FinishReason.END_TURN,
        text="Hello",
    ),
    Ending(
        name="an end on every chunk",
        stream=[chunk(words("Hel"), finish="STOP"), chunk(words("lo"), finish="STOP")],
        stop_reason=FinishReason.END_TURN,
        text="Hello",
    ),
    Ending(
        name="an end without content",
        stream=[chunk(words("So")), {"candidates": [{"content": {"role": "model"}, "finishReason": "STOP"}]}],
        stop_reason=FinishReason.END_TURN,
        text="So",
    ),
    Ending(
        name="a reason that nobody knows yet",
        stream=[chunk(words("So"), finish="BORED")],
        stop_reason=FinishReason.END_TURN,
        text="So",
    ),
    Ending(
        name="another candidate beside the first",
        stream=[
            {"candidates": [{"content": {"parts": [words("No")]}, "index": 1, "finishReason": "SAFETY"}]},
            chunk(words("So"), finish="STOP", index=0),
        ],
        stop_reason=FinishReason.END_TURN,
        text="So",
    ),
    Ending(
        name="function calls",
        stream=[chunk(call(args={}), finish="STOP")],
        stop_reason=FinishReason.TOOL_CALLS,
    ),
    Ending(
        name="function calls after the finish reason",
        stream=[chunk(words(""), finish="STOP"), chunk(call(args={}))],
        stop_reason=FinishReason.TOOL_CALLS,
    ),
    Ending(
        name="an output limit",
        stream=[chunk(words("Lo"), finish="MAX_TOKENS")],
        stop_reason=FinishReason.MAX_TOKENS_EXCEEDED,
        text="Lo",
    ),
    Ending(
        name="an output limit before any word",
        stream=[chunk(finish="MAX_TOKENS")],
        stop_reason=FinishReason.MAX_TOKENS_EXCEEDED,
    ),
    Ending(
        name="an output limit inside a call",
        stream=[chunk(call(willContinue=True)), chunk(piece(argument("$.a", "b")), finish="MAX_TOKENS")],
        stop_reason=FinishReason.MAX_TOKENS_EXCEEDED,
    ),
    Ending(
        name="a call that nobody finished",
        stream=[chunk(call(willContinue=True)), chunk(finish="STOP")],
        error=LLMMalformedToolCallError,
    ),
    Ending(
        name="thoughts alone",
        stream=[chunk(words("Hm", thought=True)), chunk(finish="STOP")],
        error=LLMEmptyResponseError,
    ),
    Ending(
        name="a signature and blanks",
        stream=[chunk(words(" \n")), chunk(words("", thoughtSignature="sig"), finish="STOP")],
        error=LLMEmptyResponseError,
    ),
    Ending(
        name="the output limit inside a thought",
        stream=[chunk(words("Hm", thought=True), finish="MAX_TOKENS")],
        stop_reason=FinishReason.MAX_TOKENS_EXCEEDED,
    ),
    Ending(
        name="the output limit, then another end",
        stream=[chunk(words("Lo"), finish="MAX_TOKENS"), chunk(finish="STOP")],
        stop_reason=FinishReason.MAX_TOKENS_EXCEEDED,
    ),
    Ending(
        name="a filter, then another end",
        stream=[chunk(words("I"), finish="SAFETY"), chunk(finish="STOP")],
        error=LLMContentFilterError,
        text="I",
    ),
    Ending(
        name="the words of a gateway for an end",
        stream=[chunk(words("So"), finish="stop")],
        stop_reason=FinishReason.END_TURN,
    ),
    Ending(
        name="the words of a gateway for a limit",
        stream=[chunk(words("So"), finish="length")],
        stop_reason=FinishReason.MAX_TOKENS_EXCEEDED,
    ),
    Ending(
        name="a picture that could not be made",
        stream=[chunk(words("Here: ")), chunk(finish="IMAGE_OTHER")],
        error=LLMMalformedResponseError,
        text="Here: ",
    ),
    Ending(
        name="no picture",
        stream=[chunk(words("Here: "), finish="NO_IMAGE")],
        error=LLMMalformedResponseError,
    ),
    Ending(
        name="a call that is announced and absent",
        stream=[chunk(words("I look."), finish="tool_calls")],
        error=LLMMalformedToolCallError,
        text="I look.",
    ),
    Ending(
        name="a reason that says nothing",
        stream=[
            chunk(words("S"), finish="FINISH_REASON_UNSPECIFIED"),
            {"promptFeedback": {"blockReason": "BLOCK_REASON_UNSPECIFIED"}},
            chunk(words("o"), finish="STOP"),
        ],
        stop_reason=FinishReason.END_TURN,
        text="So",
    ),
    Ending(
        name="a piece of no call",
        stream=[chunk(piece(argument("$.a", "b"))), chunk(words("So"), finish="STOP")],
        error=LLMMalformedToolCallError,
        text="So",
    ),
    Ending(
        name="a malformed call",
        stream=[chunk(finish="MALFORMED_FUNCTION_CALL")],
        error=LLMMalformedToolCallError,
    ),
    Ending(
        name="a malformed answer",
        stream=[chunk(words("S"), finish="MALFORMED_RESPONSE")],
        error=LLMMalformedResponseError,
        text="S",
    ),
    Ending(
        name="a signature that we forgot",
        stream=[chunk(finish="MISSING_THOUGHT_SIGNATURE")],
        error=LLMBadRequestError,
    ),
    Ending(
        name="a filter after words",
        stream=[chunk(words("I")), chunk(finish="SAFETY")],
        error=LLMContentFilterError,
        text="I",
    ),
    Ending(name="a recitation", stream=[chunk(finish="RECITATION")], error=LLMContentFilterError),
    Ending(
        name="a blocked prompt",
        stream=[{"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}, "modelVersion": "gemini-x"}],
        error=LLMContentFilterError,
    ),
    Ending(
        name="an error inside the stream, after an end",
        stream=[
            chunk(words("I"), finish="STOP"),
            {"error": {"code": 503, "message": "The model is overloaded.", "status": "UNAVAILABLE"}},
        ],
        error=LLMProviderOverloadedError,
        text="I",
    ),
    Ending(name="nothing at all", stream=[], error=LLMEmptyResponseError),
    Ending(
        name="an end without an answer", stream=[chunk(words(""), finish="STOP")], error=LLMEmptyResponseError
    ),
    Ending(name="a stream that breaks off", stream=[chunk(words("I"))], error=LLMConnectionError, text="I"),
]


@pytest.mark.parametrize("ending", ENDINGS, ids=lambda ending: ending.name)
def test_it_names_how_an_answer_ended(ending: Ending) -> None:
    ending.check(wire.KIND)
