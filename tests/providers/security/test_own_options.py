"""Fields of a provider's own that users may send, and those that an operator allows by name."""

from typing import Any

import pytest

from providers.security import own_options

SETTING = "RUNNEL_ALLOW_PROVIDER_OPTIONS"


@pytest.mark.parametrize(
    "own",
    [
        {},
        {"top_k": 5},
        {"seed": 7, "logit_bias": None, "metadata": {"user_id": "u"}},
        {"generationConfig": {"seed": 7}, "safetySettings": []},
        {"text": {"verbosity": "low"}, "reasoning": {"summary": "detailed"}},
        {"thinking": {"display": "omitted"}},
        {"chat_template_kwargs": {"enable_thinking": False}, "min_p": 0.1},
    ],
    ids=str,
)
def test_what_only_shapes_the_answer_is_sent(own: dict[str, Any]) -> None:
    assert own_options.refusal(own, ()) is None


@pytest.mark.parametrize(
    "name",
    [
        *("functions", "function_call", "web_search_options", "include", "service_tier", "plugins"),
        *("search_parameters", "provider", "models", "extra_body", "file_search", "code_interpreter"),
        *("mcp", "mcp_servers", "container", "betas", "anthropic_beta", "speed", "inference_geo"),
        *("cachedContent", "cached_content", "google_search", "serviceTier", "system_instruction"),
        *("kv_transfer_params", "chat_template", "lora", "TOOLS", "Top_K", "what_comes_next_year"),
    ],
)
def test_everything_else_is_allowed_by_name_or_refused(name: str) -> None:
    sentence = own_options.refusal({"top_k": 1, name: {}}, ())
    assert sentence is not None
    assert name in sentence
    assert SETTING in sentence
    assert own_options.refusal({name: {}}, (name,)) is None
    assert own_options.refusal({name: {}}, ("*",)) is None
    assert own_options.refusal({name: {}}, ("other",)) is not None


@pytest.mark.parametrize(
    ("tools", "name"),
    [
        ([{"type": "web_search"}], "tools.web_search"),
        (
            [{"type": "mcp", "server_url": "https://attacker.example/", "require_approval": "never"}],
            "tools.mcp",
        ),
        ([{"type": "file_search", "vector_store_ids": ["vs_1"]}], "tools.file_search"),
        ([{"type": "function", "name": "write_note"}], "tools.function"),
        ([{"googleSearch": {}}], "tools.googleSearch"),
        ([{"type": 7, "codeExecution": {}}], "tools.codeExecution"),
        (["web_search"], "tools"),
        ({"type": "web_search"}, "tools.web_search"),
        ("web_search", "tools"),
        ([{}], "tools"),
    ],
)
def test_tools_are_allowed_by_their_kind(tools: Any, name: str) -> None:
    sentence = own_options.refusal({"tools": tools}, ("tools.other", "type"))
    assert sentence is not None
    assert SETTING in sentence
    assert own_options.refusal({"tools": tools}, ("tools",)) is None
    if not isinstance(tools, list) or tools != [{"type": 7, "codeExecution": {}}]:
        assert name in sentence
        assert own_options.refusal({"tools": tools}, (name,)) is None


def test_one_kind_that_is_allowed_lets_no_other_through() -> None:
    tools = [{"type": "web_search"}, {"type": "code_interpreter"}]
    sentence = own_options.refusal({"tools": tools}, ("tools.web_search",))
    assert sentence is not None
    assert "tools.code_interpreter" in sentence
    both: list[Any] = [{"googleSearch": {}, "codeExecution": {}}]
    assert own_options.refusal({"tools": both}, ("tools.googleSearch",)) is not None
    assert own_options.refusal({"tools": []}, ()) is None


@pytest.mark.parametrize(
    ("kind", "is_allowed"),
    [
        ("web_search_20250305", True),
        ("web_search_20991231", True),
        ("web_search_preview", False),
        ("web_search_2025030", False),
        ("code_execution_20250825", False),
    ],
)
def test_a_kind_is_allowed_in_all_its_dated_versions(kind: str, is_allowed: bool) -> None:
    sentence = own_options.refusal({"tools": [{"type": kind, "name": "search"}]}, ("tools.web_search",))
    assert (sentence is None) is is_allowed


@pytest.mark.parametrize(
    ("own", "name"),
    [
        ({"chat_template_kwargs": {"chat_template": "{{ 7 * 7 }}"}}, "chat_template"),
        ({"tool_choice": {"tools": [{"type": "mcp", "server_url": "https://a.example"}]}}, "server_url"),
        ({"generationConfig": {"a": [{"b": {"cachedContent": "caches/1"}}]}}, "cachedContent"),
    ],
    ids=str,
)
def test_a_harmless_field_carries_nothing_else_inside(own: dict[str, Any], name: str) -> None:
    sentence = own_options.refusal(own, ())
    assert sentence is not None
    assert name in sentence
    assert own_options.refusal(own, (next(iter(own)),)) is None
