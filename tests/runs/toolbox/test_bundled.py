"""The tools that come with Runnel, called as a run calls them."""

import json
import re
from typing import Any
from uuid import UUID, uuid4

import pytest

from emulator.http1 import HttpRequest
from emulator.wires import WIRES
from emulator.wires._rules import RequestRules
from providers import wires
from providers.types import ChatMessage, ModelRequest, Origin, Role, TextPart
from runs.models import Note, Run
from runs.toolbox import InvalidArguments, ToolContext, ToolError
from runs.toolbox.registry import registered
from tests.runs.rows import make_run, make_user


def called(name: str, context: ToolContext | None = None, /, **arguments: Any) -> str:
    nowhere = ToolContext(user_id=0, conversation_id=uuid4(), run_id=uuid4(), call_id=uuid4())
    call = registered()[name].bind(json.dumps(arguments), context or nowhere)
    result: str = call()
    return result


def test_they_are_found_when_django_is_set_up() -> None:
    found = registered()
    assert {"clock", "calculate", "write_note"} <= found.keys()
    assert {name for name, tool in found.items() if tool.requires_approval} == {"write_note"}
    assert {tool.source for tool in found.values()} == {"runs"}


PATHS = {
    "openai-chat": "/v1/chat/completions",
    "openai-responses": "/v1/responses",
    "anthropic-messages": "/v1/messages",
    "gemini-generate": "/v1beta/models/some-model:streamGenerateContent",
}


@pytest.mark.parametrize("kind", PATHS)
def test_every_provider_takes_them(kind: str) -> None:
    request = ModelRequest(
        origin=Origin(wire=kind, provider="emulator", model="some-model"),
        messages=(ChatMessage(role=Role.USER, parts=(TextPart(text="hi"),)),),
        tools=tuple(tool.spec for tool in registered().values()),
    )
    body = wires.load(kind).build_body(request)
    (wire,) = (wire for wire in WIRES if wire.PATH.fullmatch(PATHS[kind]))
    sent = HttpRequest(
        method="POST",
        path=PATHS[kind],
        query={},
        headers={"anthropic-version": "2023-06-01"},
        body=json.dumps(body).encode(),
    )
    assert wire.refusal(sent, body, RequestRules()) is None


@pytest.mark.parametrize("zone", ["UTC", "Europe/Zurich", "Asia/Kathmandu"])
def test_the_clock_tells_day_time_and_offset(zone: str) -> None:
    assert re.fullmatch(
        rf"\w+day, \d{{4}}-\d\d-\d\d \d\d:\d\d:\d\d[+]\d\d:\d\d \({zone}\)", called("clock", zone=zone)
    )
    assert "+05:45" in called("clock", zone="Asia/Kathmandu")
    assert "(UTC)" in called("clock")


@pytest.mark.parametrize("zone", ["Atlantis", "", "../../etc/passwd", "/etc/passwd", "Europe", "x" * 5000])
def test_the_clock_knows_no_other_zone(zone: str) -> None:
    with pytest.raises(ToolError, match="There is no time zone"):
        called("clock", zone=zone)


@pytest.mark.parametrize(
    ("expression", "result"),
    [
        ("1 + 2 * 3", "7"),
        (" (1 + 2) * 3\n", "9"),
        ("-2 ** 2", "-4"),
        ("7 // 2", "3"),
        ("7 % 4", "3"),
        ("7 / 2", "3.5"),
        ("2 ** -1", "0.5"),
        ("1.5e3 + .5", "1500.5"),
        ("2 ** 100", str(2**100)),
        ("+1", "1"),
        ("-" * 498 + "1", "1"),
        ("0 ** 10 ** 9", "0"),
    ],
)
def test_it_calculates(expression: str, result: str) -> None:
    assert called("calculate", expression=expression) == result


@pytest.mark.parametrize(
    ("expression", "why"),
    [
        ("1 / 0", "divides by zero"),
        ("0 ** -1", "divides by zero"),
        ("9 ** 9 ** 9 ** 9", "too large"),
        ("10 ** 5000", "too large"),
        ("2 ** 4095 * 2 ** 4095", "too large"),
        ("1e308 * 10 ** 400", "too large"),
        ("10.0 ** 400", "too large"),
        ("(-8) ** 0.5", "no real number"),
        ("1 +", "cannot be read"),
        ("(" * 300, "cannot be read"),
        ("1 2", "cannot be read"),
        ("1(2)", "cannot be read"),
        ("e", "cannot be read"),
        ("", "nothing else"),
        ("1 if 1 else 2", "nothing else"),
        ("().__class__", "nothing else"),
        ("2^3", "nothing else"),
        ("1" * 501, "too long"),
    ],
)
def test_it_says_what_it_cannot_calculate(expression: str, why: str) -> None:
    with pytest.raises(ToolError, match=why):
        called("calculate", expression=expression)


def context(run: Run, user_id: int, **other: Any) -> ToolContext:
    values: dict[str, Any] = {
        "user_id": user_id,
        "conversation_id": run.conversation_id,
        "run_id": run.pk,
        "call_id": UUID(int=7),
    }
    return ToolContext(**values | other)


@pytest.mark.django_db
def test_a_note_stays_with_its_conversation_and_a_call_writes_only_one() -> None:
    run = make_run(owner=make_user())
    here = context(run, run.owner_id)

    assert called("write_note", here, text="Rivers are long.") == "The note is written."
    assert called("write_note", here, text="Rivers are long.") == "The note was written before."

    note = Note.objects.get()
    assert (note.text, note.run, note.conversation) == ("Rivers are long.", run, run.conversation)


@pytest.mark.django_db
def test_a_note_is_written_nowhere_else() -> None:
    run, other = make_run(owner=make_user()), make_run(owner=make_user("eve"))
    for wrong in (
        context(run, other.owner_id),
        context(run, run.owner_id, conversation_id=other.conversation_id),
        context(run, run.owner_id, run_id=other.pk),
        context(run, run.owner_id, run_id=uuid4()),
    ):
        with pytest.raises(ToolError, match="no such conversation"):
            called("write_note", wrong, text="Rivers are long.")
    assert not Note.objects.exists()


@pytest.mark.parametrize("text", ["", "a" * 10_001])
def test_a_note_has_a_length(text: str) -> None:
    with pytest.raises(InvalidArguments, match="The argument text: String should have at"):
        called("write_note", text=text)
