"""Anthropic's rules for the options of a Messages request. Pure.

Sources: the API reference, recorded errors, and the fields of the SDK's types.
"""

from collections.abc import Iterator
from typing import Any

from emulator.wires._rules import NAME, Refusal, Refusals, is_integer, is_number, objects
from emulator.wires._tool_schemas import refused_by_anthropic
from providers.types import Json

#: The fields of the SDK's ``MessageCreateParams``, and those that the API accepts for older models.
_FIELDS = frozenset(
    [
        "cache_control",
        "container",
        "diagnostics",
        "inference_geo",
        "max_tokens",
        "messages",
        "metadata",
        "model",
        "output_config",
        "service_tier",
        "speed",
        "stop_sequences",
        "stream",
        "system",
        "temperature",
        "thinking",
        "tool_choice",
        "tools",
        "top_k",
        "top_p",
    ]
)
#: Fields that the API accepts only with an ``anthropic-beta`` header.
_BETA_FIELDS = frozenset(
    [
        "billing_policy",
        "compaction",
        "context_management",
        "fallback_credit_token",
        "fallbacks",
        "mcp_servers",
        "output_format",
        "thread",
    ]
)

_EFFORTS = ("low", "medium", "high", "xhigh", "max")
_LEAST_BUDGET = 1_024
_LONGEST_NAME = 128
_MOST_BREAKPOINTS = 4


def refusals(body: Json, *, knows_its_fields: bool, has_beta: bool) -> Refusals:
    """Yield a refusal for each rule that the options in ``body`` break."""
    known = _FIELDS | _BETA_FIELDS if has_beta else _FIELDS
    for name in body.keys() - known if knows_its_fields else ():
        yield Refusal(f"{name}: Extra inputs are not permitted")
    yield from _numbers(body)
    yield from _stops(body.get("stop_sequences"))
    yield from _thinking(body)
    yield from _tools(body.get("tools") or [])
    yield from _choice(body)
    yield from _output(body.get("output_config") or {})
    found = len(list(_breakpoints(body)))
    if found > _MOST_BREAKPOINTS:
        yield Refusal(
            f"A maximum of {_MOST_BREAKPOINTS} blocks with cache_control may be provided. Found {found}."
        )
    for each in _breakpoints(body):
        if each.get("type") != "ephemeral":
            yield Refusal("cache_control.type: Input should be 'ephemeral'")
        if each.get("ttl", "5m") not in ("5m", "1h"):
            yield Refusal("cache_control.ephemeral.ttl: Input should be '5m' or '1h'")


def _numbers(body: Json) -> Refusals:
    limit = body.get("max_tokens")
    if limit is None:
        yield Refusal("max_tokens: Field required")
    elif not is_integer(limit, -(2**63)):
        yield Refusal("max_tokens: Input should be a valid integer")
    elif limit < 1:
        yield Refusal("max_tokens: must be greater than or equal to 1")
    for name in ("temperature", "top_p"):
        value = body.get(name)
        if value is None or is_number(value, 0, 1):
            continue
        if not is_number(value, -(10**300), 10**300):
            yield Refusal(f"{name}: Input should be a valid number")
        yield Refusal(f"{name}: range: 0..1")
    if body.get("top_k") is not None and not is_integer(body["top_k"], 0):
        yield Refusal("top_k: Input should be a valid integer")


def _stops(value: object) -> Refusals:
    if value is None:
        return
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        yield Refusal("stop_sequences: Input should be a valid list")
    elif not all(each.strip() for each in value):
        yield Refusal("stop_sequences: each stop sequence must contain non-whitespace")


def _thinking(body: Json) -> Refusals:
    thinking = body.get("thinking") or {"type": "disabled"}
    if thinking["type"] not in ("enabled", "disabled", "adaptive", "between_tools"):
        yield Refusal(
            f"thinking: Input tag '{thinking['type']}' found using 'type' does not match any of the expected "
            "tags: 'adaptive', 'disabled', 'enabled'"
        )
    if thinking["type"] == "enabled":
        budget: Any = thinking.get("budget_tokens")
        if not is_integer(budget, -(2**63)):
            yield Refusal("thinking.enabled.budget_tokens: Field required")
        if budget < _LEAST_BUDGET:
            yield Refusal(
                f"thinking.enabled.budget_tokens: Input should be greater than or equal to {_LEAST_BUDGET}"
            )
        if budget >= body["max_tokens"]:
            yield Refusal(
                "`max_tokens` must be greater than `thinking.budget_tokens`. Please consult our documentation at "
                "https://docs.claude.com/en/docs/build-with-claude/extended-thinking#max-tokens-and-context-window"
            )
    if thinking["type"] == "disabled":
        return
    if body.get("temperature", 1) != 1:
        yield Refusal("`temperature` may only be set to 1 when thinking is enabled or in adaptive mode.")
    if body.get("top_k") is not None:
        yield Refusal("`top_k` must be unset when thinking is enabled or in adaptive mode.")
    if (body.get("tool_choice") or {}).get("type") in {"any", "tool"}:
        yield Refusal("Thinking may not be enabled when tool_choice forces tool use.")


def _tools(tools: list[Json]) -> Refusals:
    names = [tool.get("name") for tool in tools]
    for index, tool in enumerate(tools):
        if tool.get("type", "custom") not in ("custom", None):
            continue
        place = f"tools.{index}.custom"
        yield from tool_name(tool.get("name"), f"{place}.name")
        if names.count(tool["name"]) > 1:
            yield Refusal("tools: Tool names must be unique.")
        schema = tool.get("input_schema")
        if not isinstance(schema, dict):
            yield Refusal(f"{place}.input_schema: Field required")
        elif schema.get("type") != "object":
            problem = "Input should be 'object'" if "type" in schema else "Field required"
            yield Refusal(f"{place}.input_schema.type: {problem}")
        else:
            for problem in refused_by_anthropic(schema):
                yield Refusal(f"{place}.input_schema: {problem}")
        if not isinstance(tool.get("description", ""), str):
            yield Refusal(f"{place}.description: Input should be a valid string")


def tool_name(name: object, place: str) -> Refusals:
    """Refuse a name that is too long or has characters that Anthropic does not allow."""
    if name is None:
        yield Refusal(f"{place}: Field required")
    elif not isinstance(name, str) or not NAME.fullmatch(name) or len(name) > _LONGEST_NAME:
        pattern = "^[a-zA-Z0-9_-]{1," + str(_LONGEST_NAME) + "}$"
        yield Refusal(f"{place}: String should match pattern '{pattern}'")


def _choice(body: Json) -> Refusals:
    choice = body.get("tool_choice")
    if choice is None:
        return
    names = [tool.get("name") for tool in body.get("tools") or ()]
    if choice["type"] not in ("auto", "any", "tool", "none"):
        yield Refusal(
            f"tool_choice: Input tag '{choice['type']}' found using 'type' does not match any of the expected "
            "tags: 'any', 'auto', 'none', 'tool'"
        )
    if not names:
        yield Refusal("tool_choice: may only be specified while providing tools")
    if choice["type"] == "tool" and choice["name"] not in names:
        yield Refusal(f"Tool '{choice['name']}' not found in provided tools")


def _output(config: Json) -> Refusals:
    effort = config.get("effort")
    if effort is not None and effort not in _EFFORTS:
        known = ", ".join(f"'{each}'" for each in _EFFORTS[:-1])
        yield Refusal(f"output_config.effort: Input should be {known} or '{_EFFORTS[-1]}'")
    asked = config.get("format")
    if asked is None:
        return
    if asked["type"] != "json_schema":
        yield Refusal("output_config.format.type: Input should be 'json_schema'")
    if not isinstance(asked.get("schema"), dict):
        yield Refusal("output_config.format.schema: Field required")
    for each in objects(asked["schema"]):
        if each.get("additionalProperties") is not False:
            yield Refusal(
                "output_config.format.schema: For 'object' type, 'additionalProperties' must be explicitly "
                "set to false"
            )


def _breakpoints(node: object) -> Iterator[Json]:
    """Yield every ``cache_control`` in a request. It is allowed nearly everywhere except in users' JSON."""
    if isinstance(node, dict):
        if isinstance(node.get("cache_control"), dict):
            yield node["cache_control"]
        for name, inner in node.items():
            if name not in _WRITTEN:
                yield from _breakpoints(inner)
    elif isinstance(node, list):
        for inner in node:
            yield from _breakpoints(inner)


_WRITTEN = {"input", "input_schema", "schema", "metadata"}
