"""Limits for calls to one provider. ``providers.retry.limits`` enforces them."""

from dataclasses import dataclass
from typing import Self

from django.conf import settings


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """Limits of one provider; ``None`` means no limit."""

    #: Calls under way at the same time, in one process.
    concurrency: int | None = None
    requests_per_minute: int | None = None

    @classmethod
    def from_settings(cls) -> Self:
        """Return the limits of providers from the environment."""
        return cls(
            concurrency=settings.RUNNEL_PROVIDER_CONCURRENCY or None,
            requests_per_minute=settings.RUNNEL_PROVIDER_REQUESTS_PER_MINUTE or None,
        )


NONE = Limits()
