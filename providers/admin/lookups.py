"""Keeps sealed and secret columns out of the admin's filters."""

from typing import Any

from django.db.models.constants import LOOKUP_SEP
from django.http import HttpRequest

#: Columns that no address of the admin may ask about: by comparisons a reader could guess a hash, bit by bit.
_SECRET = frozenset({"password", "digest", "session_data", "session_key"})


def is_secret(column: str) -> bool:
    """Return whether the column holds a secret, a hash of one, or an encrypted one."""
    return column in _SECRET or column.startswith("sealed")


class NoSecretLookups:
    """A mix-in for all model admins: Django lets every user who may view a list filter it by any column."""

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest) -> bool:
        """Return whether the list may be filtered by ``lookup``, such as ``user__email__startswith``."""
        if any(map(is_secret, lookup.split(LOOKUP_SEP))):
            return False
        allowed: bool = super().lookup_allowed(lookup, value, request)  # type: ignore[misc]
        return allowed
