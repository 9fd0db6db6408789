"""What follows when a provider's row changes: it is read again, and no client is left that holds its old key."""

from typing import Any

from django.db import transaction
from django.db.models.signals import post_delete, post_save

from providers import catalog, clients
from providers.catalog import cache
from providers.catalog.cache import CachedProvider
from providers.models import Provider


def connect() -> None:
    """Listen. Called once, when Django is set up."""
    post_save.connect(_changed, sender=Provider, dispatch_uid="providers")
    post_delete.connect(_changed, sender=Provider, dispatch_uid="providers")
    cache.retired.connect(_retired, dispatch_uid="providers")


def _changed(using: str, **kwargs: Any) -> None:
    # Robust: the row is stored by then, and the next look at the database is some seconds away.
    transaction.on_commit(cache.refresh, using=using, robust=True)


def _retired(row: CachedProvider, **kwargs: Any) -> None:
    if row.problem is None:
        clients.forget(catalog.target_of(row, "any"))
