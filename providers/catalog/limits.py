"""How much one provider may be asked: data. ``providers.retry.limits`` enforces it."""

from dataclasses import dataclass
from typing import Self

from django.conf import settings


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """The limits of one provider; ``None`` for no limit."""

    #: The most concurrent calls of one process.
    concurrency: int | None = None
    requests_per_minute: int | None = None

    @classmethod
    def from_settings(cls) -> Self:
        """Return the limits of a provider from the environment."""
        return cls(
            concurrency=settings.RUNNEL_PROVIDER_CONCURRENCY or None,
            requests_per_minute=settings.RUNNEL_PROVIDER_REQUESTS_PER_MINUTE or None,
        )


NONE = Limits()
