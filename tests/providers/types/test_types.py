"""Requests, as they are made over for another model."""

import pytest

from providers.types import ChatMessage, ModelOptions, ModelRequest, Origin, Role, TextPart, quirks
from providers.types.quirks import Quirks

HERE = Origin(wire="anthropic-messages", provider="anthropic", model="claude-sonnet-5-5")


@pytest.mark.parametrize(
    ("there", "own"),
    [
        (Origin(wire="anthropic-messages", provider="anthropic", model="claude-haiku-5-5"), {"top_k": 5}),
        (Origin(wire="anthropic-messages", provider="bedrock", model="claude-sonnet-5-5"), {}),
        (Origin(wire="gemini-generate", provider="gemini", model="gemini-3.8-flash"), {}),
    ],
    ids=["another model", "the same model elsewhere", "another wire"],
)
def test_one_providers_own_fields_are_no_others(there: Origin, own: dict[str, int]) -> None:
    message = ChatMessage(role=Role.USER, parts=(TextPart(text="Hi"),))
    options = ModelOptions(max_output_tokens=9, provider_options={"top_k": 5})
    request = ModelRequest(origin=HERE, messages=(message,), options=options, quirks=quirks.NONE)
    other = request.made_for(there, Quirks(effort=None))
    assert (other.origin, other.quirks, other.messages) == (there, Quirks(effort=None), request.messages)
    assert other.options == ModelOptions(max_output_tokens=9, provider_options=own)
