"""How bytes become events: by the rules of event streams, and where servers leave them."""

import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.framing.event_data import StreamEvent
from providers.framing.event_stream import EventStream
from providers.framing.failures import TooLong, Unreadable
from providers.framing.oddities import Oddity
from tests.compatibility import understood

MARK = b"\xef\xbb\xbf"
A, B = {"a": 1}, {"b": "zwei"}
ERROR = {"error": {"message": "Out of paper", "code": 507}}


def read(*pieces: bytes, **options: Any) -> tuple[list[StreamEvent], EventStream]:
    stream = EventStream(**{"longest_event": 100_000, **options})
    events: list[StreamEvent] = []
    for piece in pieces:
        events += stream.feed(piece)
    return events + stream.finish(), stream


def plain(*data: object) -> list[StreamEvent]:
    return [("", value) for value in data if isinstance(value, dict)]


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


def test_lenient_json_keeps_what_can_be_kept() -> None:
    data = b'data: {"a": "\xff", "b": "\\ud83d", "c": 1e999, "d": "\x01", "e": 123456789012345678901}\n\n'
    [(_, value)], _ = read(data)
    assert value == {"a": "\ufffd", "b": "\ud83d", "c": float("inf"), "d": "\x01", "e": 123456789012345678901}


def test_a_long_number_keeps_its_digits() -> None:
    [(_, value)], _ = read(b'data: {"n": 12345678901234567891}\n\n')
    assert value == {"n": 12345678901234567891}


def test_a_name_stands_for_a_type_that_is_missing_where_events_have_types() -> None:
    data = b'event: step\ndata: {"a": 1}\n\nevent: step\ndata: {"type": "t"}\n\n'
    assert read(data, names_are_types=True)[0] == [
        ("step", {"a": 1, "type": "step"}),
        ("step", {"type": "t"}),
    ]


@pytest.mark.parametrize("junk", [b"{no json", b'{"a": 1} and more', b"[1,", b"Hello, world"])
def test_data_that_is_no_json_is_named_and_ends_the_reading(junk: bytes) -> None:
    events, stream = read(b'data: {"a": 1}\n\nevent: e\ndata: ' + junk + b'\n\ndata: {"b": "zwei"}\n\n')
    assert events == plain(A)
    assert stream.failure == Unreadable("e", junk)


def test_junk_at_the_end_is_junk_and_no_cut() -> None:
    _, stream = read(b"data: Hello, world")
    assert stream.failure == Unreadable("", b"Hello, world")


@pytest.mark.parametrize(
    "pieces",
    [
        pytest.param([b"data: " + b"x" * 600, b"x" * 600], id="one line"),
        pytest.param([b"data: " + b"x" * 600 + b"\n"] * 2, id="several lines of one event"),
        pytest.param([b'{"a": [\n'] + [b'"' + b"x" * 300 + b'",\n'] * 4, id="JSON on several lines"),
        pytest.param([b": " + b"x" * 600] * 2, id="a comment"),
    ],
)
def test_a_piece_that_never_ends_is_not_kept(pieces: Sequence[bytes]) -> None:
    _, stream = read(b'data: {"a": 1}\n\n', *pieces, longest_event=1000)
    assert stream.failure == TooLong(1000)


def test_what_belongs_to_no_event_is_kept_up_to_a_limit() -> None:
    _, stream = read(*[b"x" * 1000 + b"\n"] * 100)
    assert 60_000 < len(stream.foreign_text) < 70_000


def test_a_part_of_an_event_is_told_from_a_comment() -> None:
    stream = EventStream(longest_event=1000)
    inside = [
        (stream.feed(piece), stream.is_inside_event)[1]
        for piece in (b": a", b" b\n", b"data: {", b'"a": 1}', b"\n", b"\n", b"{", b"\n", b"}\n")
    ]
    assert inside == [False, False, True, True, True, False, True, True, False]


lines = st.sampled_from(
    [
        b'data: {"a": 1}',
        b'data:{"b": "zwei"}',
        b"data",
        b"data: [DONE]",
        b"data: ping",
        b"event: step",
        b"event: error",
        b"",
        b"",
        b": comment",
        b"retry: 5",
        b'{"a": 1}',
        b"{",
        b'"a": [1, {"x": "}"}]',
        b"}",
        b"[",
        b"]",
        b"error: {",
        b"words",
        b"<html>",
        MARK + b'data: {"c": 3}',
        'data: {"d": "ü\u2028"}'.encode(),
    ]
)
streams = st.lists(st.tuples(lines, st.sampled_from([b"\n", b"\r", b"\r\n"])), max_size=14).map(
    lambda pairs: b"".join(line + end for line, end in pairs)
)


@given(data=st.one_of(streams, streams.map(lambda data: MARK + data), st.binary(max_size=60)), cuts=st.data())
def test_any_cut_gives_the_same_events(data: bytes, cuts: st.DataObject) -> None:
    places = sorted(cuts.draw(st.lists(st.integers(0, len(data)), max_size=12)))
    pieces = [data[start:end] for start, end in zip([0, *places], [*places, len(data)], strict=True)]
    (whole, one), (parts, other) = read(data), read(*pieces)
    assert parts == whole
    assert (other.oddities, other.foreign_text, other.is_done) == (
        one.oddities,
        one.foreign_text,
        one.is_done,
    )
    assert (other.failure is None) == (one.failure is None)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
objects = st.lists(st.dictionaries(st.text(), json_values, max_size=4), max_size=5)


@given(values=objects, indent=st.sampled_from([None, 1]))
def test_what_was_written_is_read(values: list[dict[str, Any]], indent: int | None) -> None:
    texts = [json.dumps(value, indent=indent) for value in values]
    framed = "".join("".join(f"data: {line}\n" for line in text.split("\n")) + "\n" for text in texts)
    expected = plain(*values)
    assert read(framed.encode())[0] == expected
    assert read("\n".join(texts).encode())[0] == expected
    assert read(json.dumps(values, indent=indent).encode())[0] == expected


@given(data=st.binary(max_size=300), prefix=st.sampled_from([b"", b"data: ", b"{", b'[{"a":', b"error: {"]))
def test_no_bytes_raise(data: bytes, prefix: bytes) -> None:
    events, _ = read(prefix + data, longest_event=200)
    assert all(isinstance(value, dict) for _, value in events)
