"""Names in Redis: several installations may use the same one, so each has its own, by its ``SECRET_KEY``."""

from django.utils.crypto import salted_hmac


def own(name: str) -> str:
    """Return the name of a key or channel of this installation, which others cannot guess."""
    return f"runnel:{salted_hmac('redis', 'installation', algorithm='sha256').hexdigest()[:16]}:{name}"
