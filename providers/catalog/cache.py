"""The enabled providers of the database, kept in memory so that they can be read without a query.

Each process has one snapshot. ``refresh`` reads the database on a thread that may wait; resolving a model reads
the snapshot. A change in this process refreshes the snapshot at once (``connect``); a change by another process
is seen after a few seconds. Each row is checked again here, because a row may come into the database without
passing the admin's form.
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

#: Seconds after which what another process has changed is looked for.
_OLD_AFTER = 5.0
#: The same while somebody asks for a provider that is not there.
_LOOKED_FOR_AFTER = 1.0

#: Sent with ``row`` on the thread that found out: nothing is called as this row says any more.
retired = Signal()


@dataclass(frozen=True, kw_only=True, slots=True)
class CachedProvider:
    """One enabled row of the database, its key opened. Never stored: it holds the key."""

    slug: str
    label: str
    kind: str
    #: Empty when it has none, or when that may not be called.
    address: str
    api_key: str = field(repr=False)
    limits: Limits
    models: tuple[str, ...]
    #: Why it cannot be used, in a sentence; ``None`` when it can.
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
    #: Monotonic; ``None`` before the first look.
    read_at: float | None = None


_snapshot = _Snapshot()
_reading = threading.Lock()


def connect() -> None:
    """Refresh after every change of a provider's row. Called once, when Django is set up."""
    from providers.models import Provider

    post_save.connect(_changed, sender=Provider, dispatch_uid="providers")
    post_delete.connect(_changed, sender=Provider, dispatch_uid="providers")


def _changed(using: str, **kwargs: Any) -> None:
    # Robust: the row is stored by then, and the next refresh follows within seconds.
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
    """Read the rows again; for a thread that may wait for the database.

    Raises:
        DatabaseError: the rows could not be read; the snapshot stays as it was.
    """
    with _reading:
        _refresh()


def refresh_if_due(slug: str = "") -> None:
    """Refresh if the snapshot is too old to look up ``slug`` (empty for any provider). Raises nothing.

    If another thread is refreshing already, return at once; only the very first refresh is waited for.
    """
    if not is_due(slug) or not _reading.acquire(blocking=_snapshot.read_at is None):
        return
    try:
        if is_due(slug):
            _refresh()
    except Exception:
        # What was there goes on working while the database does not.
        logger.exception("The providers could not be read from the database.")
    finally:
        _reading.release()


def forget() -> None:
    """Empty the snapshot, as in a new process; for tests."""
    _snapshot.rows, _snapshot.read_at = _NOTHING, None


def _refresh() -> None:
    # Models are there only once Django is set up, and the catalogue is read before.
    from providers.models import Provider

    before = _snapshot.rows
    try:
        rows = [read(provider) for provider in Provider.objects.filter(is_enabled=True)]
    finally:
        # After a failure too the next look is some seconds away.
        _snapshot.read_at = time.monotonic()
    _snapshot.rows = MappingProxyType({row.slug: row for row in rows})
    for row in before.values():
        if not row.leads_where(_snapshot.rows.get(row.slug)):
            retired.send(sender=CachedProvider, row=row)


def read(provider: "Provider") -> CachedProvider:
    """Return ``provider`` with its address checked and its key opened; ``problem`` says if one of these failed."""
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
