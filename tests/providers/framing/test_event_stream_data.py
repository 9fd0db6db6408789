"""What is kept of data that is odd, and what data that is junk or too long does to a stream."""

from collections.abc import Sequence

import pytest

from providers.framing.event_stream import EventStream
from providers.framing.failures import TooLong, Unreadable
from tests.providers.framing.reading import A, plain, read


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
