"""What follows when a provider's row changes in this process: it is read again, before anybody notices."""

from typing import Any

from django.db import transaction
from django.db.models.signals import post_delete, post_save

from providers import rows
from providers.models import Provider


def connect() -> None:
    """Listen. Called once, when Django is set up."""
    post_save.connect(_changed, sender=Provider, dispatch_uid="providers")
    post_delete.connect(_changed, sender=Provider, dispatch_uid="providers")


def _changed(using: str, **kwargs: Any) -> None:
    # Robust: the row is stored by then, and the next look at the database is some seconds away.
    transaction.on_commit(rows.refresh, using=using, robust=True)
