"""Calls that models made up go back in the receiving provider's grammar, so that no conversation is blocked."""

import json
from typing import Any

import pytest

from emulator.http1 import HttpRequest
from emulator.wires import serving
from emulator.wires._rules import RequestRules
from providers import wires
from providers.errors import LLMUnsupportedError
from providers.types import (
    ChatMessage,
    Json,
    ModelRequest,
    Origin,
    Role,
    TextPart,
    ToolCallPart,
    ToolResultPart,
    ToolSpec,
    quirks,
)
from providers.types.quirks import Quirks
from tests.providers.wires.playing import user

KINDS = tuple(wires.WIRES)
#: Where each wire is asked.
PATHS = {
    "openai-chat": "/v1/chat/completions",
    "openai-responses": "/v1/responses",
    "anthropic-messages": "/v1/messages",
    "gemini-generate": "/v1beta/models/some-model:streamGenerateContent",
}

NAMES = [
    "look",
    "group.parallel",
    "functions.look:3",
    "<|assistant|>look",
    " look up\n",
    "",
    "   ",
    "9lives",
    "-look",
    "größe",
    "看",
    "x" * 300,
    "look\ud83d",
]
ARGUMENTS = ["{}", "", "null", "[]", "{", '{"a":1}{"a":1}', '"{\\"a\\":1}"', "[1]", '{"a":NaN}']


def origin(kind: str) -> Origin:
    return Origin(wire=kind, provider="somewhere", model="some-model")


def native(kind: str, name: str, arguments: str) -> Json:
    """What the wire ``kind`` itself keeps of a call."""
    match kind:
        case "openai-chat":
            function = {"name": name, "arguments": arguments}
            call = {"id": "one", "type": "function", "function": function}
            return {"role": "assistant", "content": None, "tool_calls": [call]}
        case "openai-responses":
            return {"type": "function_call", "call_id": "one", "name": name, "arguments": arguments}
        case "anthropic-messages":
            return {"type": "tool_use", "id": "one", "name": name, "input": {}}
        case _:
            return {"functionCall": {"name": name, "args": {}}}


def asked(kind: str, name: str, arguments: str, *, made_by: str) -> Json:
    call = ToolCallPart(id="one", name=name, arguments=arguments)
    result = ToolResultPart(call_id="one", name=name, content="There is no such tool.", is_error=True)
    messages = (
        user("Hi"),
        ChatMessage(
            role=Role.ASSISTANT,
            parts=(call,),
            origin=origin(made_by),
            native=(native(made_by, name, arguments),),
        ),
        ChatMessage(role=Role.TOOL, parts=(result,)),
        ChatMessage(role=Role.ASSISTANT, parts=(TextPart(text="I see."),), origin=origin("elsewhere")),
        user("Go on."),
    )
    tools = (ToolSpec(name="look", parameters={"type": "object", "properties": {}}),)
    request = ModelRequest(origin=origin(kind), messages=messages, tools=tools)
    return wires.load(kind).build_body(request)


def refusal(kind: str, body: Json) -> Any:
    wire = serving(PATHS[kind])
    assert wire is not None
    request = HttpRequest(method="POST", path=PATHS[kind], query={}, headers={}, body=b"")
    return wire.refusal(request, body, RequestRules())


@pytest.mark.parametrize("made_by", KINDS)
@pytest.mark.parametrize("kind", KINDS)
def test_a_made_up_name_is_accepted_by_every_provider(kind: str, made_by: str) -> None:
    for name in NAMES:
        body = asked(kind, name, "{}", made_by=made_by)
        assert refusal(kind, body) is None, name


@pytest.mark.parametrize("made_by", KINDS)
@pytest.mark.parametrize("kind", KINDS)
def test_unreadable_arguments_go_back_as_none(kind: str, made_by: str) -> None:
    for arguments in ARGUMENTS:
        body = asked(kind, "look", arguments, made_by=made_by)
        assert refusal(kind, body) is None, arguments


@pytest.mark.parametrize("kind", KINDS)
def test_a_name_that_the_provider_accepts_is_not_changed(kind: str) -> None:
    assert '"look_up-2"' in json.dumps(asked(kind, "look_up-2", "{}", made_by=kind))


def declared(kind: str, *tools: ToolSpec, known: Quirks = quirks.NONE) -> ModelRequest:
    return ModelRequest(origin=origin(kind), messages=(user("Hi"),), tools=tools, quirks=known)


@pytest.mark.parametrize("kind", ["openai-chat", "openai-responses"])
def test_openai_itself_is_offered_no_more_than_it_takes(kind: str) -> None:
    many = [ToolSpec(name=f"look_{number}") for number in range(129)]
    long = ToolSpec(name="look", description="a" * 1_025)
    wires.check(declared(kind, *many[:128]))
    with pytest.raises(LLMUnsupportedError, match="These are 129 tools, and this model's provider takes 128"):
        wires.check(declared(kind, *many))
    with pytest.raises(LLMUnsupportedError, match="The description of the tool look has 1,025 characters"):
        wires.check(declared(kind, long))
    # Other servers have no such limits.
    wires.check(declared(kind, *many, long, known=Quirks(is_compatible=True)))


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("gemini-generate", "9lives"),
        ("openai-chat", "group.look"),
        ("openai-responses", "look up"),
        ("anthropic-messages", "größe"),
    ],
)
def test_a_tool_whose_name_the_provider_refuses_is_refused_before_it_is_sent(kind: str, name: str) -> None:
    with pytest.raises(LLMUnsupportedError, match="as the name of a tool"):
        wires.check(declared(kind, ToolSpec(name=name)))
