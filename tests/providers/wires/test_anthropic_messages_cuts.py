"""What is kept of a cut answer on Anthropic's Messages wire, and goes back."""

import pytest

from providers.wires import anthropic_messages as wire
from tests.providers.wires.anthropic_events import (
    SERVER,
    block,
    call,
    end,
    play,
    search_result,
    start,
    text,
    thinking,
)
from tests.providers.wires.playing import Cut

CUTS = [
    Cut(name="inside a text", stream=text(0, "Hel", stop=False), native=({"type": "text", "text": "Hel"},)),
    Cut(name="in blank text", stream=text(0, "\n\n", stop=False), native=[]),
    Cut(name="before the signature", stream=thinking(0, "Hm", None, stop=False), native=[]),
    Cut(
        name="after the signature",
        stream=thinking(0, "Hm", "sig", stop=False),
        native=({"type": "thinking", "thinking": "Hm", "signature": "sig"},),
    ),
    Cut(
        name="in words after a thought",
        stream=[*thinking(0, "Hm", "sig"), *text(1, "So", stop=False)],
        native=({"type": "thinking", "thinking": "Hm", "signature": "sig"}, {"type": "text", "text": "So"}),
    ),
    Cut(name="inside an input", stream=call(0, "c1", '{"a": 1}', stop=False), native=[]),
    Cut(name="before a server tool's result", stream=[*SERVER], native=[]),
    Cut(
        name="inside a server tool that another one called",
        stream=[
            *call(0, "srv_1", '{"code": ""}', kind="server_tool_use"),
            *block(
                1,
                {
                    "type": "server_tool_use",
                    "id": "srv_2",
                    "name": "fetch",
                    "input": {},
                    "caller": {"type": "code_execution_20260120", "tool_id": "srv_1"},
                },
            ),
            *search_result(2, "srv_2"),
        ],
        native=[],
    ),
]


@pytest.mark.parametrize("cut", CUTS, ids=lambda cut: cut.name)
def test_it_sends_back_only_what_the_provider_takes(cut: Cut) -> None:
    cut.check(wire.KIND)


def test_it_keeps_a_server_tool_that_waits_for_our_result() -> None:
    caller = {"type": "code_execution_20260120", "tool_id": "srv_1"}
    ours = {"type": "tool_use", "id": "c1", "name": "look", "input": {}, "caller": caller}
    told = play([start(), *SERVER, *block(1, ours), *end("tool_use")])
    assert [item["type"] for item in told.result.native] == ["server_tool_use", "tool_use"]


def test_it_keeps_a_server_tool_that_the_provider_executes_with_the_next_request() -> None:
    for reason, more in (("tool_use", call(1, "c1", "{}")), ("pause_turn", [])):
        told = play([start(), *SERVER, *more, *end(reason)])
        assert told.result.native[0]["type"] == "server_tool_use"


def test_it_survives_half_a_character() -> None:
    told = play([start(), *text(0, "\ud83d"), *call(1, "c1", '{"a": "\\ud83d"}'), *end("tool_use")])
    assert told.result.text == "\ud83d"
    assert told.result.native[1]["input"] == {"a": "\ud83d"}
