"""Messages of Chat Completions that are not streamed, whatever shape a server gives them."""

import pytest

from providers.errors import (
    LLMEmptyResponseError,
)
from providers.types import FinishReason
from tests.compatibility import understood
from tests.providers.wires.chat_chunks import chunk, piece
from tests.providers.wires.chat_saying import LOCAL, STOP, THINKING, Said, choice, whole

WHOLE = [
    pytest.param(
        Said(
            stream=[chunk(content="See ![a](data:image/png;"), chunk(content="base64,AAAA)."), STOP],
            text="See .",
            items=["image_url"],
        ),
        id="a picture among the words",
    ),
    pytest.param(
        Said(
            stream=[
                chunk(content="See ![a](data:image/png;base64,AAAA)!"),
                choice(message={"content": "See ![a](data:image/png;base64,AAAA)!"}, finish_reason="stop"),
            ],
            text="See !",
            items=["image_url"],
        ),
        id="a picture among the words of a message that is said again",
    ),
    pytest.param(
        Said(
            stream=[
                chunk(reasoning_content="<think>"),
                chunk(reasoning_content="Hm.</think>"),
                chunk("stop", content="Yes"),
            ],
            text="Yes",
            thoughts="Hm.",
            quirks=LOCAL,
        ),
        id="tags that were left in the thoughts",
    ),
    understood(
        Said(
            stream=[
                {"code": 0, "data": event} for event in (chunk(content="He"), chunk(content="llo"), STOP)
            ],
            text="Hello",
        ),
        server="Any gateway",
        oddity="Chunks in an envelope of the gateway's own are unwrapped.",
        id="chunks in an envelope",
    ),
    understood(
        Said(stream=[{"response": "He"}, {"response": "llo", "tool_calls": []}, STOP], text="Hello"),
        server="Cloudflare",
        oddity="Chunks in the form of Workers AI, with the words in `response`, are read.",
        id="Workers AI's chunks",
    ),
    pytest.param(
        Said(stream=[{"result": {"response": "Hi"}, "success": True}], text="Hi"),
        id="Workers AI's whole answer",
    ),
    pytest.param(
        Said(stream=[{"code": 200, "message": "ok", "data": whole("Hi")}], text="Hi"),
        id="a whole answer in an envelope",
    ),
    understood(
        Said(stream=[whole("Hi")], text="Hi"),
        server="Any server",
        oddity="A whole JSON answer in place of a stream is an answer.",
        id="a whole answer",
    ),
    pytest.param(Said(stream=[whole("Hi", None)], text="Hi"), id="without an end reason"),
    pytest.param(
        Said(
            stream=[
                whole(
                    None,
                    "tool_calls",
                    tool_calls=[{"id": "a", "function": {"name": "look", "arguments": '{"at": 1}'}}],
                )
            ],
            calls=[("look", '{"at": 1}')],
            stop=FinishReason.TOOL_CALLS,
        ),
        id="with a call",
    ),
    pytest.param(
        Said(stream=[whole("Hi", reasoning_content="Hm")], text="Hi", thoughts="Hm"), id="with thoughts"
    ),
    pytest.param(
        Said(
            stream=[whole("", reasoning_content="Hm")], thoughts="Hm", stop=None, error=LLMEmptyResponseError
        ),
        id="with thoughts only",
    ),
    understood(
        Said(
            stream=[
                choice(message={"content": "He"}),
                choice(message={"content": "llo"}, finish_reason="stop"),
            ],
            text="Hello",
        ),
        server="Any server",
        oddity="Chunks may say `message` in place of `delta`.",
        id="messages in place of deltas",
    ),
    understood(
        Said(
            stream=[
                choice(delta={"content": "He"}, message={"content": "He"}),
                choice(delta={"content": "llo"}, message={"content": "Hello"}),
                choice(delta={}, message={"content": "Hello"}, finish_reason="stop"),
            ],
            text="Hello",
        ),
        server="Perplexity",
        oddity="The whole message beside each delta is not said again.",
        id="the message so far beside each delta",
    ),
    understood(
        Said(
            stream=[
                chunk(reasoning_content="Hm"),
                chunk(content="Hel"),
                piece(id="a", name="look", arguments='{"at": 1}'),
                choice(
                    message={
                        "content": "Hello",
                        "reasoning_content": "Hm",
                        "tool_calls": [
                            {"id": "a", "function": {"name": "look", "arguments": '{"at": 1}'}},
                            {"id": "b", "function": {"name": "look", "arguments": '{"at": 2}'}},
                        ],
                    },
                    finish_reason="tool_calls",
                ),
            ],
            text="Hello",
            thoughts="Hm",
            calls=[("look", '{"at": 1}'), ("look", '{"at": 2}')],
            stop=FinishReason.TOOL_CALLS,
        ),
        server="MiniMax",
        oddity="A whole message in the last chunk adds only what was not streamed.",
        id="a whole message at the end",
    ),
    pytest.param(
        Said(
            stream=[
                piece(index=0, name="look", arguments="{}"),
                piece(index=1, name="look", arguments="{}"),
                choice(
                    message={
                        "content": "",
                        "tool_calls": [{"function": {"name": "look", "arguments": "{}"}}] * 2,
                    },
                    finish_reason="tool_calls",
                ),
            ],
            calls=[("look", "{}"), ("look", "{}")],
            stop=FinishReason.TOOL_CALLS,
        ),
        id="calls without ids at the end",
    ),
]

WHOLE += [
    pytest.param(
        Said(
            stream=[
                chunk(content="Ye"),
                choice(
                    message={"content": [THINKING, {"type": "text", "text": "Yes"}], "refusal": "No."},
                    finish_reason="stop",
                ),
            ],
            text="YesNo.",
            stop=FinishReason.CONTENT_FILTER,
        ),
        id="parts and a refusal at the end",
    ),
    pytest.param(
        Said(
            stream=[
                chunk(content="Hear:"),
                choice(
                    message={"audio": {"id": "a", "data": "AAAA", "transcript": " Hi"}}, finish_reason="stop"
                ),
            ],
            text="Hear: Hi",
            items=["audio"],
        ),
        id="sound at the end",
    ),
]


@pytest.mark.parametrize("case", WHOLE)
def test_it_reads_messages_that_are_not_streamed(case: Said) -> None:
    case.check()
