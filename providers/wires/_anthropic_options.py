"""The options of a Messages call. Pure.

``temperature`` and ``top_p`` have gone from the SDK: Claude refuses them from Opus 4.7 on, as it refuses a
budget to think with, while older models and compatible servers go on taking them.
Source: https://platform.claude.com/docs/en/about-claude/models/migration-guide
"""

import re

from providers.errors import LLMUnsupportedError
from providers.types import Json, ModelOptions, ModelRequest
from providers.wires._options import budget_of, chosen_tool, effort_of, is_forced
from providers.wires._schemas import closed

#: What this wire says for itself.
RESERVED = frozenset({"model", "messages", "system", "stream"})

#: The last models that think by a fixed budget; all later ones decide themselves, by effort.
_BUDGETED = re.compile(r"claude-3-7|claude-(opus|sonnet)-4(-[01]\b|-20)|claude-\w+-4[-.]5")
_BUDGETS = {"minimal": 1_024, "low": 4_096, "medium": 10_000, "high": 24_000, "none": 0}
#: The least that the API accepts.
_LEAST_BUDGET = 1_024

#: The last Claudes whose words can be made more or less likely: up to 4.6.
_SAMPLED = re.compile(r"claude-(v?[123]\b|instant|[a-z]+-4([-.][0-6]\b|-20|[@:]|$))")
#: The least ``top_p`` beside thoughts.
_LEAST_TOP_P = 0.95


def tuned(request: ModelRequest, limit: int, *, may_think: bool) -> Json:
    """Return the fields that say the request's options, but for the output limit.

    ``may_think`` is False where the API does not let a budgeted model begin to think.
    """
    options, model = request.options, request.origin.model
    choice = chosen_tool(request)
    thinking = _thinking(model, options, limit, may_think=may_think)
    thinks = thinking.get("type") in {"enabled", "adaptive"}
    if thinks and is_forced(choice):
        raise LLMUnsupportedError(
            "Claude cannot think and be made to call a function at once: "
            "leave reasoning_effort and reasoning_budget out, or tool_choice."
        )
    fields: Json = {
        "thinking": thinking,
        "output_config": _output_config(model, options),
        "tool_choice": _tool_choice(choice),
        "stop_sequences": list(options.stop_sequences),
    }
    return {name: value for name, value in fields.items() if value} | _sampling(model, options, thinks=thinks)


def cached(body: Json, cache: str | None) -> None:
    """Mark in ``body`` up to where the prompt may be kept: tools, system prompt, and all that was said."""
    if cache is None:
        return
    mark: Json = {"type": "ephemeral", "ttl": "1h"} if cache == "long" else {"type": "ephemeral"}
    if "tools" in body:
        body["tools"][-1]["cache_control"] = mark
    if "system" in body:
        body["system"] = [{"type": "text", "text": body["system"], "cache_control": mark}]
    if body["messages"] and body["messages"][-1]["role"] == "user":
        body["messages"][-1]["content"][-1]["cache_control"] = mark


def _thinking(model: str, options: ModelOptions, limit: int, *, may_think: bool) -> Json:
    effort = effort_of(options)
    if effort is None:
        return {}
    if not _BUDGETED.search(model):
        return {"type": "disabled"} if effort == "none" else {"type": "adaptive", "display": "summarized"}
    budget = budget_of(options, _BUDGETS)
    if not budget or limit <= _LEAST_BUDGET or not may_think:
        return {}
    return {"type": "enabled", "budget_tokens": min(max(budget, _LEAST_BUDGET), limit - 1)}


def _output_config(model: str, options: ModelOptions) -> Json:
    config: Json = {}
    effort = effort_of(options)
    if effort not in {None, "none"} and not _BUDGETED.search(model):
        config["effort"] = "low" if effort == "minimal" else effort
    if options.output_schema is not None:
        config["format"] = {"type": "json_schema", "schema": closed(options.output_schema)}
    return config


def _tool_choice(choice: str | None) -> Json:
    match choice:
        case None:
            return {}
        case "auto" | "none":
            return {"type": choice}
        case "required":
            return {"type": "any"}
        case _:
            return {"type": "tool", "name": choice}


def _sampling(model: str, options: ModelOptions, *, thinks: bool) -> Json:
    fields = {"temperature": options.temperature, "top_p": options.top_p}
    said = {name: value for name, value in fields.items() if value is not None}
    if "claude" in model and not _SAMPLED.search(model):
        # 1 is what they would do anyway.
        if any(value != 1 for value in said.values()):
            raise LLMUnsupportedError("This Claude takes no temperature and no top_p: leave them out.")
        return {}
    if said.get("temperature", 0) > 1:
        raise LLMUnsupportedError("Anthropic's temperature goes from 0 to 1.")
    if thinks and (said.get("temperature", 1) != 1 or said.get("top_p", 1) < _LEAST_TOP_P):
        raise LLMUnsupportedError(
            f"While Claude thinks, its temperature is 1 and top_p at least {_LEAST_TOP_P}: leave them out."
        )
    return said
