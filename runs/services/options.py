"""A run's options, as its start stored them: which are for the model, and whether its provider knows them. Pure."""

from collections.abc import Iterable
from dataclasses import fields, replace

from django.conf import settings

from providers import adapter
from providers.catalog import Target
from providers.errors import LLMUnsupportedError
from providers.types import Json, ModelOptions, ModelRequest, ToolSpec
from runs.calls import planning
from runs.store import history

_OF_THE_MODEL = frozenset(field.name for field in fields(ModelOptions))


def for_model(options: Json) -> ModelOptions:
    """Return those of a run's options that a provider call takes."""
    named = {name: value for name, value in options.items() if name in _OF_THE_MODEL}
    return ModelOptions(**named | {"stop_sequences": tuple(named.get("stop_sequences", ()))})


def going_on(options: Json) -> ModelOptions:
    """Return those that a provider call takes after a pause: the model has called a function before it."""
    chosen = for_model(options)
    return replace(chosen, tool_choice=planning.tool_choice_after_call(chosen.tool_choice))


def max_steps(options: Json) -> int:
    """Return how many steps a run may make."""
    return int(options.get("max_steps") or settings.RUNNEL_MAX_STEPS)


def refusal(
    target: Target,
    options: Json,
    *,
    system: str,
    messages: Iterable[list[Json]],
    tools: tuple[ToolSpec, ...] = (),
) -> str | None:
    """Return what ``target``'s provider has no words for, in a sentence for a user; ``None`` when it has.

    ``messages`` are the stored parts of the new user messages: what was said before was taken before.
    """
    asked = ModelRequest(
        origin=target.origin,
        messages=tuple(map(history.user_message, messages)),
        system=system,
        tools=tools,
        options=for_model(options),
        quirks=target.quirks,
    )
    try:
        adapter.check(asked)
    except LLMUnsupportedError as error:
        return error.message
    return None
