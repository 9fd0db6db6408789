"""The lines of an MCP server's process: whole, decoded, and bounded."""

import codecs
import json

import pytest

from runs.toolbox.mcp.lines import ENCODING, LineDecoder

TEXT = "Räksmörgås\n\nsecond \U0001f990\r\nthird\n"


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_lines_are_whole_however_their_bytes_are_cut(size: int) -> None:
    decoder, data = LineDecoder(), TEXT.encode() + b"never ended"
    pieces = [decoder.decode(data[start : start + size]) for start in range(0, len(data), size)]
    assert "".join(pieces) == TEXT
    assert all(piece.endswith("\n") for piece in pieces if piece)


@pytest.mark.parametrize("size", [4000, 65_536, 10_000_000])
@pytest.mark.parametrize(
    ("start", "end", "number"),
    [
        ('{"jsonrpc":"2.0","id":7,"result":{"id":1,"text":"', '"}}', 7),
        ('{"id":"a-7","jsonrpc":"2.0","result":{"text":"', '"}}', "a-7"),
        ('{"result":{"id":1,"text":"', '"},"jsonrpc":"2.0","id":8}', 8),
        ('{"result":{"text":"', '"},"id": "b" }', "b"),
        ('{"result":{"id":1,"text":"', '","id":2},"jsonrpc":"2.0"}', None),
    ],
)
def test_a_long_line_becomes_an_error_for_the_request_that_it_names(
    start: str, end: str, number: object, size: int, settings: object
) -> None:
    settings.RUNNEL_MCP_ANSWER_MB = 1  # type: ignore[attr-defined]
    decoder, data = LineDecoder(), f"{start}{'x' * 2**21}{end}\nnext\n".encode()
    text = "".join(decoder.decode(data[at : at + size]) for at in range(0, len(data), size))
    error, after, _ = text.split("\n")
    assert json.loads(error)["id"] == number
    assert json.loads(error)["error"]["data"]
    assert after == "next"


def test_what_is_sent_is_utf_8() -> None:
    assert codecs.encode("å", ENCODING) == "å".encode()
