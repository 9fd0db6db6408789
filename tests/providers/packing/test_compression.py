from hypothesis import given
from hypothesis import strategies as st

from providers.packing.compression import compressed, decompressed


@given(st.binary())
def test_what_was_compressed_comes_back(data: bytes) -> None:
    assert decompressed(compressed(data)) == data


def test_repeated_text_becomes_small() -> None:
    text = b"What is said twice is stored once. " * 100
    assert len(compressed(text)) < len(text) / 20
