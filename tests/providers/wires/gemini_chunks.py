"""Events of Gemini streams, as the tests put them together."""

from functools import partial
from typing import Any

from providers.types import Json, Origin
from providers.wires import gemini_generate as wire
from tests.providers.wires import playing

HERE = Origin(wire=wire.KIND, provider="gemini", model="gemini-3-pro-preview")
ELSEWHERE = Origin(wire="anthropic-messages", provider="anthropic", model="claude-sonnet-4-6")


def chunk(*parts: Json, finish: str | None = None, usage: Json | None = None, **candidate: Any) -> Json:
    said: Json = {"content": {"role": "model", "parts": list(parts)}, **candidate}
    if finish:
        said["finishReason"] = finish
    counts = {} if usage is None else {"usageMetadata": usage}
    return {"candidates": [said], "responseId": "r1", "modelVersion": "gemini-x", **counts}


def words(text: str, **more: Any) -> Json:
    return {"text": text, **more}


def call(name: str = "look", **fields: Any) -> Json:
    return {"functionCall": {"name": name, **fields}}


def piece(*arguments: Json, goes_on: bool = True) -> Json:
    return {"functionCall": {"partialArgs": list(arguments), "willContinue": goes_on}}


def argument(path: str, value: str, *, goes_on: bool = False) -> Json:
    return {"jsonPath": path, "stringValue": value, **({"willContinue": True} if goes_on else {})}


play = partial(playing.play, wire.KIND)
