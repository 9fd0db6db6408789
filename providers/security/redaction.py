"""Removes credentials from traces, error details and log lines.

It removes text that looks like a credential, and every configured key. The text that streams to a user must not pass
here, because redaction could change it.
"""

import re
from collections.abc import Mapping
from typing import Any

REDACTED = "[redacted]"

#: A configured key is a secret when it has this many characters, or half as many and a digit.
#: Anything else is a placeholder ("ollama"): replacing that everywhere would eat words.
_SURELY_SECRET = 16

_SECRET_NAMES = frozenset(
    {
        "authorization",
        "proxy-authorization",
        "x-api-key",
        "x-goog-api-key",
        "api-key",
        "api_key",
        "apikey",
        "access_token",
        "cookie",
        "set-cookie",
    }
)

#: A cheap test on the lower-cased text first, then the pattern; group 1 is what stays.
_PATTERNS = (
    ("sk-", re.compile(r"()\bsk-[A-Za-z0-9_*-]{16,}")),
    ("aiza", re.compile(r"()\bAIza[A-Za-z0-9_-]{20,}")),
    ("ya29.", re.compile(r"()\bya29\.[A-Za-z0-9._-]{20,}")),
    ("earer ", re.compile(r"(?i)(\bbearer\s+)[A-Za-z0-9._~+/=*-]{12,}")),
    ("key=", re.compile(r"(?i)(\b(?:api_?)?key=)[^&\s\"']+")),
    ("api-key", re.compile(r"(?i)(\bx-(?:goog-)?api-key[\"']?\s*[:=]\s*[\"']?)[^\s\"',}]+")),
    ("api key", re.compile(r"(?i)(\bapi key(?: provided)?\s*[:=]\s*)[^\s\"',]+?(?=[.,]?(?:\s|$))")),
    ("authorization", re.compile(r"(?i)(\bauthorization[\"']?\s*[:=]\s*[\"']?)(?:\w+\s+)?[^\s\"',}]+")),
)

_secrets: set[str] = set()


def remember(secret: str) -> None:
    """Redact ``secret`` everywhere from now on, unless it is too short to be a secret."""
    has_digit = any(character.isdigit() for character in secret)
    if len(secret) >= (_SURELY_SECRET // 2 if has_digit else _SURELY_SECRET):
        _secrets.add(secret)


def redact_text(text: str) -> str:
    """Return ``text`` without credentials."""
    for secret in _secrets:
        if secret in text:
            text = text.replace(secret, REDACTED)
    lowered = text.lower()
    for hint, pattern in _PATTERNS:
        if hint in lowered:
            text = pattern.sub(rf"\g<1>{REDACTED}", text)
    return text


def redact(value: Any) -> Any:
    """Return ``value``, a JSON value, without credentials in its strings or under the usual names of credentials.

    Under such a name only text is redacted, because a JSON Schema may have a property named ``api_key``.
    """
    match value:
        case str():
            return redact_text(value)
        case Mapping():
            return {key: _redact_member(key, item) for key, item in value.items()}
        case list() | tuple():
            return [redact(item) for item in value]
        case _:
            return value


def _redact_member(key: Any, value: Any) -> Any:
    if isinstance(value, str) and isinstance(key, str) and key.lower() in _SECRET_NAMES:
        return REDACTED
    return redact(value)
