import json

import pytest

from emulator.mechanics import byte_by_byte, garbled, inside_characters, padded, with_crlf

FRAMES = 'event: one\ndata: {"text":"Grüße 👋"}\n\ndata: {"n":2}\n\ndata: [DONE]\n\n'.encode()
CRLF = FRAMES.replace(b"\n", b"\r\n")


@pytest.mark.parametrize("frames", [FRAMES, CRLF])
@pytest.mark.parametrize("treatment", [byte_by_byte, inside_characters])
def test_cutting_loses_nothing(treatment, frames: bytes):
    assert b"".join(treatment(frames)) == frames


def test_it_cuts_into_single_bytes():
    assert {len(piece) for piece in byte_by_byte(FRAMES)} == {1}


def test_it_cuts_inside_every_character_that_has_more_than_a_byte():
    pieces = list(inside_characters(FRAMES))

    assert len(pieces) == 1 + 1 + 1 + 3
    for piece in pieces:
        with pytest.raises(UnicodeDecodeError):
            piece.decode()


@pytest.mark.parametrize("frames", [FRAMES, CRLF])
def test_it_ends_lines_as_windows_does(frames: bytes):
    assert b"".join(with_crlf(frames)) == CRLF


@pytest.mark.parametrize("frames", [FRAMES, CRLF])
def test_it_spoils_the_json_of_the_first_event_only(frames: bytes):
    spoiled = b"".join(garbled(frames)).replace(b"\r\n", b"\n")

    first, second, _ = (line for line in spoiled.split(b"\n") if line.startswith(b"data: "))
    with pytest.raises(ValueError, match=r"."):
        json.loads(first[6:])
    assert json.loads(second[6:]) == {"n": 2}
    assert spoiled.count(b"\n") == FRAMES.count(b"\n")


@pytest.mark.parametrize("frames", [FRAMES, CRLF])
def test_it_makes_a_line_long_without_changing_its_meaning(frames: bytes):
    long = b"".join(padded(1000)(frames))

    line = next(line for line in long.split(b"\n") if line.startswith(b"data: "))
    assert len(line) > 1000
    assert json.loads(line[6:]) == {"text": "Grüße 👋"}
    assert len(long) == len(frames) + 1000
