"""Parts of messages, as they are stored and as they come back."""

import json

import pytest

from providers.types import (
    MediaPart,
    Part,
    ProviderItemPart,
    ReasoningPart,
    Role,
    TextPart,
    ToolCallPart,
    ToolResultPart,
)
from runs.store import history


@pytest.mark.parametrize(
    "part",
    [
        TextPart(text="Hi", refusal=True, annotations=({"url": "https://example.org"},)),
        MediaPart(kind="image", mime_type="image/png", data="iVBORw0K", name="a.png"),
        MediaPart(kind="video", mime_type="", url="https://example.org/a.mp4"),
        ReasoningPart(text="Hm", sealed="sig"),
        ToolCallPart(id="c1", name="look", arguments="{", complete=False),
        ToolResultPart(call_id="c1", name="look", content="a wall", is_error=True),
        ProviderItemPart(kind="web_search_call", data={"kind": "theirs"}),
    ],
    ids=lambda part: type(part).__name__,
)
def test_a_part_comes_back_as_it_was_stored(part: Part) -> None:
    stored = json.loads(json.dumps(history.part_to_json(part)))
    assert history.part_from_json(stored) == part
    message = history.user_message([{**stored, "file": "some-id"} if stored["kind"] == "media" else stored])
    assert (message.role, message.parts) == (Role.USER, (part,))
