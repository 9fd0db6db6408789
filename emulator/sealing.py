"""Seals thoughts as providers do, so that the emulator can check the seals that clients return. Pure.

A seal is Base64 of a mark, a digest of the thoughts and a checksum over both. The key is no secret: the
check only has to detect a seal that the client changed.
"""

import base64
import binascii
import hashlib
import hmac

_KEY = b"the emulator of runnel"
_MARK = b"emuseal1"
_DIGEST = 24
_CHECK = 16


def seal(thoughts: str) -> str:
    """Return the seal of ``thoughts``."""
    marked = _MARK + _digest(thoughts)
    return base64.b64encode(marked + _check(marked)).decode()


def is_sealed(value: object, thoughts: str | None = None) -> bool:
    """Return whether ``value`` is an unchanged seal of the emulator; of ``thoughts``, if given."""
    if not isinstance(value, str):
        return False
    try:
        # Google's SDK encodes bytes in the URL-safe alphabet of Base64.
        data = base64.b64decode(value.replace("-", "+").replace("_", "/"), validate=True)
    except (binascii.Error, ValueError):
        return False
    marked, check = data[:-_CHECK], data[-_CHECK:]
    if not marked.startswith(_MARK) or not hmac.compare_digest(check, _check(marked)):
        return False
    return thoughts is None or marked == _MARK + _digest(thoughts)


def _digest(thoughts: str) -> bytes:
    return hashlib.sha256(thoughts.encode("utf-8", "surrogatepass")).digest()[:_DIGEST]


def _check(marked: bytes) -> bytes:
    return hmac.digest(_KEY, marked, "sha256")[:_CHECK]
