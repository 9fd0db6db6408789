"""How many tokens a text has, held against texts of known counts."""

from collections.abc import Callable

import pytest

from providers.usage import text_tokens
from tests.providers.usage.tokenised import COUNTED, TOKENS


@pytest.mark.parametrize("name", COUNTED)
def test_it_is_within_a_seventh_of_the_count(name: str) -> None:
    text, count = COUNTED[name]
    assert text_tokens.estimate(text) == pytest.approx(count, rel=0.15)


@pytest.mark.parametrize(
    ("text", "tokens"), [("", 0), (" ", 1), ("a", 1), ("\n\n", 1), ("—", 1), ("👩‍💻", 3)]
)
def test_it_counts_whatever_is_there(text: str, tokens: int) -> None:
    assert text_tokens.estimate(text) == tokens


def test_a_long_text_is_measured_in_samples_and_takes_no_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    text, count = COUNTED["english"]
    times = 60_000
    measured: list[int] = []

    def watched(sample: str, measure: Callable[[str], float] = text_tokens._measure) -> float:
        measured.append(len(sample))
        return measure(sample)

    monkeypatch.setattr(text_tokens, "_measure", watched)
    estimate = text_tokens.estimate((text + " ") * times)
    assert sum(measured) <= 120_000
    assert estimate == pytest.approx(count * times, rel=0.15)


@pytest.mark.parametrize("name", TOKENS)
def test_a_stream_of_single_tokens_is_counted(name: str) -> None:
    tokens = TOKENS[name]
    assert text_tokens.of_pieces("".join(tokens), len(tokens)) == len(tokens)


@pytest.mark.parametrize(
    "pieces",
    [
        pytest.param(9, id="several tokens in a piece"),
        pytest.param(320, id="a character in a piece"),
        pytest.param(0, id="nobody counted"),
    ],
)
def test_pieces_that_are_no_tokens_are_not_counted(pieces: int) -> None:
    text, _ = COUNTED["english"]
    assert text_tokens.of_pieces(text, pieces) == text_tokens.estimate(text)
