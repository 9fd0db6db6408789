"""What a model reads of an MCP server's answer."""

from typing import Any

import pytest
from mcp.types import CallToolResult

from runs.toolbox.mcp.results import text_of
from runs.toolbox.tool import ToolError


def text(words: str) -> dict[str, Any]:
    return {"type": "text", "text": words}


@pytest.mark.parametrize(
    ("content", "data", "expected"),
    [
        ([text("one"), text("two")], None, "one\ntwo"),
        ([], None, ""),
        ([], {"a": 1}, '{"a":1}'),
        # Said twice, as the protocol asks servers to.
        ([text('{\n  "a": 1\n}')], {"a": 1}, '{\n  "a": 1\n}'),
        ([text("3")], {"result": 3}, "3"),
        ([text("three")], {"result": "three"}, "three"),
        ([text("1"), text("2")], {"result": [1, 2]}, "1\n2"),
        # Words and data that are not the same.
        ([text("Two rivers.")], {"rivers": 2}, 'Two rivers.\n{"rivers":2}'),
        ([text("1")], {"result": [1, 2]}, '1\n{"result":[1,2]}'),
        ([text("[" * 5000)], {"a": "\ud800\0"}, "[" * 5000 + '\n{"a":"\ufffd\ufffd"}'),
        ([text("nul \0")], None, "nul \ufffd"),
        (
            [{"type": "image", "data": "AAAA", "mimeType": "image/png"}],
            None,
            "[image, image/png, 3 bytes: not shown]",
        ),
        (
            [{"type": "audio", "data": "AA==", "mimeType": "audio/wav"}],
            None,
            "[audio, audio/wav, 1 bytes: not shown]",
        ),
        (
            [{"type": "resource", "resource": {"uri": "file:///a.txt", "text": "words"}}],
            None,
            "file:///a.txt:\nwords",
        ),
        (
            [{"type": "resource", "resource": {"uri": "file:///a.bin", "blob": "AAAA"}}],
            None,
            "[file, file:///a.bin, 3 bytes: not shown]",
        ),
        (
            [{"type": "resource_link", "uri": "file:///b", "name": "b", "mimeType": "text/csv"}],
            None,
            "[file, file:///b, text/csv: not shown]",
        ),
    ],
)
def test_it_gives_words_and_data_and_names_the_rest(content: Any, data: Any, expected: str) -> None:
    result = CallToolResult.model_validate({"content": content, "structuredContent": data})
    assert text_of(result) == expected


@pytest.mark.parametrize(
    ("content", "expected"),
    [([text("The river is dry.")], "The river is dry."), ([], "The tool failed, and did not say why.")],
)
def test_a_result_that_says_that_it_is_an_error_is_one(content: Any, expected: str) -> None:
    with pytest.raises(ToolError) as caught:
        text_of(CallToolResult.model_validate({"content": content, "isError": True}))
    assert str(caught.value) == expected
