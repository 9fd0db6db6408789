"""Titles are first words as a person reads them, without the signs of Markdown."""

import time

import pytest

from runs.models.conversation import TITLE_LENGTH
from runs.store.titles import title_of


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("# How a runnel finds its way\n\nMore", "How a runnel finds its way More"),
        ("**Bold** and *soft* and `code` and ~~gone~~", "Bold and soft and code and gone"),
        ("***both***, __strong__, _low_", "both, strong, low"),
        ("> quoted\n> again", "quoted again"),
        ("- one\n- two\n3. three\n4) four", "one two three four"),
        ("- # `deep`", "deep"),
        ("See [the docs](https://example.org/x) and ![a cat](cat.png)", "See the docs and a cat"),
        ("```python\nprint(1)\n```", "print(1)"),
        ("``a `b` c``", "a b c"),
        # What is no mark stays.
        ("5 * 3 * 2 and snake_case_name and 2**8", "5 * 3 * 2 and snake_case_name and 2**8"),
        ("#hashtag and C# and 1.5", "#hashtag and C# and 1.5"),
        ("a [note] (aside)", "a [note] (aside)"),
        ("#", "#"),
        ("# ", "#"),
        ("**", "**"),
        ("   \n\n  spaced \t out  ", "spaced out"),
        ("\u200b\u2800", ""),
    ],
)
def test_a_title_has_no_signs_of_markdown(text: str, title: str) -> None:
    assert title_of([{"text": text}]) == title


def test_a_title_is_one_line_of_so_many_characters() -> None:
    title = title_of([{"text": "word " * 100}])
    assert len(title) <= TITLE_LENGTH
    assert title.endswith("word…")


@pytest.mark.parametrize(
    "text", ["[" * 65_536, "*" * 65_536, "_a" * 32_768, "`a " * 20_000, "> " * 32_768, "[a](" * 16_384]
)
def test_a_hostile_message_costs_no_time(text: str) -> None:
    begin = time.process_time()
    title_of([{"text": text}])
    assert time.process_time() - begin < 1.0
