import base64
import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.text.cleaning import SurrogateJoiner, clean, clean_json, from_base64, is_longer, to_base64

#: Any text, half pairs and NUL included.
dirty = st.text(st.characters(codec=None, exclude_categories=()) | st.sampled_from("\x00\ud83d\ude00"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", "plain"),
        ("Grüße 世界 😀", "Grüße 世界 😀"),
        ("a\x00b", "a\ufffdb"),
        ("\ud83d\ude00", "😀"),
        ("\ud83d", "\ufffd"),
        ("\ude00\ud83d", "\ufffd\ufffd"),
        ("\ud83d😀", "\ufffd😀"),
        ("\u2028\u0085", "\u2028\u0085"),
    ],
)
def test_it_joins_pairs_and_replaces_what_cannot_be_stored(text: str, expected: str) -> None:
    assert clean(text) == expected


def test_clean_text_is_passed_on_without_a_copy() -> None:
    text = "nothing to do here 😀"
    assert clean(text) is text


@given(dirty)
def test_whatever_comes_can_be_stored(text: str) -> None:
    cleaned = clean(text)
    cleaned.encode()
    assert "\x00" not in cleaned
    assert clean(cleaned) == cleaned


@given(st.lists(dirty))
def test_pieces_add_up_to_the_whole_and_none_is_broken(pieces: list[str]) -> None:
    seam = SurrogateJoiner()
    out = [seam.feed(piece) for piece in pieces] + [seam.close()]
    for piece in out:
        piece.encode()
    assert "".join(out) == clean("".join(pieces))


def test_a_json_value_is_clean_to_its_last_key() -> None:
    value = {"a\x00": ["\ud83d", {"b": ("\x00", 1, None, 1.5, True)}]}
    assert clean_json(value) == {"a\ufffd": ["\ufffd", {"b": ["\ufffd", 1, None, 1.5, True]}]}
    json.dumps(clean_json(value), ensure_ascii=False).encode()


@pytest.mark.parametrize(
    ("value", "per_value", "expected"),
    [
        ("x" * 10, 0, False),
        ("x" * 11, 0, True),
        ({"a": ["x" * 5, {"b": "x" * 5}], "c": 1_000_000, "d": None}, 0, False),
        ({"a": ["x" * 5, {"b": "x" * 6}]}, 0, True),
        ([1, 2, 3], 4, True),
        (None, 0, False),
    ],
)
def test_it_tells_whether_a_value_is_long(value: object, per_value: int, expected: bool) -> None:
    assert is_longer(value, 10, per_value=per_value) is expected


@pytest.mark.parametrize("size", [0, 1, 2, 3, 299_999, 300_000, 300_001, 900_002])
def test_base64_in_steps_is_base64(size: int) -> None:
    content = bytes(index % 251 for index in range(size))
    written = to_base64(io.BytesIO(content).read)
    assert written == base64.b64encode(content).decode()
    assert from_base64(written) == content


@pytest.mark.parametrize("written", ["no base64", "AAA", "AAAA" * 100_000 + "A"])
def test_what_is_no_base64_is_not_read(written: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        from_base64(written)
