"""How bytes become events: by the rules of event streams, and where servers leave them."""

import pytest

from providers.framing.event_data import StreamEvent
from providers.framing.oddities import Oddity
from tests.compatibility import understood
from tests.providers.framing.reading import ERROR, MARK, A, B, plain, read

ROWS = [
    pytest.param(b'data: {"a": 1}\n\ndata: {"b": "zwei"}\n\n', plain(A, B), set(), id="line feeds"),
    pytest.param(
        b'data: {"a": 1}\r\n\r\ndata: {"b": "zwei"}\r\n\r\n',
        plain(A, B),
        {Oddity.CARRIAGE_RETURN},
        id="CR LF",
    ),
    pytest.param(
        b'data: {"a": 1}\r\rdata: {"b": "zwei"}\r\r', plain(A, B), {Oddity.CARRIAGE_RETURN}, id="CR"
    ),
    understood(
        MARK + b'data: {"a": 1}\n\n',
        plain(A),
        {Oddity.BYTE_ORDER_MARK},
        server="Any server",
        oddity="A byte order mark before the stream is skipped.",
        id="byte order mark",
    ),
    pytest.param(
        b'data: {"a": 1}\n\n' + MARK + b'data: {"b": "zwei"}\n\n',
        plain(A, B),
        {Oddity.BYTE_ORDER_MARK},
        id="byte order mark between joined streams",
    ),
    pytest.param(b'data:{"a": 1}\n\n', plain(A), set(), id="no blank after the colon"),
    pytest.param(b'  data: {"a": 1}\n\n', plain(A), set(), id="indented field"),
    pytest.param(
        b': one\ndata: {"a": 1}\n: two\n\n:\n\ndata: {"b": "zwei"}\n\n',
        plain(A, B),
        {Oddity.COMMENT},
        id="comments",
    ),
    pytest.param(
        b'id: 7\nretry: 300\n\nid\ndata: {"a": 1}\nretry: x\n\n',
        plain(A),
        {Oddity.ID, Oddity.RETRY},
        id="id, retry",
    ),
    pytest.param(b'data: {"a":\ndata: 1}\n\n', plain(A), {Oddity.MULTI_LINE_DATA}, id="data on two lines"),
    understood(
        b'event: chunk\n\ndata\n\ndata: \n\ndata: {"a": 1}\n\n',
        plain(A),
        {Oddity.EMPTY_EVENT},
        server="Any server",
        oddity="An event without data is no event.",
        id="empty events",
    ),
    pytest.param(b'event: step\ndata: {"a": 1}\n\n', [("step", A)], set(), id="name"),
    pytest.param(
        b'data: {"a": 1}\nevent: step\n\ndata: {"b": "zwei"}\n\n',
        [("step", A), ("", B)],
        set(),
        id="name last",
    ),
    pytest.param(
        b'data: {"a": 1}\n\ndata: [DONE]\n\ndata: {"b": "zwei"}\n\n', plain(A), {Oddity.DONE}, id="done"
    ),
    pytest.param(b'data: {"a": 1}\ndata: [DONE]\n', plain(A), {Oddity.DONE}, id="done without blank lines"),
    pytest.param(b'data: {"a": 1}\n\n[DONE]\n', plain(A), {Oddity.DONE}, id="bare done"),
    pytest.param(b'data: "[DONE]"\n\n', [], {Oddity.DONE}, id="done as a JSON string"),
    pytest.param(b'data: {"a": "[DONE]"}\n\n', plain({"a": "[DONE]"}), set(), id="done inside the words"),
    pytest.param(b'data: ping\n\ndata: {"a": 1}\n\n', plain(A), {Oddity.KEEPALIVE_WORD}, id="ping as data"),
    pytest.param(
        b'event: heartbeat\ndata: 12:30\n\ndata: {"a": 1}\n\n',
        plain(A),
        {Oddity.KEEPALIVE_WORD},
        id="named heartbeat",
    ),
    pytest.param(
        b'data: 5\n\ndata: null\n\ndata: "x"\n\ndata: {"a": 1}\n\n', plain(A), set(), id="other JSON"
    ),
    understood(
        b'data: {"a": 1}\ndata: {"b": "zwei"}\n\n',
        plain(A, B),
        {Oddity.MULTI_LINE_DATA, Oddity.MERGED_EVENTS},
        server="Any server",
        oddity="Events without a blank line between them are told apart.",
        id="missing blank line",
    ),
    pytest.param(
        b'data: {"a": 1}{"b": "zwei"}\n\n', plain(A, B), {Oddity.MERGED_EVENTS}, id="two values on a line"
    ),
    pytest.param(b'data: [{"a": 1}, {"b": "zwei"}]\n\n', plain(A, B), set(), id="list of events"),
    pytest.param(
        b'data: {"a":\n  1\n}\n\ndata: {"b": "zwei"}\n\n',
        plain(A, B),
        set(),
        id="only the first line has a field",
    ),
    pytest.param(b'data: "{\\"a\\": 1}"\n\n', plain(A), {Oddity.ENCODED_TWICE}, id="encoded twice"),
    understood(
        b'error: {"message": "Out of paper", "code": 507}\n\ndata: [DONE]\n\n',
        [("error", ERROR)],
        {Oddity.ERROR_FIELD, Oddity.DONE},
        server="llama.cpp",
        oddity="An error in a field `error:` of its own is that error.",
        id="error field",
    ),
    pytest.param(
        b'error: {\n "message": "Out of paper",\n "code": 507\n}\n',
        [("error", ERROR)],
        {Oddity.ERROR_FIELD},
        id="error field on several lines",
    ),
    pytest.param(
        b'data: {"a": 1}\n\nerror: Out of paper\n\n',
        [*plain(A), ("error", {"error": {"message": "Out of paper"}})],
        {Oddity.ERROR_FIELD},
        id="error field in words",
    ),
    pytest.param(
        b"event: error\ndata: Out of paper\n\n",
        [("error", {"error": {"message": "Out of paper"}})],
        set(),
        id="error event in words",
    ),
    pytest.param(
        b'event: error\ndata: "Out of paper"\n\n',
        [("error", {"error": {"message": "Out of paper"}})],
        set(),
        id="error event as a JSON string",
    ),
    *(
        pytest.param(
            b'data: {"a": 1}\n\n' + end + b'\n\ndata: {"a": 2}\n\n',
            plain(A),
            {Oddity.DONE},
            id=f"another end: {end!r}",
        )
        for end in (
            b"data: DONE",
            b"data: [done]",
            b"data: [END]",
            b'data: "[DONE]"',
            b"event: done\ndata: {}",
        )
    ),
    pytest.param(b"data: undefined\n\n", [], {Oddity.KEEPALIVE_WORD}, id="nothing, in JavaScript's word"),
    understood(
        b'data: data: {"a": 1}\n\n',
        plain(A),
        {Oddity.ENCODED_TWICE},
        server="One API",
        oddity="An event that a proxy has framed twice is read.",
        id="framed twice",
    ),
    pytest.param(
        b"data: " * 5000 + b'DATA:{"a": 1}\n\n', plain(A), {Oddity.ENCODED_TWICE}, id="framed without end"
    ),
    pytest.param(
        b"event: exception\ndata: Out of paper\n\n",
        [("exception", {"error": {"message": "Out of paper"}})],
        set(),
        id="an error event of another name",
    ),
    pytest.param(
        b"event: error\n\n",
        [("error", {"error": {"message": "The provider sent an error without a description."}})],
        set(),
        id="error event without data",
    ),
    understood(
        b'data: {"a": 1}\n\n{"error": {"message": "Out of paper", "code": 507}}\n',
        plain(A, ERROR),
        {Oddity.BARE_JSON},
        server="Any server",
        oddity="An error as bare JSON between the events is that error.",
        id="bare error",
    ),
    pytest.param(
        b'data: {"a": 1}\n\n{\r\n "error": {\r\n  "message": "Out of paper",\r\n  "code": 507\r\n }\r\n}\r\n',
        plain(A, ERROR),
        {Oddity.BARE_JSON},
        id="bare error on several lines",
    ),
    pytest.param(
        b'data: {"a": 1}\n{"error": {"message": "Out of paper", "code": 507}}\n\n',
        plain(A, ERROR),
        {Oddity.BARE_JSON},
        id="bare error inside an event",
    ),
    pytest.param(
        b'event: error\n{"b": "zwei"}\n\n', [("error", B)], {Oddity.WHOLE_JSON}, id="bare JSON has the name"
    ),
    pytest.param(
        b'{"a": [1,\n\ndata: {"b": "zwei"}\n\n',
        plain(B),
        {Oddity.FOREIGN_TEXT},
        id="half an object, then events",
    ),
    understood(
        b'{"a": 1}',
        plain(A),
        {Oddity.WHOLE_JSON},
        server="Any server",
        oddity="One JSON object instead of a stream is the whole answer.",
        id="whole object",
    ),
    pytest.param(b'\n{\n  "a": 1\n}\n', plain(A), {Oddity.WHOLE_JSON}, id="whole object on several lines"),
    understood(
        b'[{"a": 1}\n,\r\n{"b": "zwei"}\n]\n',
        plain(A, B),
        {Oddity.WHOLE_JSON},
        server="Gemini",
        oddity="A JSON list instead of a stream is read object by object.",
        id="whole list",
    ),
    pytest.param(b'[{"a": 1},{"b": "zwei"}]', plain(A, B), {Oddity.WHOLE_JSON}, id="whole list on one line"),
    pytest.param(
        b'[\n {\n "a": 1\n },\n {"b": "zw',
        plain(A),
        {Oddity.WHOLE_JSON, Oddity.CUT, Oddity.FOREIGN_TEXT},
        id="cut list",
    ),
    pytest.param(b'{"a": 1}\n{"b": "zwei"}\n', plain(A, B), {Oddity.WHOLE_JSON}, id="a JSON object per line"),
    pytest.param(
        b"<!doctype html>\n<script>\n{ x }\n</script>\n",
        [],
        {Oddity.WEB_PAGE, Oddity.FOREIGN_TEXT},
        id="web page",
    ),
    pytest.param(b"Out of paper\n", [], {Oddity.FOREIGN_TEXT}, id="plain text"),
    pytest.param(
        b'data: {"a": 1}\n\nOut of paper', plain(A), {Oddity.FOREIGN_TEXT}, id="plain text at the end"
    ),
    pytest.param(b'colour: red\ndata: {"a": 1}\n\n', plain(A), {Oddity.FOREIGN_TEXT}, id="unknown field"),
    understood(
        b'data: {"a": 1}\n\ndata: {"b": "zwei"}',
        plain(A, B),
        {Oddity.UNTERMINATED},
        server="Any server",
        oddity="The last event counts although no blank line follows.",
        id="no blank line at the end",
    ),
    pytest.param(b'data: {"a": 1}\n\ndata: {"b": "zw', plain(A), {Oddity.CUT}, id="cut event"),
    pytest.param(b'data: {"a": 1}\n\n\n\n', plain(A), set(), id="blank lines at the end"),
    pytest.param(MARK[:2], [], set(), id="half a byte order mark"),
    pytest.param(b"", [], set(), id="nothing"),
    pytest.param(
        b'data: {"a": NaN}\n\ndata: {"b": "\\ud83d"}\n\ndata: {"c": "\xff"}\n\ndata: {"d": "\x01"}\n\n',
        None,
        {Oddity.LENIENT_JSON},
        id="JSON for lenient readers",
    ),
]

table = pytest.mark.parametrize(("data", "events", "oddities"), ROWS)


@table
def test_it_reads(data: bytes, events: list[StreamEvent] | None, oddities: set[Oddity]) -> None:
    found, stream = read(data)
    if events is not None:
        assert found == events
    assert stream.oddities == oddities
    assert stream.failure is None


@table
@pytest.mark.parametrize("size", [1, 2, 7])
def test_it_reads_the_same_in_small_pieces(
    data: bytes, events: object, oddities: set[Oddity], size: int
) -> None:
    pieces = [data[at : at + size] for at in range(0, len(data), size)]
    whole, small = read(data), read(*pieces)
    # Two values that are not equal to themselves have the same text.
    assert repr(small[0]) == repr(whole[0])
    assert small[1].oddities == whole[1].oddities == oddities
    assert small[1].foreign_text == whole[1].foreign_text
