"""Reads the lists of models that servers send. Pure.

OpenAI's list has names only. Other vendors add what a model can do, each in fields of its own:
https://docs.claude.com/en/api/models-list, https://openrouter.ai/docs/api-reference/list-available-models,
https://docs.mistral.ai/api/endpoint/models, https://console.groq.com/docs/models,
https://docs.fireworks.ai/api-reference/list-models, https://lmstudio.ai/docs/developer/rest. vLLM adds ``max_model_len``.
"""

from collections.abc import Iterator
from typing import Any

from providers.types.listed_model import Ability, ListedModel

#: The fields that count the tokens of a context.
_WINDOWS = (
    "context_length",
    "context_window",
    "max_context_length",
    "max_model_len",
    "max_input_tokens",
    "input_token_limit",
)
#: The most tokens that are taken for a context; more is a mistake.
_MOST_TOKENS = 1_000_000_000
#: The most characters of a title.
_LONGEST_TITLE = 120

#: Words that lists use for abilities: of inputs, of parameters, and of features.
_WORDS = {
    "image": Ability.IMAGES,
    "vision": Ability.IMAGES,
    "image_input": Ability.IMAGES,
    "supports_image_input": Ability.IMAGES,
    "vlm": Ability.IMAGES,
    "file": Ability.DOCUMENTS,
    "pdf_input": Ability.DOCUMENTS,
    "audio": Ability.AUDIO,
    "thinking": Ability.THINKING,
    "reasoning": Ability.THINKING,
    "tools": Ability.TOOLS,
    "tool_use": Ability.TOOLS,
    "function_calling": Ability.TOOLS,
    "supports_tools": Ability.TOOLS,
}


def models_in(answer: object) -> tuple[ListedModel, ...]:
    """Return the models of a list as OpenAI and Anthropic send it; a few servers send a bare list.

    Raises:
        ValueError: ``answer`` is no list of models.
    """
    items = answer.get("data") or [] if isinstance(answer, dict) else answer
    if not isinstance(items, list):
        raise ValueError("what came is no list of models")
    named = (item for item in items if isinstance(item, dict) and _is_name(item.get("id")))
    models: dict[str, ListedModel] = {}
    for item in named:
        models.setdefault(item["id"], described(item["id"], item))
    return tuple(models.values())


def described(name: str, said: dict[str, Any]) -> ListedModel:
    """Return the model ``name`` with what ``said``, its entry in a list, tells of it. Unknown fields are ignored."""
    title = next((said[key] for key in ("display_name", "name") if _is_name(said.get(key))), "")
    return ListedModel(
        name=name,
        title="" if title == name else title[:_LONGEST_TITLE],
        context_window=next((said[key] for key in _WINDOWS if _is_count(said.get(key))), None),
        abilities=frozenset(_WORDS[word] for word in _words(said) if word in _WORDS),
    )


def _words(said: dict[str, Any]) -> Iterator[str]:
    """Return the words with which an entry may name abilities."""
    architecture = said.get("architecture")
    inputs = architecture.get("input_modalities") if isinstance(architecture, dict) else None
    for found in (
        inputs,
        said.get("input_modalities"),
        said.get("supported_parameters"),
        said.get("capabilities"),
    ):
        if isinstance(found, list):
            yield from (word for word in found if isinstance(word, str))
        elif isinstance(found, dict):
            yield from (word for word, value in found.items() if _is_yes(value))
    yield from (
        word for word in ("supports_image_input", "supports_tools", "thinking") if said.get(word) is True
    )
    if said.get("type") == "vlm":
        yield "vlm"


def _is_yes(value: object) -> bool:
    return value is True or (isinstance(value, dict) and value.get("supported") is True)


def _is_name(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value <= _MOST_TOKENS
