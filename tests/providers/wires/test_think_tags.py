"""Thoughts in tags, however the words are cut."""

import pytest

from providers.wires._think_tags import ThinkTags
from tests.compatibility import understood

#: The whole text, the thoughts and the words in it.
TEXTS = [
    understood(
        "<think>\nOne plus one.</think>\n\nTwo.",
        "\nOne plus one.",
        "\n\nTwo.",
        server="vLLM",
        oddity="Thoughts between `<think>` tags at the beginning of the words are thoughts.",
        id="thoughts before the answer",
    ),
    pytest.param("\n <think>A</think>B", "A", "B", id="blanks before the tag"),
    pytest.param("<think></think>B", "", "B", id="an empty thought"),
    pytest.param("<thinking>A</thinking>B", "A", "B", id="another family"),
    pytest.param("[THINK]A[/THINK]B", "A", "B", id="Mistral's tags"),
    pytest.param("◁think▷A◁/think▷B", "A", "B", id="Kimi's tags"),
    pytest.param("<|START_THINKING|>A<|END_THINKING|>B", "A", "B", id="Cohere's tags"),
    pytest.param("<Think>A</THINK>B", "A", "B", id="any case"),
    pytest.param("<longcat_think>A</longcat_think>B", "A", "B", id="LongCat's tags"),
    understood(
        "<|channel|>analysis<|message|>A<|end|><|start|>assistant<|channel|>final<|message|>B",
        "A",
        "B",
        server="llama.cpp",
        oddity="The channels of gpt-oss are told apart where the server passes their marks on.",
        id="gpt-oss's channels",
    ),
    pytest.param("<|channel|>final<|message|>B", "", "B", id="gpt-oss's last channel alone"),
    pytest.param("<|channel|>final<|message|>B<|return|>", "", "B", id="gpt-oss's end"),
    pytest.param(
        "<|channel|>analysis<|message|>A<|end|><|start|>assistant<|channel|>commentary<|message|>B <|end|>"
        "<|start|>assistant<|channel|>final<|message|>C\nD<|return|>",
        "A",
        "B C\nD",
        id="gpt-oss's preamble",
    ),
    pytest.param("<|channel|>final<|message|>1 <|2", "", "1 <|2", id="what only begins gpt-oss's end"),
    understood(
        "<|START_THINKING|>A<|END_THINKING|><|START_RESPONSE|>B\n<|END_RESPONSE|>",
        "A",
        "B\n",
        server="vLLM",
        oddity="The marks around the answers of Command models, and the `<answer>` behind a thought, are not said.",
        id="Cohere's answer",
    ),
    pytest.param("<think>A</think>\n<answer>B</answer>", "A", "B", id="Hunyuan's answer"),
    pytest.param("<answer>B</answer>", "", "<answer>B</answer>", id="an answer that begins with a tag"),
    pytest.param("<|channel>thought\nA<channel|>B", "\nA", "B", id="Gemma's channel"),
    pytest.param("İ<think>A</think>", "", "İ<think>A</think>", id="a letter that is longer in lower case"),
    pytest.param("<think>İ</think>B", "İ", "B", id="such a letter within a thought"),
    pytest.param("<think>A</think><think>B</think>C", "AB", "C", id="two thoughts"),
    pytest.param("<think>A</think>B\n<think>C</think>D", "AC", "B\nD", id="a later thought"),
    pytest.param("<think>A</think>Say <think> twice", "A", "Say <think> twice", id="a tag within a line"),
    pytest.param("<think>a < b </thi</think>C", "a < b </thi", "C", id="half a tag within a thought"),
    pytest.param("<think>A</think>1 < 2", "A", "1 < 2", id="a sign that begins no tag"),
    pytest.param("<think>never closed", "never closed", "", id="never closed"),
    understood(
        "</think>B",
        "",
        "B",
        server="SGLang",
        oddity="A closing tag that is left at the beginning of the words is dropped.",
        id="a closing tag that was left",
    ),
    pytest.param(
        "Use <think> for it.\n<think>x", "", "Use <think> for it.\n<think>x", id="an answer about tags"
    ),
    pytest.param("<thin air>", "", "<thin air>", id="no tag"),
    pytest.param("<think", "", "<think", id="half a tag"),
    pytest.param("  Hi ", "", "  Hi ", id="blanks"),
    pytest.param("  ", "", "  ", id="nothing but blanks"),
    pytest.param("", "", "", id="nothing"),
]


def split(pieces: list[str]) -> tuple[str, str]:
    tags = ThinkTags()
    found = [part for piece in pieces for part in tags.split(piece)] + tags.flush()
    assert all(text for _, text in found)
    return (
        "".join(text for is_thought, text in found if is_thought),
        "".join(text for is_thought, text in found if not is_thought),
    )


@pytest.mark.parametrize(("text", "thoughts", "words"), TEXTS)
def test_it_separates_thoughts_wherever_the_text_is_cut(text: str, thoughts: str, words: str) -> None:
    cuts = [[text], list(text), *([text[:at], text[at:]] for at in range(len(text)))]
    cuts += [[text[:at], text[at : at + 3], text[at + 3 :]] for at in range(len(text))]
    for pieces in cuts:
        assert split(pieces) == (thoughts, words), pieces


def test_words_are_not_held_longer_than_they_may_begin_a_tag() -> None:
    tags = ThinkTags()
    assert tags.split("<") == []
    assert tags.split("b>") == [(False, "<b>")]
    assert tags.split(" <think>") == [(False, " <think>")]


def test_an_answer_in_one_piece_may_lack_the_opening_tag_that_stood_in_the_prompt() -> None:
    assert split(["One plus one.\n</think>\n\nTwo."]) == ("One plus one.\n", "\n\nTwo.")
    assert split(["Close it with </think> please."]) == ("", "Close it with </think> please.")


def test_a_flood_of_blanks_is_passed_on_and_a_tag_behind_it_counts() -> None:
    tags = ThinkTags()
    passed = sum(len(piece) for _ in range(50) for _, piece in tags.split(" " * 100))
    assert passed > 4_000
    assert tags.split("<think>A</think>B") == [(True, "A"), (False, "B")]
