"""What of an answer counts as content."""

import pytest

from providers.types import Part, ProviderItemPart, ReasoningPart, TextPart, ToolCallPart
from providers.wires.emptiness import has_content


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        pytest.param([], False, id="nothing"),
        pytest.param([ReasoningPart(text="Let me see.", sealed="s")], False, id="thoughts"),
        pytest.param([TextPart(text=" \n\t")], False, id="blanks"),
        pytest.param([TextPart(text="\u200b\n\ufeff \u200b")], False, id="characters that show nothing"),
        pytest.param([ReasoningPart(text="Hm"), TextPart(text="\n.")], True, id="a full stop"),
        pytest.param([TextPart(text="\u00ad\u200e\u2066")], False, id="marks of format"),
        pytest.param([TextPart(text="\x00\x1b")], False, id="controls"),
        pytest.param([TextPart(text="\u2800\u3164\ufe0f")], False, id="fillers"),
        pytest.param([TextPart(text="\u2764\ufe0f")], True, id="a heart with its variant"),
        pytest.param([ToolCallPart(id="c", name="look", arguments="{}")], True, id="a call"),
        pytest.param([ProviderItemPart(kind="image", data={})], True, id="an item"),
    ],
)
def test_it_asks_for_words_a_call_or_an_item(parts: list[Part], expected: bool) -> None:
    assert has_content(parts) is expected
