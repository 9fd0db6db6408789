"""Ids of runs that clients choose: each user has ids of their own, so that nobody learns which ids others have.

A run is stored under the id that its client chose, unless another user has a run with that id. Then it is stored
under a substitute, which follows from the user and the chosen id, and which only this module knows.
"""

from uuid import UUID

from django.utils.crypto import salted_hmac

from runs.models import Run

_SALT = "runs.services.own_ids"


def substitute(owner_id: int, run_id: UUID) -> UUID:
    """Return the id under which the user's run is stored if another user has a run with the id ``run_id``."""
    digest = salted_hmac(_SALT, f"{owner_id}:{run_id}", algorithm="sha256").digest()
    return UUID(bytes=digest[:16], version=4)


def is_taken_by_another(owner_id: int, run_id: UUID) -> bool:
    """Return whether another user has a run with this id. Reads the database."""
    return Run.objects.filter(pk=run_id).exclude(owner_id=owner_id).exists()
