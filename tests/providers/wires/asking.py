"""What an option adds to the body of a request, and nothing else: cases that carry their own expectation."""

from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

import pytest
from pydantic import TypeAdapter

from providers import wires
from providers.errors import LLMUnsupportedError
from providers.types import (
    ChatMessage,
    Json,
    MediaPart,
    ModelOptions,
    ModelRequest,
    Origin,
    Part,
    Role,
    TextPart,
    ToolSpec,
    quirks,
)
from providers.types.quirks import Quirks

LOOK = ToolSpec(name="look", parameters={"type": "object", "properties": {}})

#: Schemas, and that of an answer with an open object.
STRICT: Json = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}
LOOSE: Json = {"type": "object", "properties": {"city": {"type": "string"}}}

PNG = MediaPart(kind="image", mime_type="image/png", data="iVBORw0K")
PNG_URL = MediaPart(kind="image", mime_type="", url="https://example.org/a.png")
PDF = MediaPart(kind="document", mime_type="application/pdf", data="JVBERi0x", name="plan.pdf")
PDF_URL = MediaPart(kind="document", mime_type="application/pdf", url="https://example.org/a.pdf")
TEXT = MediaPart(kind="document", mime_type="text/markdown", data="IyBIaQ==", name="hi.md")
WAV = MediaPart(kind="audio", mime_type="audio/x-wav", data="UklGRg==")
FILM = MediaPart(kind="video", mime_type="video/mp4", data="AAAA", name="a.mp4")
FILM_URL = MediaPart(kind="video", mime_type="", url="https://example.org/a.mp4")


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One request on top of a greeting."""

    options: dict[str, Any]
    model: str = "some-model"
    tools: tuple[ToolSpec, ...] = ()
    system: str = ""
    quirks: Quirks = quirks.NONE

    def request(self, wire: str, options: ModelOptions) -> ModelRequest:
        return ModelRequest(
            origin=Origin(wire=wire, provider="somewhere", model=self.model),
            messages=(ChatMessage(role=Role.USER, parts=(TextPart(text="Hi"),)),),
            tools=self.tools,
            system=self.system,
            options=options,
            quirks=self.quirks,
        )


@dataclass(frozen=True, kw_only=True)
class Says(Asked):
    """The fields that the options add or change, exactly; of objects only what differs in them."""

    expected: Json = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Refuses(Asked):
    """What the refusal names."""

    about: str


def added(wire: str, case: Asked) -> Json:
    """Return what the options of ``case`` change in its body."""
    module = wires.load(wire)
    plain = module.build_body(case.request(wire, ModelOptions()))
    return difference(plain, module.build_body(case.request(wire, ModelOptions(**case.options))))


def difference(before: Json, after: Json) -> Json:
    assert before.keys() <= after.keys()
    changed: Json = {}
    for name, value in after.items():
        old = before.get(name)
        if isinstance(old, dict) and isinstance(value, dict):
            if inner := difference(old, value):
                changed[name] = inner
        elif old != value:
            changed[name] = value
    return changed


def refused(wire: str, case: Refuses) -> str:
    """Return the sentence by which ``wire`` refuses ``case``, before it is sent and when it would be."""
    request = case.request(wire, ModelOptions(**case.options))
    with pytest.raises(LLMUnsupportedError) as at_start:
        wires.check(request)
    with pytest.raises(LLMUnsupportedError):
        wires.load(wire).build_body(request)
    return at_start.value.message


def shown(wire: str, part: MediaPart) -> Json:
    """Return ``part`` as it stands beside words in the body, where ``wire`` takes it."""
    asked = showing(wire, TextPart(text="Look:"), part)
    wires.check(asked)
    content = said_in(wires.load(wire).build_body(asked))
    assert [item.get("text") for item in content] == ["Look:", None]
    found: Json = content[1]
    return found


def note_of(wire: str, part: MediaPart) -> str:
    """Return what stands in place of ``part``, which ``wire`` refuses when it is new, once it is not."""
    asked = showing(wire, part)
    with pytest.raises(LLMUnsupportedError) as refusal:
        wires.check(asked)
    assert part.kind in refusal.value.message
    content = said_in(wires.load(wire).build_body(asked))
    text: str = content if isinstance(content, str) else content[0]["text"]
    return text


def showing(wire: str, *parts: Part) -> ModelRequest:
    request = Asked(options={}).request(wire, ModelOptions())
    return replace(request, messages=(ChatMessage(role=Role.USER, parts=parts),))


def said_in(body: Json) -> Any:
    turns = next(body[name] for name in ("messages", "input", "contents") if name in body)
    return turns[0].get("content") or turns[0]["parts"]


def check_against(params: Any, wire: str, case: Asked) -> None:
    """Hold the body of ``case`` against the SDK's own type of a request.

    The SDK has no temperature for Anthropic any more; its API has.
    """
    body = wires.load(wire).build_body(case.request(wire, ModelOptions(**case.options)))
    known = params.__required_keys__ | params.__optional_keys__ | {"temperature", "top_p"}
    assert body.keys() <= known | case.options.get("provider_options", {}).keys()
    _adapter(params).validate_python(body)


@cache
def _adapter(params: Any) -> TypeAdapter[Any]:
    return TypeAdapter(params)
