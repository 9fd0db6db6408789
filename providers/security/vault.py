"""Seals keys for storage: encrypted with a key that is derived from ``SECRET_KEY``, for one destination.

A seal is bound to a *purpose*, the origin that the key was entered for. So a person who can write to the
database, but does not know ``SECRET_KEY``, cannot make Runnel send a key to another server. Seals made with
one of ``SECRET_KEY_FALLBACKS`` can still be opened; ``reseal`` encrypts them with the current key. This
module uses no Django model and keeps no decrypted key.
"""

import base64

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

#: Separates these keys from all others that are derived from the secret key.
_CONTEXT = "runnel.providers.vault/1/"


class Unsealable(Exception):  # noqa: N818 - it names what the seal is
    """The stored key cannot be opened: the SECRET_KEY that sealed it is gone. Enter the key again."""

    def __init__(self) -> None:
        self.message = " ".join((type(self).__doc__ or "").split())
        super().__init__(self.message)


def seal(key: str, *, purpose: str) -> str:
    """Return ``key`` encrypted for ``purpose``, as text for the database."""
    return _ring(purpose).encrypt(key.encode()).decode()


def unseal(sealed: str, *, purpose: str) -> str:
    """Return the key in ``sealed``.

    Raises:
        Unsealable: no configured secret key opens ``sealed``, or it was sealed for another purpose.
    """
    try:
        return _ring(purpose).decrypt(sealed).decode()
    except (InvalidToken, ValueError):
        raise Unsealable from None


def reseal(sealed: str, *, purpose: str) -> str:
    """Return the same key, encrypted with the current ``SECRET_KEY``.

    Raises:
        Unsealable: no configured secret key opens ``sealed``, or it was sealed for another purpose.
    """
    try:
        return _ring(purpose).rotate(sealed).decode()
    except (InvalidToken, ValueError):
        raise Unsealable from None


def is_current(sealed: str, *, purpose: str) -> bool:
    """Return whether the current ``SECRET_KEY`` opens ``sealed``, without the fallbacks."""
    try:
        _lock(settings.SECRET_KEY, purpose).decrypt(sealed)
    except (InvalidToken, ValueError):
        return False
    return True


def _ring(purpose: str) -> MultiFernet:
    secrets = (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
    return MultiFernet([_lock(secret, purpose) for secret in secrets])


def _lock(secret: str, purpose: str) -> Fernet:
    # The secret key is strong already; HKDF (RFC 5869) only derives an independent key for each purpose.
    derived = HKDF(SHA256(), length=32, salt=None, info=f"{_CONTEXT}{purpose}".encode()).derive(
        secret.encode()
    )
    return Fernet(base64.urlsafe_b64encode(derived))
