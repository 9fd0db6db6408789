"""What holds for event streams of any bytes, cut anywhere."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.providers.framing.reading import MARK, plain, read

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
