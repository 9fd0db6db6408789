"""The bytes of real streams are read alike in every form that the rules of event streams allow."""

import random
import re
from collections.abc import Callable, Iterator

import pytest

from providers.framing.event_stream import EventStream
from providers.types import Json
from tests.contract.reading import Recording, events, recordings

RECORDINGS = recordings()
ABSENT = pytest.param(None, marks=pytest.mark.skip(reason="there are no recordings beside the project"))
CASES = [pytest.param(each, id=f"{each.wire}/{each.name}") for each in RECORDINGS] or [ABSENT]


def with_mark(sse: bytes) -> bytes:
    return b"\xef\xbb\xbf" + sse.removeprefix(b"\xef\xbb\xbf")


def with_carriage_returns(sse: bytes) -> bytes:
    return re.sub(rb"\r?\n", b"\r", sse)


def with_both(sse: bytes) -> bytes:
    return re.sub(rb"\r?\n", b"\r\n", sse)


def with_comments(sse: bytes) -> bytes:
    """Put a comment, an id and a pause for reconnecting behind each event."""
    return re.sub(rb"(\r?\n\r?\n)", rb"\1: still here\nid: 7\nretry: 3000\n", sse)


def in_one_piece(sse: bytes) -> Iterator[bytes]:
    yield sse


def byte_by_byte(sse: bytes) -> Iterator[bytes]:
    """Yield single bytes of the first 200 KB, which is most recordings whole, and then the rest."""
    for index in range(min(len(sse), 200_000)):
        yield sse[index : index + 1]
    yield sse[200_000:]


def anywhere(sse: bytes) -> Iterator[bytes]:
    chance = random.Random(len(sse))
    position = 0
    while position < len(sse):
        size = chance.choice((1, 2, 7, 100, 4_096))
        yield sse[position : position + size]
        position += size


def read(pieces: Iterator[bytes]) -> tuple[list[Json], EventStream]:
    stream = EventStream(longest_event=10**9)
    found = [data for piece in pieces for _, data in stream.feed(piece)]
    found += [data for _, data in stream.finish()]
    return found, stream


@pytest.mark.parametrize(
    ("form", "cut"),
    [
        (bytes, byte_by_byte),
        *((form, anywhere) for form in (bytes, with_mark, with_carriage_returns, with_both, with_comments)),
    ],
)
@pytest.mark.parametrize("recording", CASES)
def test_every_form_and_cut_gives_the_same_events(
    recording: Recording, form: Callable[[bytes], bytes], cut: Callable[[bytes], Iterator[bytes]]
) -> None:
    expected, _ = read(in_one_piece(recording.sse))
    found, stream = read(cut(form(recording.sse)))
    assert found == expected
    if stream.failure is None:
        # A gateway put a blank before its first line, which the reader forgives.
        assert found == events(recording.sse.lstrip(b" "))
