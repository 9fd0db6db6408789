"""Pictures and files that tools make, as each wire shows them to its model."""

from typing import Any

import pytest

from providers import wires
from providers.types import (
    ChatMessage,
    Json,
    MediaPart,
    ModelRequest,
    Origin,
    Role,
    ToolCallPart,
    ToolResultPart,
    quirks,
)
from providers.types.quirks import Quirks
from tests.providers.wires.playing import user
from tests.providers.wires.test_odd_calls import refusal

PNG = "iVBORw0KGgo="
PICTURE = MediaPart(kind="image", mime_type="image/png", data=PNG, name="chart.png")
PLAN = MediaPart(kind="document", mime_type="application/pdf", data="JVBERi0x", name="plan.pdf")
SOUND = MediaPart(kind="audio", mime_type="audio/wav", data="UklGRg==", name="bell.wav")
DRAWING = MediaPart(kind="image", mime_type="image/svg+xml", data="PHN2Zy8+", name="a.svg")
HUGE = MediaPart(kind="image", mime_type="image/png", data="A" * (5 * 1024 * 1024 + 4), name="huge.png")

NOT_SHOWN = "[{} ({}) is shown to the user, but cannot be shown to you.]"


def body(
    kind: str, *media: MediaPart, model: str = "some-model", known: Quirks = quirks.NONE, **fields: Any
) -> Json:
    origin = Origin(wire=kind, provider="somewhere", model=model)
    calls = tuple(ToolCallPart(id=each, name="draw", arguments="{}") for each in ("one", "two"))
    first = ToolResultPart(call_id="one", name="draw", content="Drawn.", media=media, **fields)
    second = ToolResultPart(call_id="two", name="draw", content="Nothing.")
    messages = (
        user("Draw."),
        ChatMessage(role=Role.ASSISTANT, parts=calls),
        ChatMessage(role=Role.TOOL, parts=(first, second)),
    )
    return wires.load(kind).build_body(ModelRequest(origin=origin, messages=messages, quirks=known))


def answered(kind: str, body: Json) -> Any:
    """Return all that follows the calls."""
    match kind:
        case "openai-chat":
            return body["messages"][2:]
        case "openai-responses":
            return body["input"][3:]
        case "anthropic-messages":
            return body["messages"][2]["content"]
        case _:
            return body["contents"][2]["parts"]


def response(number: str, text: str, **more: Any) -> Json:
    return {"functionResponse": {"id": number, "name": "draw", "response": {"output": text}, **more}}


INLINE = {"inlineData": {"mimeType": "image/png", "data": PNG}}


@pytest.mark.parametrize(
    ("kind", "model", "expected"),
    [
        (
            "anthropic-messages",
            "some-model",
            [
                {
                    "type": "tool_result",
                    "tool_use_id": "one",
                    "content": [
                        {"type": "text", "text": "Drawn."},
                        {
                            "type": "image",
                            "source": {"type": "base64", "media_type": "image/png", "data": PNG},
                        },
                    ],
                },
                {"type": "tool_result", "tool_use_id": "two", "content": "Nothing."},
            ],
        ),
        (
            "openai-responses",
            "some-model",
            [
                {
                    "type": "function_call_output",
                    "call_id": "one",
                    "output": [
                        {"type": "input_text", "text": "Drawn."},
                        {
                            "type": "input_image",
                            "image_url": f"data:image/png;base64,{PNG}",
                            "detail": "auto",
                        },
                    ],
                },
                {"type": "function_call_output", "call_id": "two", "output": "Nothing."},
            ],
        ),
        (
            "openai-chat",
            "some-model",
            [
                {"role": "tool", "tool_call_id": "one", "content": "Drawn."},
                {"role": "tool", "tool_call_id": "two", "content": "Nothing."},
                {
                    "role": "user",
                    "content": [
                        {"type": "text", "text": "[What draw made:]"},
                        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}},
                    ],
                },
            ],
        ),
        (
            "gemini-generate",
            "gemini-3-pro",
            [response("one", "Drawn.", parts=[INLINE]), response("two", "Nothing.")],
        ),
        (
            "gemini-generate",
            "gemini-2.5-pro",
            [response("one", "Drawn."), response("two", "Nothing."), INLINE],
        ),
    ],
)
def test_a_picture_is_shown_where_the_wire_takes_it(kind: str, model: str, expected: Any) -> None:
    asked = body(kind, PICTURE, model=model)
    assert answered(kind, asked) == expected
    assert refusal(kind, asked) is None


@pytest.mark.parametrize("kind", wires.WIRES)
def test_a_file_that_the_model_cannot_be_shown_is_named(kind: str) -> None:
    asked = body(kind, SOUND, DRAWING, HUGE)
    shown = str(answered(kind, asked))
    for file in (SOUND, DRAWING, HUGE):
        assert NOT_SHOWN.format(file.name, file.mime_type) in shown
        assert str(file.data) not in shown
    assert refusal(kind, asked) is None


@pytest.mark.parametrize("kind", wires.WIRES)
def test_a_document_goes_along(kind: str) -> None:
    asked = body(kind, PLAN)
    assert "JVBERi0x" in str(answered(kind, asked))
    assert refusal(kind, asked) is None


def test_a_server_whose_models_may_have_no_eyes_gets_words_only() -> None:
    asked = body("openai-chat", PICTURE, known=Quirks(is_compatible=True))
    first, second = answered("openai-chat", asked)
    assert first["content"] == f"Drawn.\n{NOT_SHOWN.format('chart.png', 'image/png')}"
    assert second["content"] == "Nothing."


def test_an_error_of_anthropics_wire_holds_words_only() -> None:
    first, _ = answered("anthropic-messages", body("anthropic-messages", PICTURE, is_error=True))
    assert first["content"] == f"Drawn.\n{NOT_SHOWN.format('chart.png', 'image/png')}"
