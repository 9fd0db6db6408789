"""What one user may use: ceilings by setting and by group, and the rates that are counted in memory."""

from django.conf import settings

from runs.limits.ceilings import Ceilings, cached, of, of_user

__all__ = ["Ceilings", "cached", "of", "of_queues", "of_user"]


def of_queues() -> dict[str, int]:
    """Return how many messages may be queued, as the ``ready`` frame names it."""
    return {
        "queued_per_conversation": settings.RUNNEL_QUEUED_PER_CONVERSATION,
        "queued_per_user": settings.RUNNEL_QUEUED_PER_USER,
    }
