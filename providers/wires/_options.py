"""What the options of a request mean on every wire. Pure; knows no provider's own words.

A wire refuses with ``LLMUnsupportedError`` what its API has no words for. What a single model would refuse is
left to its provider to say, unless the provider's own SDK has dropped it.
"""

import re
from collections.abc import Set as AbstractSet
from typing import Any

from providers.errors import LLMUnsupportedError
from providers.types import Json, ModelOptions, ModelRequest

#: Budgets up to these are an effort's; what is above all of them is ``high``. Not ``minimal``: new models
#: do not know it any more.
_EFFORTS = ((0, "none"), (4_096, "low"), (16_384, "medium"))


def effort_of(options: ModelOptions) -> str | None:
    """Return the effort that was asked for, or the one that fits the budget; ``none`` is none at all."""
    if options.reasoning_effort is not None or options.reasoning_budget is None:
        return options.reasoning_effort
    return next((word for most, word in _EFFORTS if options.reasoning_budget <= most), "high")


def budget_of(options: ModelOptions, budgets: dict[str, int]) -> int | None:
    """Return the tokens that were asked for, or those of ``budgets`` that fit the effort."""
    if options.reasoning_budget is not None or options.reasoning_effort is None:
        return options.reasoning_budget
    return budgets.get(options.reasoning_effort, budgets["high"])


def chosen_tool(request: ModelRequest) -> str | None:
    """Return the tool choice; ``None`` where there is none to make.

    Raises:
        LLMUnsupportedError: it asks for a function that the request does not declare.
    """
    choice = request.options.tool_choice
    names = {tool.name for tool in request.tools}
    if choice is None or (not names and choice in {"auto", "none"}):
        return None
    if choice in {"auto", "none", *names} or (choice == "required" and names):
        return choice
    raise LLMUnsupportedError(
        f"tool_choice is {choice!r}, which is no function of this request. Choose auto or none, or declare it."
    )


def check_names(request: ModelRequest, names: re.Pattern[str]) -> None:
    """Check that the wire accepts the tools' names, which ``names`` matches as a whole.

    Raises:
        LLMUnsupportedError: it refuses one of them.
    """
    for tool in request.tools:
        if not names.fullmatch(tool.name):
            raise LLMUnsupportedError(
                f"This model's provider does not accept {tool.name!r} as the name of a tool. Rename it."
            )


def check_tools(request: ModelRequest, *, most: int, longest_description: int) -> None:
    """Check that the vendor's own server takes so many tools, and descriptions of these lengths.

    Compatible servers have no such limits.

    Raises:
        LLMUnsupportedError: it refuses them.
    """
    if request.quirks.is_compatible:
        return
    if len(request.tools) > most:
        raise LLMUnsupportedError(
            f"These are {len(request.tools)} tools, and this model's provider takes {most} at most. Choose fewer."
        )
    for tool in request.tools:
        if len(tool.description) > longest_description:
            raise LLMUnsupportedError(
                f"The description of the tool {tool.name} has {len(tool.description):,} characters, and this model's "
                f"provider takes {longest_description:,} at most. Shorten it."
            )


def is_forced(choice: str | None) -> bool:
    """Return whether the model must call something."""
    return choice not in {None, "auto", "none"}


def with_own_fields(body: Json, request: ModelRequest, *, reserved: AbstractSet[str]) -> Json:
    """Return ``body`` with the provider's own fields that the caller added.

    Objects are merged and lists made longer, so that what the wire says for itself stays in them.

    Raises:
        LLMUnsupportedError: one of the fields is ``reserved`` for the wire.
    """
    own = request.options.provider_options
    if taken := sorted(reserved & own.keys()):
        raise LLMUnsupportedError(f"provider_options may not hold {', '.join(taken)}: leave that out.")
    return _merged(body, own)


def _merged(ours: Json, theirs: Json) -> Json:
    return {**ours, **{name: _joined(ours.get(name), value) for name, value in theirs.items()}}


def _joined(ours: Any, theirs: Any) -> Any:
    if isinstance(ours, dict) and isinstance(theirs, dict):
        return _merged(ours, theirs)
    if isinstance(ours, list) and isinstance(theirs, list):
        return [*ours, *theirs]
    return theirs
