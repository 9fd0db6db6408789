"""The enabled providers of the database, kept in memory so that they can be read without a query.

Each process has one snapshot. ``refresh`` makes a new one on a thread that may wait; resolving a model reads
the current one. A change by this process is visible at once (``connect``), a change by another process after
a few seconds. Each row is checked again here, because a row that was not entered in the admin's form has not
passed the form's checks.
"""

import logging
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import transaction
from django.db.models.signals import post_delete, post_save
from django.dispatch import Signal

from providers.catalog import provider_types
from providers.catalog.limits import Limits
from providers.catalog.presets import PRESETS
from providers.security.addresses import AddressRefused, check_url
from providers.security.vault import Unsealable

if TYPE_CHECKING:
    from providers.models import Provider

logger = logging.getLogger("runnel.providers")

#: Seconds after which the snapshot is read again, to find changes by other processes.
_OLD_AFTER = 5.0
#: Seconds after which it is read again if it lacks the requested provider.
_LOOKED_FOR_AFTER = 1.0

#: Sent with the old ``row``, on the thread that refreshed, when a provider was removed or disabled, or its
#: type, address, key or problem has changed.
retired = Signal()


@dataclass(frozen=True, kw_only=True, slots=True)
class CachedProvider:
    """A provider from the database, with its key in clear text. Never store it."""

    slug: str
    label: str
    kind: str
    #: Empty if the provider has no address, or one that must not be called.
    address: str
    api_key: str = field(repr=False)
    limits: Limits
    models: tuple[str, ...]
    #: A sentence about why the provider cannot be used; ``None`` if it can.
    problem: str | None = None

    def leads_where(self, other: "CachedProvider | None") -> bool:
        """Return whether calls to ``other`` go to the same address in the same way with the same key."""
        return other is not None and (self.kind, self.address, self.api_key, self.problem) == (
            other.kind,
            other.address,
            other.api_key,
            other.problem,
        )


_NOTHING: Mapping[str, CachedProvider] = MappingProxyType({})


@dataclass(slots=True)
class _Snapshot:
    rows: Mapping[str, CachedProvider] = _NOTHING
    #: ``time.monotonic()`` seconds; ``None`` before the first read.
    read_at: float | None = None


_snapshot = _Snapshot()
_reading = threading.Lock()


def connect() -> None:
    """Refresh the cache whenever a row changes. Called once, when Django is set up."""
    from providers.models import Provider

    post_save.connect(_changed, sender=Provider, dispatch_uid="providers")
    post_delete.connect(_changed, sender=Provider, dispatch_uid="providers")


def _changed(using: str, **kwargs: Any) -> None:
    # Robust: a failure must not fail the request, whose row is stored already. A later refresh finds the row.
    transaction.on_commit(refresh, using=using, robust=True)


def enabled() -> Mapping[str, CachedProvider]:
    """Return the rows of the snapshot by slug. No I/O."""
    return _snapshot.rows


def is_due(slug: str) -> bool:
    """Return whether the snapshot is too old to look up the provider ``slug`` (empty for any). No I/O."""
    if _snapshot.read_at is None:
        return True
    is_there = not slug or slug in _snapshot.rows or slug in PRESETS
    return time.monotonic() - _snapshot.read_at > (_OLD_AFTER if is_there else _LOOKED_FOR_AFTER)


def refresh() -> None:
    """Read the rows again. Call this on a thread that may wait for the database.

    Raises:
        DatabaseError: the rows could not be read; the old snapshot stays.
    """
    with _reading:
        _refresh()


def refresh_if_due(slug: str = "") -> None:
    """Refresh the cache if it is due and no other thread refreshes it. A failure is logged, not raised.

    ``slug`` names the provider to look up. Before the first snapshot, all callers wait for it.
    """
    if not is_due(slug) or not _reading.acquire(blocking=_snapshot.read_at is None):
        return
    try:
        if is_due(slug):
            _refresh()
    except Exception:
        # The old snapshot stays in use while the database does not answer.
        logger.exception("The providers could not be read from the database.")
    finally:
        _reading.release()


def forget() -> None:
    """Empty the snapshot, as in a new process; for tests."""
    _snapshot.rows, _snapshot.read_at = _NOTHING, None


def _refresh() -> None:
    # Models can be imported only after Django is set up; this module is imported before.
    from providers.models import Provider

    before = _snapshot.rows
    try:
        rows = [read(provider) for provider in Provider.objects.filter(is_enabled=True)]
    finally:
        # Set after a failure too, so that the next attempt is some seconds later.
        _snapshot.read_at = time.monotonic()
    _snapshot.rows = MappingProxyType({row.slug: row for row in rows})
    for row in before.values():
        if not row.leads_where(_snapshot.rows.get(row.slug)):
            retired.send(sender=CachedProvider, row=row)


def read(provider: "Provider") -> CachedProvider:
    """Return ``provider`` with its decrypted key, or with a sentence about why it cannot be used."""
    address, key, problem = "", "", None
    try:
        address = _address(provider)
        key = provider.unseal()
    except (AddressRefused, Unsealable) as exc:
        problem = f"{provider.label} cannot be used. {exc.message}"
    return CachedProvider(
        slug=provider.slug,
        label=provider.label,
        kind=provider.kind,
        address=address,
        api_key=key,
        limits=Limits(concurrency=provider.concurrency, requests_per_minute=provider.requests_per_minute),
        models=tuple(name for name in provider.model_names if isinstance(name, str)),
        problem=problem,
    )


def _address(provider: "Provider") -> str:
    kind = provider_types.PROVIDER_TYPES.get(provider.kind)
    if kind is None:
        raise AddressRefused(f"Nothing is called {provider.kind!r} any more. Choose another kind.")
    base_url = provider.base_url
    if base_url:
        base_url = check_url(base_url, allow_loopback=settings.RUNNEL_ALLOW_LOOPBACK_PROVIDERS)
    address = provider_types.address(kind, base_url)
    if address is None:
        raise AddressRefused("It has no base URL.")
    return address
