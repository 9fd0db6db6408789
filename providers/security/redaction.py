"""Removes credentials from traces, error details and log lines.

Redacts text that looks like a credential, and every configured key. Use it for traces, error details and log
lines only, never for text that is streamed to a user.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

REDACTED = "[redacted]"

#: A configured key is redacted if it has this many characters, or half as many with a digit among them.
#: A shorter key is a placeholder ("ollama"); redacting it would remove ordinary words.
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

#: Pairs of a hint and a pattern. The pattern is tried only if the lower-cased text contains the hint, because
#: that test is cheap. Group 1 of the pattern is kept.
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
    """Redact ``secret`` in all text from now on, unless it is a placeholder."""
    if _is_secret(secret):
        _secrets.add(secret)


def without(value: Any, secrets: Iterable[str]) -> Any:
    """Return ``value``, a JSON value, without these secrets in its strings; placeholders stay.

    It removes nothing else, so it is also for text that a user reads.
    """
    known = [secret for secret in secrets if _is_secret(secret)]
    return _without(value, known) if known else value


def _without(value: Any, secrets: list[str]) -> Any:
    match value:
        case str():
            for secret in secrets:
                value = value.replace(secret, REDACTED)
            return value
        case Mapping():
            return {_without(key, secrets): _without(item, secrets) for key, item in value.items()}
        case list() | tuple():
            return [_without(item, secrets) for item in value]
        case _:
            return value


def _is_secret(text: str) -> bool:
    has_digit = any(character.isdigit() for character in text)
    return len(text) >= (_SURELY_SECRET // 2 if has_digit else _SURELY_SECRET)


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

    Under a name such as ``api_key`` only a string is redacted: a schema may have a property of that name.
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
