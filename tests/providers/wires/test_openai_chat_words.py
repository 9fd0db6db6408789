"""Words and thoughts in the stream of Chat Completions, whatever shape a server gives them."""

import pytest

from providers.errors import (
    LLMEmptyResponseError,
)
from providers.types import FinishReason
from tests.compatibility import understood
from tests.providers.wires.chat_chunks import CALL, chunk
from tests.providers.wires.chat_saying import LOCAL, STOP, THINKING, Said, choice, whole

WORDS_AND_THOUGHTS = [
    pytest.param(Said(stream=[chunk(content={"text": "Hi"}), STOP], text="Hi"), id="content is an object"),
    pytest.param(Said(stream=[chunk(content=["H", None, 7, "i"]), STOP], text="Hi"), id="strings in a list"),
    pytest.param(
        Said(stream=[chunk(content=[{"type": "output_text", "text": "Hi"}]), STOP], text="Hi"),
        id="a part named as on Responses",
    ),
    pytest.param(
        Said(
            stream=[chunk(content=[{"type": "refusal", "refusal": "No."}]), STOP],
            text="No.",
            stop=FinishReason.CONTENT_FILTER,
        ),
        id="a refusal among the parts",
    ),
    understood(
        Said(
            stream=[
                chunk(content="It "),
                chunk(content={"type": "reference", "ids": [2]}),
                chunk(content="rains."),
                STOP,
            ],
            text="It rains.",
            items=["reference"],
        ),
        server="Mistral",
        oddity="A part of the content in an unknown shape is an item; the words around it go on.",
        id="an unknown part",
    ),
    understood(
        Said(
            stream=[chunk(content=[THINKING | {"thinking": "Hm. "}]), chunk(content="Yes"), STOP],
            text="Yes",
            thoughts="Hm. ",
        ),
        server="Mistral",
        oddity="A thinking part may hold its thought as a plain string.",
        id="a thinking part that is a string",
    ),
    understood(
        Said(
            stream=[
                chunk(content=[{"type": "reasoning", "summary": [{"type": "summary_text", "text": "Hm. "}]}]),
                chunk(content=[{"type": "text", "text": "Yes"}]),
                STOP,
            ],
            text="Yes",
            thoughts="Hm. ",
        ),
        server="Databricks",
        oddity="A content part of type `reasoning` is a thought.",
        id="a reasoning part",
    ),
    *(
        pytest.param(
            Said(stream=[chunk(**{name: "Hm. "}), chunk(content="Yes"), STOP], text="Yes", thoughts="Hm. "),
            id=f"thoughts named {name}",
        )
        for name in (
            "reasoning_content",
            "reasoning",
            "reasoning_text",
            "reasoning_summary",
            "thinking",
            "thinking_content",
            "thought",
            "thoughts",
            "chain_of_thought",
        )
    ),
    understood(
        Said(
            stream=[
                chunk(reasoning_content={"text": "Hm, "}),
                chunk(reasoning_content={"text": "so."}),
                chunk(content="Yes"),
                STOP,
            ],
            text="Yes",
            thoughts="Hm, so.",
        ),
        server="Envoy AI Gateway",
        oddity="`reasoning_content` may be an object with its words in `text`.",
        id="thoughts in an object",
    ),
    pytest.param(
        Said(
            stream=[chunk(reasoning=[{"text": "Hm"}, "!"]), chunk(content="Yes"), STOP],
            text="Yes",
            thoughts="Hm!",
        ),
        id="thoughts in a list",
    ),
    pytest.param(
        Said(
            stream=[chunk(reasoning="Hm", reasoning_content="Hm", thinking="Hm"), chunk("stop", content="Y")],
            text="Y",
            thoughts="Hm",
        ),
        id="thoughts under three names",
    ),
    understood(
        Said(
            stream=[
                chunk(content="<thought>Hm.", extra_content={"google": {"thought": True}}),
                chunk(content="</thought>", extra_content={"google": {"thought": True}}),
                chunk(content="Yes"),
                STOP,
            ],
            text="Yes",
            thoughts="Hm.",
        ),
        server="Gemini",
        oddity="Content that Google's compatible endpoint marks as a thought is one.",
        id="content that is marked as a thought",
    ),
    *(
        pytest.param(
            Said(stream=[chunk(**marked), chunk(content="Yes"), STOP], text="Yes", thoughts="Hm."),
            id=f"content that {mark} says is a thought",
        )
        for mark, marked in (
            ("a flag", {"content": "Hm.", "thought": True}),
            ("a part's flag", {"content": [{"type": "text", "text": "Hm.", "thought": True}]}),
            ("its phase", {"content": "Hm.", "phase": "thinking"}),
        )
    ),
    understood(
        Said(
            stream=[
                chunk(content="Wait", reasoning_content="Wait"),
                chunk(content="Now", reasoning_content=" a bit"),
                STOP,
            ],
            text="Now",
            thoughts="Wait a bit",
        ),
        server="Any server",
        oddity="Content that equals the thought of the same chunk is the thought.",
        id="content that repeats the thought",
    ),
    pytest.param(
        Said(stream=[whole("Yes", reasoning_content="Yes")], text="Yes", thoughts="Yes"),
        id="an answer that is its own thought",
    ),
    understood(
        Said(
            stream=[chunk(content="<think>\nHm"), chunk(content=".</thi"), chunk(content="nk>\nYes"), STOP],
            text="\nYes",
            thoughts="\nHm.",
            quirks=LOCAL,
        ),
        server="llama.cpp",
        oddity="Thoughts between tags are thoughts on servers of one's own, wherever the stream is cut.",
        id="tags on a server of one's own",
    ),
    pytest.param(
        Said(stream=[chunk(content="<think>Hm</think>Yes"), STOP], text="<think>Hm</think>Yes"),
        id="tags elsewhere are words",
    ),
    pytest.param(
        Said(
            stream=[chunk(content="<think>Hm</think><"), CALL, chunk("tool_calls")],
            text="<",
            thoughts="Hm",
            calls=[("look", "{}")],
            stop=FinishReason.TOOL_CALLS,
            quirks=LOCAL,
        ),
        id="a sign before a call",
    ),
    pytest.param(
        Said(stream=[chunk(content="<think>Hm</think>  "), STOP], text="  Hm", thoughts="Hm", quirks=LOCAL),
        id="an answer in tags",
    ),
    understood(
        Said(
            stream=[chunk(content="\n", reasoning_content="Hm"), chunk(content=" "), STOP],
            text="\n Hm",
            thoughts="Hm",
            quirks=LOCAL,
        ),
        server="vLLM",
        oddity="Blanks beside thoughts do not count as an answer; where a server answers in thoughts alone, they are shown as the answer.",
        id="blanks beside thoughts that are the answer",
    ),
    pytest.param(
        Said(stream=[chunk(reasoning="Hm"), STOP], thoughts="Hm", stop=None, error=LLMEmptyResponseError),
        id="nothing but thoughts",
    ),
    pytest.param(
        Said(
            stream=[chunk(reasoning="Hm", content=" \n"), chunk(content="\u200b"), STOP],
            text=" \n\u200b",
            thoughts="Hm",
            stop=None,
            error=LLMEmptyResponseError,
        ),
        id="nothing but thoughts and blanks",
    ),
    pytest.param(Said(stream=[choice(delta="Hi"), STOP], text="Hi"), id="a delta that is the words"),
    pytest.param(Said(stream=[choice(text="Hi"), STOP], text="Hi"), id="the words of the older completions"),
    pytest.param(
        Said(stream=[choice(text="Hi", delta={"content": "Hi"}), STOP], text="Hi"),
        id="Together's words twice",
    ),
    pytest.param(
        Said(
            stream=[
                choice(delta=None),
                {"choices": [None]},
                {"choices": {"delta": {"content": "Hi"}}},
                {"choices": 5},
                STOP,
            ],
            text="Hi",
        ),
        id="choices of any type",
    ),
    pytest.param(
        Said(stream=[chunk(index="0", content="Hi"), STOP], text="Hi"), id="the choice's number as text"
    ),
    pytest.param(
        Said(stream=[chunk(index=1, content="Hi"), chunk("stop", index=1)], text="Hi"),
        id="the only choice is number 1",
    ),
    pytest.param(
        Said(
            stream=[
                chunk(
                    refusal=[],
                    annotations="x",
                    images={},
                    audio=3,
                    executed_tools="y",
                    tool_calls="z",
                    content="Hi",
                ),
                STOP,
            ],
            text="Hi",
        ),
        id="every other field of a wrong type",
    ),
]


@pytest.mark.parametrize("case", WORDS_AND_THOUGHTS)
def test_it_understands_words_and_thoughts(case: Said) -> None:
    case.check()
