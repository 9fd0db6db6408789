"""Files inside providers' items: which texts hold one, of which type, and what stands in their place."""

import base64
from typing import Any
from uuid import uuid4

import pytest

from providers.types import ProviderItemPart, TextPart
from runs.store import embedded, history, made
from runs.store.made import MadeFile

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(64))
TEXT = base64.b64encode(PNG).decode()
URL_SAFE = base64.urlsafe_b64encode(b"\xff\xd8\xff" + bytes(range(255, 150, -1))).decode().rstrip("=")
DATA_URL = f"data:image/png;base64,{TEXT}"


@pytest.mark.parametrize(
    ("kind", "data", "expected"),
    [
        pytest.param(
            "inlineData", {"mimeType": "image/png", "data": TEXT}, "image/png", id="Gemini's picture"
        ),
        pytest.param(
            "inlineData",
            {"mimeType": "audio/L16;codec=pcm;rate=24000", "data": "AAEC"},
            "audio/L16;codec=pcm;rate=24000",
            id="Gemini's speech",
        ),
        pytest.param("image_url", {"image_url": {"url": DATA_URL}}, "image/png", id="OpenRouter's picture"),
        pytest.param(
            "image_generation_call",
            {"type": "image_generation_call", "result": TEXT, "output_format": "png"},
            "image/png",
            id="a picture of the Responses API",
        ),
        pytest.param(
            "code_interpreter_call",
            {"outputs": [{"type": "logs", "logs": "4"}, {"type": "image", "url": DATA_URL}]},
            "image/png",
            id="a diagram",
        ),
        pytest.param(
            "mcp_tool_result",
            {"content": [{"type": "image", "source": {"media_type": "image/png", "data": TEXT}}]},
            "image/png",
            id="a picture from a tool of Anthropic's",
        ),
        pytest.param("image", {"b64_json": URL_SAFE}, "", id="an unnamed picture, for addresses"),
        pytest.param("audio", {"data": "AAAA", "transcript": "Hm"}, "audio/L16;rate=24000", id="speech"),
        pytest.param("audio", {"data": "AAAA", "format": "mp3"}, "audio/mpeg", id="speech in a known format"),
        pytest.param("artefact", {"data": TEXT}, "", id="bytes that tell what they are"),
    ],
)
def test_it_finds_a_file_wherever_a_provider_puts_it(kind: str, data: Any, expected: str) -> None:
    [found] = embedded.find(kind, data)
    assert found.mime_type == expected
    assert found.content


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        pytest.param("web_search_call", {"data": "word", "result": "Four score"}, id="words"),
        pytest.param("inlineData", {"mimeType": "image/png", "data": "not base64!"}, id="no Base64"),
        pytest.param("document", {"type": "text", "media_type": "text/plain", "data": "word"}, id="a text"),
        pytest.param("image_url", {"image_url": {"url": "https://example.org/a.png"}}, id="an address"),
        pytest.param("audio", {"id": "audio_1", "transcript": "Hello"}, id="no data"),
        pytest.param("server_tool_use", {"input": {"result": None, "data": [1, 2]}}, id="no text"),
    ],
)
def test_it_takes_nothing_else_for_a_file(kind: str, data: Any) -> None:
    assert embedded.find(kind, data) == []


@pytest.mark.parametrize(
    ("content", "claimed", "expected"),
    [
        (PNG, "image/jpeg", "image/png"),
        (b"OggS....", "", "audio/ogg"),
        (b"\0\0\0\x18ftypavif", "", "image/avif"),
        (b"\xff\xfb\0\0", "audio/pcm;rate=16000", "audio/pcm;rate=16000"),
        (b"????", "image/x-new", "image/x-new"),
        (b"<svg onload=alert(1)>", "image/svg+xml", "application/octet-stream"),
        (b"<b>", "text/html", "application/octet-stream"),
        (b"????", "image/png\r\nset-cookie: a", "application/octet-stream"),
        (b"????", "", "application/octet-stream"),
    ],
)
def test_a_type_is_what_the_bytes_say_and_nothing_that_a_browser_runs(
    content: bytes, claimed: str, expected: str
) -> None:
    assert made.type_of(content, claimed) == expected


def test_a_stored_part_has_a_link_and_says_what_it_leads_to() -> None:
    part = ProviderItemPart(kind="image_url", data={"image_url": {"url": DATA_URL}})
    [found] = embedded.find(part.kind, part.data)
    file = MadeFile(id=uuid4(), mime_type="image/png", size=len(PNG), name="image.png")
    stored = history.part_with_links(part, [(found, file)])
    assert stored["data"] == {"image_url": {"url": f"/api/files/{file.id}/"}}
    assert stored["files"] == [{**file.shown(), "prefix": "data:image/png;base64,"}]
    # The same text elsewhere is a part's own.
    words = TextPart(text=DATA_URL)
    assert history.part_with_links(words, [(found, file)]) == history.part_to_json(words)
