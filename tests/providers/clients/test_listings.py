"""What servers say of their models in their lists, each in fields of its own."""

from typing import Any

import pytest

from providers.clients.listings import models_in
from providers.types.listed_model import Ability, ListedModel


@pytest.mark.parametrize(
    ("entry", "window", "abilities"),
    [
        pytest.param({}, None, set(), id="openai"),
        pytest.param(
            {
                "max_input_tokens": 200_000,
                "capabilities": {
                    "image_input": {"supported": True},
                    "pdf_input": {"supported": True},
                    "thinking": {"supported": True, "types": {}},
                    "batch": {"supported": True},
                },
            },
            200_000,
            {Ability.IMAGES, Ability.DOCUMENTS, Ability.THINKING},
            id="anthropic",
        ),
        pytest.param(
            {
                "context_length": 131_072,
                "architecture": {"input_modalities": ["text", "image", "file", "audio"]},
                "supported_parameters": ["temperature", "tools", "reasoning"],
            },
            131_072,
            set(Ability),
            id="openrouter",
        ),
        pytest.param(
            {"max_context_length": 32_768, "capabilities": {"vision": True, "function_calling": False}},
            32_768,
            {Ability.IMAGES},
            id="mistral",
        ),
        pytest.param({"context_window": 8_192}, 8_192, set(), id="groq"),
        pytest.param({"max_model_len": 4_096}, 4_096, set(), id="vllm"),
        pytest.param(
            {"type": "vlm", "max_context_length": 1_000, "capabilities": ["tool_use"]},
            1_000,
            {Ability.IMAGES, Ability.TOOLS},
            id="lmstudio",
        ),
        pytest.param(
            {"supports_tools": True, "supports_image_input": False, "context_length": 10},
            10,
            {Ability.TOOLS},
            id="fireworks",
        ),
        pytest.param({"thinking": True, "input_token_limit": 7}, 7, {Ability.THINKING}, id="gemini"),
        pytest.param(
            {
                "context_length": "many",
                "max_model_len": True,
                "context_window": -1,
                "max_input_tokens": 10**12,
                "capabilities": 7,
                "architecture": {"input_modalities": [None, {}]},
                "supported_parameters": "tools",
            },
            None,
            set(),
            id="odd types",
        ),
    ],
)
def test_what_an_entry_says_is_understood(
    entry: dict[str, Any], window: int | None, abilities: set[Ability]
) -> None:
    told = models_in({"data": [{"id": "m", "display_name": "Model M", **entry}]})
    assert told == (
        ListedModel(name="m", title="Model M", context_window=window, abilities=frozenset(abilities)),
    )


def test_names_come_once_in_their_order_and_odd_ones_not_at_all() -> None:
    data = [{"id": "b"}, {"id": "a"}, {"id": "b"}, {"id": 7}, {"id": " "}, None, "c"]
    assert [model.name for model in models_in(data)] == ["b", "a"]


@pytest.mark.parametrize("answer", [None, "text", 7, {"data": "text"}])
def test_anything_else_is_no_list(answer: object) -> None:
    with pytest.raises(ValueError, match="no list of models"):
        models_in(answer)
