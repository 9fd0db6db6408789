"""The usage and cost of one step's attempts, per model. Pure."""

from dataclasses import dataclass

from providers.types import Origin, StepResult
from providers.types.cost import Cost, total
from providers.types.usage import Usage, add


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelUsage:
    """The usage of one model."""

    provider: str
    #: The model that the provider named in its answer, else the requested one.
    model: str
    usage: Usage
    #: ``None`` if unknown.
    cost: Cost | None = None


class StepUsage:
    """Adds up the usage of one step's attempts."""

    def __init__(self) -> None:
        self._attempts: list[ModelUsage] = []

    def add(self, origin: Origin, result: StepResult, *, was_open: bool, cost: Cost | None = None) -> None:
        """Add one attempt. Ignore it if it got no 2xx status (``was_open``) and reported no usage."""
        if was_open or not result.usage.is_unknown:
            model = result.model or origin.model
            self._attempts.append(
                ModelUsage(provider=origin.provider, model=model, usage=result.usage, cost=cost)
            )

    def include(self, other: "StepUsage") -> None:
        """Add all attempts of another step."""
        self._attempts.extend(other._attempts)

    @property
    def total(self) -> Usage:
        """The tokens of all attempts."""
        return add(*(attempt.usage for attempt in self._attempts))

    @property
    def cost(self) -> Cost | None:
        """The known cost of all attempts; ``None`` if no attempt has a known cost."""
        return total(attempt.cost for attempt in self._attempts)

    @property
    def by_model(self) -> tuple[ModelUsage, ...]:
        """One total per provider and model, in the order of their first attempts."""
        groups: dict[tuple[str, str], list[ModelUsage]] = {}
        for attempt in self._attempts:
            groups.setdefault((attempt.provider, attempt.model), []).append(attempt)
        return tuple(
            ModelUsage(
                provider=provider,
                model=model,
                usage=add(*(attempt.usage for attempt in parts)),
                cost=total(part.cost for part in parts),
            )
            for (provider, model), parts in groups.items()
        )
