"""Which fields of a provider's own a user may add to a request: those that only shape the answer.

All others may open hosted tools, connectors, other people's stores and caches, or dearer price classes, on the
operator's key and without an approval. A list of what is allowed also holds against fields that providers invent
later. Pure.
"""

import re
from collections.abc import Collection, Iterator
from typing import Any

#: Sampling and the likelihood of words.
_SAMPLING = """
    temperature top_p topP top_k topK min_p top_a typical_p tfs_z seed random_seed
    frequency_penalty presence_penalty repetition_penalty repeat_penalty length_penalty logit_bias
    mirostat mirostat_tau mirostat_eta dynatemp_range dynatemp_exponent do_sample
    xtc_probability xtc_threshold dry_multiplier dry_base dry_allowed_length
"""
#: Where an answer ends, and its form.
_FORM = """
    max_tokens max_completion_tokens max_output_tokens min_tokens stop stop_sequences stop_token_ids
    ignore_eos response_format text verbosity output_config generationConfig modalities audio prediction
    guided_json guided_regex guided_choice guided_grammar structured_outputs grammar json_schema
    logprobs top_logprobs skip_special_tokens spaces_between_special_tokens include_stop_str_in_output
"""
#: Thinking, and calls of the functions that Runnel declares.
_THINKING = """
    thinking reasoning reasoning_effort reasoning_format reasoning_split include_reasoning
    enable_thinking thinking_budget chat_template_kwargs prompt_mode think
    tool_choice toolConfig parallel_tool_calls max_tool_calls
"""
#: What is noted about a request, and how a long or unsafe one is treated.
_ABOUT = """
    metadata user safety_identifier labels safetySettings safe_prompt truncation context_management
    usage
"""
_HARMLESS = frozenset(f"{_SAMPLING} {_FORM} {_THINKING} {_ABOUT}".split())
#: What opens more than an answer wherever it stands: a server, a store, a template that the provider's server runs.
_DOORS = frozenset(
    {"server_url", "connector_id", "vector_store_ids", "chat_template", "cachedContent", "mcp_servers"}
)

#: The field that lists a provider's tools; each kind of tool may be allowed by itself, as ``tools.web_search``.
_TOOLS = "tools"
#: The date of a version at the end of a kind, as in Anthropic's ``web_search_20250305``. A kind is allowed without it, too.
_DATE = re.compile(r"_\d{8}$")


def refusal(own: dict[str, Any], allowed: Collection[str]) -> str | None:
    """Return a sentence about the first field that may not be sent, or ``None`` if all of them may.

    Args:
        own: ``provider_options``.
        allowed: the names in ``RUNNEL_ALLOW_PROVIDER_OPTIONS``; ``*`` stands for all.
    """
    if "*" in allowed:
        return None
    for name, value in own.items():
        if name in allowed:
            continue
        if name in _HARMLESS:
            wanted = sorted(_doors(value))
        elif name == _TOOLS:
            wanted = sorted({kind for kind in _kinds(value) if not {kind, _DATE.sub("", kind)} & {*allowed}})
        else:
            wanted = [name]
        if wanted:
            shown = wanted[0][:80]
            to_add = name if name in _HARMLESS else shown
            return (
                f"provider_options may not hold {shown} here: it can open tools, stores or prices of the provider "
                f"that nobody has decided about. Leave it out, or ask an admin to add {to_add} to "
                "RUNNEL_ALLOW_PROVIDER_OPTIONS."
            )
    return None


def _doors(value: Any) -> Iterator[str]:
    """Yield the names in ``value``, at any depth, that no harmless field needs."""
    left = [value]
    while left:
        match left.pop():
            case dict() as fields:
                yield from (name for name in fields if name in _DOORS)
                left += fields.values()
            case list() as items:
                left += items


def _kinds(tools: Any) -> Iterator[str]:
    """Yield the names by which the tools may be allowed: ``tools`` if their kind cannot be told."""
    for tool in tools if isinstance(tools, list) else [tools]:
        if not isinstance(tool, dict) or not tool:
            yield _TOOLS
        elif isinstance(kind := tool.get("type"), str):
            yield f"{_TOOLS}.{kind}"
        else:
            # Gemini names a tool by the field that holds its settings.
            yield from (f"{_TOOLS}.{field}" for field in tool)
