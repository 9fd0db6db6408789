"""What models can by the names of their families, whoever serves them."""

import pytest

from providers.usage import model_facts
from providers.usage.model_families import abilities_of

READS = {"images", "documents"}
CASES = {
    "claude-sonnet-4-5": READS | {"tools", "thinking"},
    "us.anthropic.claude-3-5-haiku-20241022-v1:0": READS | {"tools"},
    "claude-2.1": set(),
    "gpt-4o": READS | {"tools"},
    "openai/gpt-5-mini": READS | {"tools", "thinking"},
    "gpt-3.5-turbo": {"tools"},
    "gpt-4o-search-preview": set(),
    "o3-mini": {"tools", "thinking"},
    "o1-mini": {"thinking"},
    "gpt-oss-120b": {"tools", "thinking"},
    "gemini-2.5-pro": READS | {"audio", "tools", "thinking"},
    "gemini-2.0-flash": READS | {"audio", "tools"},
    "grok-4-fast-non-reasoning": {"images", "tools"},
    "deepseek-reasoner": {"tools", "thinking"},
    "meta-llama/Llama-4-Scout-17B": {"images", "tools"},
    "GLM-4.5": {"tools", "thinking"},
    "text-embedding-3-large": set(),
    "my-own-model": set(),
}


@pytest.mark.parametrize(("name", "expected"), CASES.items(), ids=CASES)
def test_a_familys_abilities_are_those_of_its_models(name: str, expected: set[str]) -> None:
    assert abilities_of(name) == expected


def test_models_are_offered_whose_context_the_price_list_does_not_know() -> None:
    names = model_facts.priced_names("gemini")
    facts = {name: model_facts.about("gemini", name) for name in names}
    assert facts["gemini-2.5-pro"].abilities
    assert facts["gemini-2.5-pro"].input_price
    assert all(each.context_window or each.abilities for each in facts.values())
