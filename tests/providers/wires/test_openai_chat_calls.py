"""Calls on Chat Completions, however a server numbers, names and cuts them."""

import json
from typing import Any

import pytest

from providers.types import FinishReason, Json
from tests.compatibility import understood
from tests.providers.wires.chat_chunks import chunk, piece
from tests.providers.wires.chat_saying import Said
from tests.providers.wires.playing import streamed_calls

TWO = [("look", '{"at": 1}'), ("go", '{"to": 2}')]
ONE = [("look", '{"at": 1}')]


def calls(*stream: Any) -> Said:
    return Said(stream=[*stream, chunk("tool_calls")], calls=ONE, stop=FinishReason.TOOL_CALLS)


def function(name: str, arguments: Any, **beside: Any) -> Json:
    return {"function": {"name": name, "arguments": arguments}} | beside


CALLS = [
    pytest.param(
        calls(chunk(tool_calls=function("look", '{"at": 1}', index=0))), id="one call in place of a list"
    ),
    pytest.param(
        calls(chunk(tool_calls={"0": function("look", '{"at": 1}')})), id="an object of numbered calls"
    ),
    pytest.param(
        calls(chunk(tool_calls=[None, 3, function("look", '{"at": 1}')])), id="odd members of the list"
    ),
    pytest.param(
        calls(chunk(tool_calls=[{"name": "look", "arguments": '{"at": 1}', "id": "a"}])),
        id="without a function",
    ),
    pytest.param(
        calls(chunk(tool_calls=[{"function": {"name": "look", "parameters": {"at": 1}}}])), id="parameters"
    ),
    pytest.param(
        calls(chunk(content=[{"type": "tool_use", "id": "a", "name": "look", "input": {"at": 1}}])),
        id="a part of the content",
    ),
    pytest.param(
        calls(piece(index="0", id="a", name="look", arguments='{"at"'), piece(index="0", arguments=": 1}")),
        id="numbers as text",
    ),
    pytest.param(
        calls(
            piece(id="a", name="look", arguments='{"at"'),
            piece(id="a", name="look", arguments='{"at": 1'),
            piece(id="a", name="look", arguments='{"at": 1}'),
        ),
        id="all of the arguments so far in each piece",
    ),
    pytest.param(
        calls(chunk(tool_calls=json.dumps([function("look", {"at": 1}, index=0)]))), id="a list as text"
    ),
    pytest.param(
        calls(chunk(tool_calls=[{"function": json.dumps({"name": "look", "arguments": {"at": 1}})}])),
        id="a function as text",
    ),
    pytest.param(
        Said(
            stream=[chunk(tool_calls=[function("look", ""), function("go", "")]), chunk("tool_calls")],
            calls=[("look", "{}"), ("go", "{}")],
            stop=FinishReason.TOOL_CALLS,
        ),
        id="two calls without numbers, ids and arguments",
    ),
    pytest.param(
        calls(piece(index=[], name="look", arguments='{"at"'), piece(index={}, arguments=": 1}")),
        id="numbers that are none",
    ),
    pytest.param(
        calls(piece(index=0, id=7, name="look", arguments='{"at": 1}')), id="an id that is a number"
    ),
    pytest.param(
        calls(piece(index=0, id="a"), piece(index=0, name="look"), piece(index=0, arguments='{"at": 1}')),
        id="everything apart",
    ),
    pytest.param(
        calls(piece(name="look", arguments='{"at": 1}'), piece(index=1), piece(index=2, arguments="")),
        id="pieces that say nothing",
    ),
    understood(
        calls(
            piece(id="a", name="look", arguments='{"at": 1}'),
            piece(id="a", name="look", arguments='{"at": 1}'),
        ),
        server="LiteLLM",
        oddity="Arguments that come once more for the same call are not said twice.",
        id="arguments said twice",
    ),
    understood(
        calls(piece(id="a", name="look", arguments="{}"), piece(arguments='{"at"'), piece(arguments=": 1}")),
        server="Any server",
        oddity="An empty object `{}` before the arguments themselves is skipped.",
        id="an empty object first",
    ),
    pytest.param(calls(chunk(tool_call=function("look", '{"at": 1}'))), id="a call under the name of one"),
    pytest.param(
        Said(
            stream=[
                piece(name="look", arguments=""),
                piece(arguments='{"at": 1}'),
                piece(name="go", arguments=""),
                piece(arguments='{"to": 2}'),
                chunk("tool_calls"),
            ],
            calls=TWO,
            stop=FinishReason.TOOL_CALLS,
        ),
        id="another name at the same number, then its arguments",
    ),
    pytest.param(calls(piece(name="look", arguments='"{\\"at\\": 1}"')), id="arguments encoded twice"),
    pytest.param(
        calls(piece(id="a", name="look", arguments='{"at": 1}'), piece(name="look", arguments='{"at":1}')),
        id="a whole call once more without its id",
    ),
    pytest.param(
        calls(
            piece(id="a", name="look", arguments='{"at": 1}'),
            piece(index=1, id="a", name="look", arguments='{"at": 1}'),
        ),
        id="a whole call once more under another number",
    ),
    understood(
        Said(
            stream=[
                chunk(content="So."),
                chunk("stop"),
                piece(name="look", arguments='{"at": 1}'),
                chunk("tool_calls"),
            ],
            text="So.",
            calls=ONE,
            stop=FinishReason.TOOL_CALLS,
        ),
        server="Any server",
        oddity="Words and calls after a first end reason are taken.",
        id="a call after the end reason",
    ),
    pytest.param(
        Said(
            stream=[piece(name="look"), chunk("stop"), piece(arguments='{"at": 1}')],
            calls=ONE,
            stop=FinishReason.TOOL_CALLS,
        ),
        id="arguments after the end reason",
    ),
    pytest.param(
        Said(
            stream=[piece(name="look"), chunk("tool_calls")],
            calls=[("look", "{}")],
            stop=FinishReason.TOOL_CALLS,
        ),
        id="no arguments",
    ),
    pytest.param(
        Said(
            stream=[
                piece(id="a", name="look", arguments='{"at"'),
                piece(id="b", name="go", arguments='{"to"'),
                piece(id="a", arguments=": 1}"),
                piece(id="b", arguments=": 2}"),
                chunk("tool_calls"),
            ],
            calls=TWO,
            stop=FinishReason.TOOL_CALLS,
        ),
        id="one number for two calls, in turns",
    ),
    pytest.param(
        Said(
            stream=[
                chunk("tool_calls", tool_calls=[function("look", {"at": 1}), function("go", '{"to": 2}')])
            ],
            calls=[("look", '{"at": 1}'), ("go", '{"to": 2}')],
            stop=FinishReason.TOOL_CALLS,
        ),
        id="whole calls in one chunk",
    ),
    pytest.param(
        Said(
            stream=[
                chunk(
                    function_call={"name": "look", "arguments": '{"at": 1}'},
                    tool_calls=[function("look", '{"at": 1}')],
                ),
                chunk("tool_calls"),
            ],
            calls=ONE,
            stop=FinishReason.TOOL_CALLS,
        ),
        id="the older form beside the newer",
    ),
    pytest.param(
        Said(
            stream=[piece(name="look", arguments="city = X"), chunk("tool_calls")],
            calls=[("look", "city = X")],
            stop=FinishReason.TOOL_CALLS,
        ),
        id="arguments that are no JSON are handed on",
    ),
    pytest.param(
        Said(
            stream=[
                chunk(
                    tool_calls=[
                        {"id": "a", "type": "custom", "custom": {"name": "patch", "input": "*** Add"}}
                    ]
                ),
                chunk("tool_calls"),
            ],
            calls=[("patch", "*** Add")],
            stop=FinishReason.TOOL_CALLS,
        ),
        id="a custom tool's input",
    ),
]


@pytest.mark.parametrize("case", CALLS)
def test_it_understands_calls(case: Said) -> None:
    told = case.check()
    assert all(call.complete for call in told.result.tool_calls)
    assert len(streamed_calls(told.events)) == len(case.calls)
