"""A run's stored options: selects those for the model, and checks that its provider supports them. Pure."""

from collections.abc import Iterable
from dataclasses import fields, replace
from itertools import chain

from django.conf import settings

from providers import adapter
from providers.catalog import Target
from providers.errors import LLMUnsupportedError
from providers.retry.backoff import RetryPolicy
from providers.security import own_options
from providers.security.addresses import AddressRefused, check_fetched_url
from providers.types import Json, ModelOptions, ModelRequest, ToolSpec
from runs.calls import planning
from runs.errors import AboveLimit
from runs.limits import Ceilings
from runs.store import history

_OF_THE_MODEL = frozenset(field.name for field in fields(ModelOptions))


def for_model(options: Json) -> ModelOptions:
    """Return those of the stored options that are for a provider call."""
    named = {name: value for name, value in options.items() if name in _OF_THE_MODEL}
    return ModelOptions(**named | {"stop_sequences": tuple(named.get("stop_sequences", ()))})


def going_on(options: Json) -> ModelOptions:
    """Return the options of a provider call after a pause, when the model has already called a tool."""
    chosen = for_model(options)
    return replace(chosen, tool_choice=planning.tool_choice_after_call(chosen.tool_choice))


def max_steps(options: Json, ceilings: Ceilings) -> int:
    """Return the most steps that a run may make."""
    return min(int(options.get("max_steps") or settings.RUNNEL_MAX_STEPS), ceilings.max_steps)


def retry_policy(options: Json, ceilings: Ceilings) -> RetryPolicy:
    """Return how often a run's failed calls are retried."""
    policy = RetryPolicy.from_settings(options.get("max_retries"))
    return replace(policy, max_retries=min(policy.max_retries, ceilings.max_retries))


def refuse_above(options: Json, ceilings: Ceilings) -> None:
    """Do nothing if a start asks for no more than its user may use.

    Raises:
        AboveLimit: it asks for more steps or retries.
    """
    for name in ("max_steps", "max_retries"):
        most = getattr(ceilings, name)
        if (options.get(name) or 0) > most:
            raise AboveLimit(
                f"options.{name} may be at most {most} for you. Ask for less, or ask an admin for a higher limit.",
                limit=name,
            )


def refusal(
    target: Target,
    options: Json,
    *,
    system: str,
    messages: Iterable[list[Json]],
    tools: tuple[ToolSpec, ...] = (),
) -> str | None:
    """Return a sentence about what may not be sent to ``target``, ``None`` if all may.

    That is an option that it does not support, a field of the provider's own that nobody has allowed, or a file
    whose address is inside a network.

    ``messages`` are the stored parts of the new user messages; earlier messages were checked at their start.
    """
    messages = list(messages)
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
    return _not_allowed(options, messages)


def _not_allowed(options: Json, messages: Iterable[list[Json]]) -> str | None:
    own = options.get("provider_options") or {}
    if (why := own_options.refusal(own, settings.RUNNEL_ALLOW_PROVIDER_OPTIONS)) is not None:
        return why
    try:
        for part in chain.from_iterable(messages):
            if part.get("url"):
                check_fetched_url(part["url"])
    except AddressRefused as refused:
        return refused.message
    return None
