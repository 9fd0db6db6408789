"""What a model reads of an MCP server's answer."""

from typing import Any

import pytest

from runs.toolbox.mcp.results import answer_in
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
            [{"type": "resource", "resource": {"uri": "file:///a.txt", "text": "words"}}],
            None,
            "file:///a.txt:\nwords",
        ),
        (
            [{"type": "resource_link", "uri": "file:///b", "name": "b", "mimeType": "text/csv"}],
            None,
            "[link: file:///b, b, text/csv]",
        ),
        # What no specification knows.
        ([text("one"), {"type": "smell", "data": "x"}, text("two")], None, "one\n[smell: not shown]\ntwo"),
        ([{"data": "x"}], None, "[something without a type: not shown]"),
        ([{"type": 7}, None, "plain", 3], None, "[7: not shown]\nplain\n3"),
        ([{"text": "no type"}], None, "no type"),
        ([{"type": "text"}], None, "[text: not shown]"),
        ([{"type": "image", "data": "*", "mimeType": "image/png"}], None, "[image, image/png: not shown]"),
        ([{"type": "image", "mimeType": 5}], None, "[image, 5: not shown]"),
        ([{"type": "resource", "resource": "file:///a"}], None, "[resource: not shown]"),
        ([{"type": "TEXT", "text": "in capitals"}], None, "in capitals"),
        ([{"type": "markdown", "text": "of another type"}], None, "of another type"),
        ([{"type": "text", "text": {"a": 1}}], None, '{"a":1}'),
        ([{"type": "json", "json": {"a": 1}}], None, '{"a":1}'),
        ("all in a text", None, "all in a text"),
        (text("one block"), None, "one block"),
        (None, None, ""),
        (None, [1, 2], "[1,2]"),
        ({"type": "smell"}, None, "[smell: not shown]"),
    ],
)
def test_it_gives_words_and_data_and_names_the_rest(content: Any, data: Any, expected: str) -> None:
    answer = answer_in({"content": content, "structuredContent": data})
    assert answer.text == expected
    assert answer.files == ()


@pytest.mark.parametrize(
    ("block", "expected", "content", "name"),
    [
        (
            {"type": "image", "data": "iVBORw==", "mimeType": "image/png"},
            "[image, image/png, 4 bytes]",
            b"\x89PNG",
            "",
        ),
        # A data URL, and Base64 for addresses without its padding.
        (
            {"type": "image", "data": "data:image/png;base64,iVBORw==", "mimeType": "image/png"},
            "[image, image/png, 4 bytes]",
            b"\x89PNG",
            "",
        ),
        (
            {"type": "audio", "data": "_-8", "mimeType": "audio/wav"},
            "[audio, audio/wav, 2 bytes]",
            b"\xff\xef",
            "",
        ),
        (
            {"type": "resource", "resource": {"uri": "file:///maps/a.bin", "blob": "AAAA"}},
            "[file, file:///maps/a.bin, 3 bytes]",
            b"\0\0\0",
            "a.bin",
        ),
    ],
)
def test_pictures_and_files_are_kept_beside_the_text(
    block: Any, expected: str, content: bytes, name: str
) -> None:
    answer = answer_in({"content": [text("Look:"), block]})
    assert answer.text == f"Look:\n{expected}"
    assert [(file.content, file.name) for file in answer.files] == [(content, name)]


@pytest.mark.parametrize(
    ("content", "expected"),
    [([text("The river is dry.")], "The river is dry."), ([], "The tool failed, and did not say why.")],
)
def test_a_result_that_says_that_it_is_an_error_is_one(content: Any, expected: str) -> None:
    with pytest.raises(ToolError) as caught:
        answer_in({"content": content, "isError": True})
    assert str(caught.value) == expected


@pytest.mark.parametrize("result", [None, 3, ["a list"]])
def test_what_is_no_result_says_that_the_tool_was_executed(result: Any) -> None:
    with pytest.raises(ToolError, match="The tool was executed, but"):
        answer_in(result)


def test_no_content_is_an_empty_answer() -> None:
    assert answer_in({}).text == ""


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        ("words alone", "words alone"),
        ([text("a list of blocks")], "a list of blocks"),
        ({"toolResult": {"a": 1}}, '{"a":1}'),
        ({"output": "of its own", "_meta": {"x": 1}}, '{"output":"of its own"}'),
        ({"_meta": {"x": 1}}, ""),
    ],
)
def test_what_stands_in_place_of_a_result_is_read(result: Any, expected: str) -> None:
    assert answer_in(result).text == expected


@pytest.mark.parametrize("failed", [{"isError": "true"}, {"is_error": True}])
def test_a_failure_may_be_marked_oddly(failed: dict[str, Any]) -> None:
    with pytest.raises(ToolError, match="No pump"):
        answer_in({"content": [text("No pump.")], **failed})
