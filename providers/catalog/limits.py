"""How much one provider may be asked. ``providers.retry.limits`` waits for it."""

from dataclasses import dataclass
from typing import Self

from django.conf import settings


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """Of one provider; ``None`` for no limit."""

    #: Calls under way at the same time, in one process.
    concurrency: int | None = None
    requests_per_minute: int | None = None

    @classmethod
    def from_settings(cls) -> Self:
        """Return what providers from the environment are limited to."""
        return cls(
            concurrency=settings.RUNNEL_PROVIDER_CONCURRENCY or None,
            requests_per_minute=settings.RUNNEL_PROVIDER_REQUESTS_PER_MINUTE or None,
        )


NONE = Limits()
