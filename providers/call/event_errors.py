"""Makes errors of what stands in a stream where an event should be. Pure."""

from typing import Any

from providers.errors import LLMConnectionError, LLMError, LLMMalformedResponseError, LLMServerError
from providers.errors.translation import from_payload
from providers.security.redaction import redact_text
from providers.text.cleaning import clean

#: Characters of unreadable data that a user sees, and that an admin sees.
_QUOTED, _SHOWN = 120, 8_000


def text_of(data: bytes) -> str:
    """Return ``data`` as clean text."""
    return clean(data.decode("utf-8", "replace"))


def as_event(value: Any) -> dict[str, Any]:
    """Return ``value``, what stood in a field ``error:``, in the form that an error has in ``data:``."""
    if isinstance(value, dict):
        return value if value.get("error") else {"error": value}
    return {"error": {"message": str(value)}}


def from_words(data: bytes) -> dict[str, Any]:
    """Return the event for an event named ``error`` whose data is words, or nothing."""
    return as_event(text_of(data).strip() or "The provider sent an error without a description.")


def unreadable(name: str, data: bytes) -> LLMError:
    """Return the error for the event ``name`` whose data is no JSON.

    Words may say what failed: they are judged and quoted. Broken JSON is for the admin only.
    """
    text = redact_text(text_of(data))
    detail = {"event": name, "data": text[:_SHOWN], "message": "An event's data is no JSON."}
    if text.lstrip().startswith(("{", "[")):
        return LLMConnectionError(
            "The model provider sent data that cannot be read. Try again.", detail=detail
        )
    error = from_payload(text, status=None)
    if type(error) is not LLMServerError:
        error.detail |= {"event": name, "data": text[:_SHOWN]}
        return error
    quote = " ".join(text[:_QUOTED].split()) + ("…" if len(text) > _QUOTED else "")
    return LLMMalformedResponseError(
        f"The model provider sent data that is no JSON: {quote} — Try again.", detail=detail
    )
