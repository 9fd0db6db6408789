"""Ids of runs that clients choose: each user has ids of their own, so that nobody learns which ids others have.

A run is stored under the id that its client chose, unless another user has a run with that id. Then it is stored
under a substitute, which follows from the user and the chosen id. ``Run.chosen_id`` keeps the chosen one, and no client
sees the other: whoever shows a run's id shows ``Run.shown_id``.
"""

from uuid import UUID

from django.utils.crypto import salted_hmac

from runs.models import Run
from runs.services.sharing import Onlooker, share_for_run

_SALT = "runs.services.own_ids"
#: The version of all substitutes, and of hardly any id that a client chooses (RFC 9562, section 5.8).
_VERSION = 8


def substitute(owner_id: int, run_id: UUID) -> UUID:
    """Return the id under which the user's run is stored if another user has a run with the id ``run_id``."""
    digest = salted_hmac(_SALT, f"{owner_id}:{run_id}", algorithm="sha256").digest()
    number = int.from_bytes(digest[:16])
    # The fields that say the version and the variant.
    number = number & ~(0xF << 76) | _VERSION << 76
    return UUID(int=number & ~(0b11 << 62) | 0b10 << 62)


def may_be_substitute(run_id: UUID) -> bool:
    """Return whether a stored run's id may be a substitute."""
    return run_id.version == _VERSION


def chosen(run_id: UUID) -> UUID:
    """Return the id under which clients know a stored run. Reads the database if it may be another one."""
    if not may_be_substitute(run_id):
        return run_id
    return Run.objects.filter(pk=run_id).values_list("chosen_id", flat=True).first() or run_id


def stored(onlooker: Onlooker, run_id: UUID) -> UUID | None:
    """Return the substitute of the run that somebody may look at and knows as ``run_id``. Reads the database.

    Return ``None`` if there is none, or it is stored under ``run_id`` itself.
    """
    found = Run.objects.filter(chosen_id=run_id)
    own = found.filter(owner_id=onlooker.user_id).values_list("pk", flat=True).first()
    if own is not None:
        return own
    others = found.values_list("pk", flat=True)
    return next((other for other in others if share_for_run(onlooker, other) is not None), None)


def is_taken_by_another(owner_id: int, run_id: UUID) -> bool:
    """Return whether another user has a run with this id. Reads the database."""
    return Run.objects.filter(pk=run_id).exclude(owner_id=owner_id).exists()
