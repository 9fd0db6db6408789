"""A provider's own form of a message is stored without the texts of its parts, and comes back as it was."""

import json
from typing import Any

import pytest

from runs.store import native

TEXT = "It flows downhill. " * 50
ARGUMENTS = json.dumps({"words": TEXT})
PARTS: list[dict[str, Any]] = [
    {"kind": "reasoning", "text": "Think. " * 30},
    {"kind": "text", "text": TEXT, "annotations": []},
    {"kind": "tool_call", "id": "c", "name": "say", "arguments": ARGUMENTS, "complete": True},
    {"kind": "text", "text": "Short."},
]

OWN: list[list[Any]] = [
    [{"role": "assistant", "content": TEXT}],
    [{"role": "assistant", "content": [{"type": "text", "text": TEXT}, {"type": "text", "text": "Short."}]}],
    [
        {"type": "reasoning", "summary": [{"text": "Think. " * 30}], "encrypted_content": "x" * 500},
        {"type": "function_call", "arguments": ARGUMENTS, "call_id": "c"},
    ],
    [{"input": {"words": TEXT}, "more": [None, 1, 2.5, True, {"": []}]}],
]


@pytest.mark.parametrize("own", OWN)
def test_it_comes_back_as_it_was_and_is_shorter(own: list[Any]) -> None:
    stored = json.loads(json.dumps(native.shortened(own, PARTS)))
    assert len(json.dumps(stored)) < len(json.dumps(own)) - 500 or TEXT not in json.dumps(
        own[0].get("content")
    )
    assert native.whole(stored, PARTS) == own


@pytest.mark.parametrize(
    "own",
    [
        [],
        [{"role": "assistant", "content": "Short."}],
        [{"runnel:part": [1, "text"]}],
        [{"content": TEXT, "input": {"runnel:part": [0, "text"]}}],
        [{"content": TEXT, "input": [{"runnel:part": None}]}],
    ],
)
def test_what_has_nothing_in_common_or_looks_like_a_reference_is_stored_as_it_is(own: list[Any]) -> None:
    assert native.shortened(own, PARTS) == own
    if own[:1] != [{"runnel:part": None}]:
        assert native.whole(own, PARTS) == own


def test_a_row_of_an_earlier_version_is_read_as_it_is() -> None:
    assert native.whole([{"content": TEXT}], PARTS) == [{"content": TEXT}]
