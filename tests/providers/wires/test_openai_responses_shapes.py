"""OpenAI Responses: sparse, shuffled and differently named events say the same."""

from dataclasses import dataclass

import pytest

from providers.types import Json, ReasoningPart, TextPart, ToolCallPart
from providers.types.events import (
    ReasoningDelta,
    TextDelta,
    ToolCallDelta,
    ToolCallFinished,
    ToolCallStarted,
)
from tests.compatibility import understood
from tests.providers.wires.responses_events import (
    WHOLE_MESSAGE,
    WHOLE_THOUGHT,
    added,
    belonging,
    call,
    call_item,
    delta,
    done,
    end,
    message,
    output_text,
    play,
    response,
    text,
)

SAID = [
    ReasoningDelta("Hm", 0),
    ReasoningDelta("Hm hm", 1),
    TextDelta("Hello"),
    ToolCallStarted("call_1", "look"),
    ToolCallDelta("call_1", '{"at":1}'),
    ToolCallFinished("call_1"),
]


@dataclass(frozen=True, kw_only=True)
class Sparse:
    """The same answer, told by a server that leaves events out."""

    name: str
    stream: list[Json]


SPARSE = [
    Sparse(
        name="only completed items",
        stream=[done(0, WHOLE_THOUGHT), done(1, WHOLE_MESSAGE), done(2, call_item('{"at":1}')), end()],
    ),
    Sparse(
        name="only the end",
        stream=[end("completed", WHOLE_THOUGHT, WHOLE_MESSAGE, call_item('{"at":1}'))],
    ),
    Sparse(
        name="all of it three times",
        stream=[
            added(0, WHOLE_THOUGHT | {"summary": [], "content": []}),
            delta("reasoning_summary_text", 0, "Hm", summary_index=0),
            delta("reasoning_text", 0, "Hm hm", content_index=0),
            done(0, WHOLE_THOUGHT),
            added(1, message()),
            delta("output_text", 1, "Hello", content_index=0),
            {"type": "response.output_text.done", "output_index": 1, "content_index": 0, "text": "Hello"},
            done(1, WHOLE_MESSAGE),
            added(2, call_item("")),
            delta("function_call_arguments", 2, '{"at":1}'),
            {"type": "response.function_call_arguments.done", "output_index": 2, "arguments": '{"at":1}'},
            done(2, call_item('{"at":1}')),
            end("completed", WHOLE_THOUGHT, WHOLE_MESSAGE, call_item('{"at":1}')),
        ],
    ),
    Sparse(
        name="no starts",
        stream=[
            delta("reasoning_summary_text", 0, "Hm", summary_index=0),
            delta("reasoning_text", 0, "Hm hm", content_index=0),
            delta("output_text", 1, "Hello", content_index=0),
            delta("function_call_arguments", 2, '{"at":1}'),
            done(2, call_item('{"at":1}')),
            end("completed", WHOLE_THOUGHT, WHOLE_MESSAGE, call_item('{"at":1}')),
        ],
    ),
    Sparse(
        name="no numbers",
        stream=[
            {name: value for name, value in event.items() if name != "output_index"}
            for event in (
                delta("reasoning_summary_text", 0, "Hm", summary_index=0) | {"item_id": "rs_1"},
                done(0, WHOLE_THOUGHT),
                delta("output_text", 1, "Hello", content_index=0) | {"item_id": "msg_1"},
                done(1, WHOLE_MESSAGE),
                done(2, call_item('{"at":1}')),
                end("completed", WHOLE_THOUGHT, WHOLE_MESSAGE, call_item('{"at":1}')),
            )
        ],
    ),
    Sparse(
        name="numbers of the items alone",
        stream=[
            added(0, WHOLE_THOUGHT | {"summary": [], "content": []}),
            belonging("reasoning_summary_text", "rs_1", "Hm", summary_index=0),
            belonging("reasoning_text", "rs_1", "Hm hm", content_index=0),
            done(0, WHOLE_THOUGHT),
            added(1, message()),
            belonging("output_text", "msg_1", "Hello", content_index=0),
            done(1, WHOLE_MESSAGE),
            added(2, call_item("")),
            belonging("function_call_arguments", "fc_1", '{"at":1}'),
            done(2, call_item('{"at":1}')),
            end("completed", WHOLE_THOUGHT, WHOLE_MESSAGE, call_item('{"at":1}')),
        ],
    ),
    Sparse(
        name="only the starts of items",
        stream=[added(0, WHOLE_THOUGHT), added(1, WHOLE_MESSAGE), added(2, call_item('{"at":1}')), end()],
    ),
    Sparse(
        name="words in the starts of their parts",
        stream=[
            done(0, WHOLE_THOUGHT),
            added(1, message()),
            {"type": "response.content_part.added", "output_index": 1, "part": output_text("Hello")},
            added(2, call_item('{"at":1}')),
            end(),
        ],
    ),
    Sparse(
        name="a call that is completed twice",
        stream=[
            done(0, WHOLE_THOUGHT),
            done(1, WHOLE_MESSAGE),
            done(2, call_item('{"at":1}')),
            done(3, call_item('{"at":1}')),
            end(),
        ],
    ),
    Sparse(
        name="every item numbered 0",
        stream=[done(0, WHOLE_THOUGHT), done(0, WHOLE_MESSAGE), done(0, call_item('{"at":1}')), end()],
    ),
    Sparse(
        name="ids that change",
        stream=[
            done(0, WHOLE_THOUGHT),
            delta("output_text", 1, "Hello", content_index=0) | {"item_id": "a"},
            done(1, WHOLE_MESSAGE | {"id": "b"}),
            added(2, call_item("", id="c")),
            done(2, call_item('{"at":1}', id="d")),
            end("completed", WHOLE_THOUGHT, WHOLE_MESSAGE | {"id": "e"}, call_item('{"at":1}', id="f")),
        ],
    ),
]


@pytest.mark.parametrize("case", SPARSE, ids=lambda case: case.name)
def test_it_says_everything_once(case: Sparse) -> None:
    told = play(case.stream)
    assert told.raised is None
    assert told.meaning == SAID
    assert told.result.parts == (
        ReasoningPart(text="Hm"),
        ReasoningPart(text="Hm hm"),
        TextPart(text="Hello"),
        ToolCallPart(id="call_1", name="look", arguments='{"at":1}'),
    )


@dataclass(frozen=True, kw_only=True)
class Shuffled:
    """Items that arrive in another order than the provider's, and the types in the provider's own."""

    stream: list[Json]
    order: list[str]


SEALED_THOUGHT = {"type": "reasoning", "id": "rs_0", "summary": [], "encrypted_content": "gAAA"}


SHUFFLED = [
    understood(
        Shuffled(
            stream=[*call(1, "{}"), *text(0, "I look."), end()],
            order=["message", "function_call"],
        ),
        server="LiteLLM",
        oddity="Items of a response that arrive in another order than their `output_index` go back in the order of the index.",
        id="numbers against the arrival",
    ),
    pytest.param(
        Shuffled(
            stream=[
                delta("output_text", 0, "So", content_index=0) | {"item_id": "msg_0"},
                delta("reasoning_text", 1, "Hm", content_index=0) | {"item_id": "rs_0"},
                end("completed", SEALED_THOUGHT, message(output_text("So"), id="msg_0")),
            ],
            order=["reasoning", "message"],
        ),
        id="the terminal event against the numbers",
    ),
    pytest.param(
        Shuffled(
            stream=[
                *text(0, "So"),
                *call(1, "{}"),
                end("completed", SEALED_THOUGHT, call_item("{}"), message(output_text("So"), id="msg_0")),
            ],
            order=["reasoning", "function_call", "message"],
        ),
        id="an item of the terminal event alone",
    ),
    pytest.param(
        Shuffled(
            stream=[
                done(0, SEALED_THOUGHT | {"encrypted_content": None}),
                *text(1, "So"),
                end("completed", SEALED_THOUGHT, message(output_text("So"), id="msg_1")),
            ],
            order=["reasoning", "message"],
        ),
        id="an encrypted thought that only the terminal event has",
    ),
    pytest.param(
        Shuffled(
            stream=[
                done(0, message(output_text("A"), id="a")),
                done(0, message(output_text("B"), id="b")),
                end(),
            ],
            order=["message", "message"],
        ),
        id="two messages of one number",
    ),
]


@pytest.mark.parametrize("case", SHUFFLED)
def test_it_keeps_the_providers_order_of_items(case: Shuffled) -> None:
    told = play(case.stream)
    assert told.raised is None
    assert [item["type"] for item in told.result.native] == case.order


def test_it_says_what_only_the_terminal_event_holds() -> None:
    first, second = message(output_text("One. "), id="a"), message(output_text("Two."), id="b")
    assert play([done(0, first), end("completed", first, second)]).result.text == "One. Two."
    merged = [delta("output_text", 0, "One. Two.", content_index=0), end("completed", first, second)]
    assert play(merged).result.text == "One. Two."


@pytest.mark.parametrize("kind", ["response", None])
def test_it_reads_an_answer_that_was_not_streamed(kind: str | None) -> None:
    whole = response("completed", WHOLE_THOUGHT, WHOLE_MESSAGE, call_item('{"at":1}')) | {
        "object": "response"
    }
    told = play([whole if kind is None else whole | {"type": kind}])
    assert told.raised is None
    assert told.meaning == SAID
    assert told.result.response_id == "resp_1"
