"""A long file in the requests of a run: written as JSON once, whatever the wire, and the same as a short one."""

import base64
import json
from typing import Any

import orjson
import pytest

from providers import wires
from providers.call import body
from providers.call.trace import without_files
from providers.clients.encoding import encoded
from providers.text import file_text
from providers.text.cleaning import JsonText
from providers.types import ChatMessage, MediaPart, ModelRequest, Origin, Role
from providers.types.messages import TextPart

_PICTURE = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 1_000
_TEXT = b'A line with "quotes", a back\\slash and a NUL \0.\n' * 5_000

_WIRES = ["anthropic-messages", "gemini-generate", "openai-chat", "openai-responses"]
_FILES = [("image", "image/png", _PICTURE), ("document", "text/plain", _TEXT)]


def _request(wire: str, kind: Any, mime_type: str, data: str) -> ModelRequest:
    parts = (TextPart(text="Look."), MediaPart(kind=kind, mime_type=mime_type, data=data, name="a.txt"))
    return ModelRequest(
        origin=Origin(wire=wire, provider="p", model="m"),
        system="",
        messages=(ChatMessage(role=Role.USER, parts=parts),),
    )


@pytest.mark.parametrize("wire", _WIRES)
@pytest.mark.parametrize(("kind", "mime_type", "content"), _FILES, ids=["picture", "text"])
async def test_a_long_file_is_written_once_for_all_steps_and_read_as_any_other(
    wire: str, kind: str, mime_type: str, content: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = base64.b64encode(content).decode()
    expected = json.loads(
        await encoded(await body.build(wires.load(wire), _request(wire, kind, mime_type, plain)))
    )
    written = _watch_long_texts(monkeypatch)
    kept = file_text.of_file(plain)
    for _ in range(3):
        sent = await body.build(wires.load(wire), _request(wire, kind, mime_type, kept))
        assert json.loads(await encoded(sent)) == expected
    assert len(written) == 1


def _watch_long_texts(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return a list that grows by each long text that is written as JSON, alone or within a body."""
    written: list[str] = []
    dumps = orjson.dumps

    def watched(value: Any, **options: Any) -> bytes:
        written.extend(_long_texts(value))
        return dumps(value, **options)

    monkeypatch.setattr(orjson, "dumps", watched)
    return written


def _long_texts(value: Any) -> list[str]:
    match value:
        case str():
            return [value] if len(value) > len(_PICTURE) // 2 else []
        case dict():
            return [text for item in value.values() for text in _long_texts(item)]
        case list():
            return [text for item in value for text in _long_texts(item)]
        case _:
            return []


async def test_a_trace_names_the_length_of_a_file_that_was_written_before() -> None:
    plain = base64.b64encode(_PICTURE).decode()
    bodies = [
        await body.build(wires.load("openai-chat"), _request("openai-chat", "image", "image/png", data))
        for data in (plain, file_text.of_file(plain))
    ]
    assert without_files(bodies[1]) == without_files(bodies[0])


def test_only_the_last_form_is_kept() -> None:
    kept = file_text.of_file("QUJD" * 50_000)
    first = file_text.prefixed("data:a;base64,", kept)
    assert file_text.prefixed("data:a;base64,", kept) is first
    other = file_text.prefixed("", kept)
    assert isinstance(other, JsonText)
    assert file_text.prefixed("data:a;base64,", kept) is not first


def test_a_file_that_is_no_text_is_not_read_again() -> None:
    kept = file_text.of_file(base64.b64encode(_PICTURE).decode())
    asked = []

    def make() -> None:
        asked.append(1)

    assert [file_text.in_request(kept, "decoded", make) for _ in range(2)] == [None, None]
    assert asked == [1]


def test_a_short_file_is_plain_text() -> None:
    assert type(file_text.of_file("QUJD")) is str
    assert file_text.prefixed("data:a;base64,", "QUJD") == "data:a;base64,QUJD"
