"""Makes errors of bytes that cannot be read as events."""

from typing import assert_never

from providers.call import size_errors
from providers.errors import LLMConnectionError, LLMError, LLMMalformedResponseError, LLMServerError
from providers.errors.events import error_in
from providers.errors.failure import quoted
from providers.errors.translation import from_payload
from providers.framing.event_data import text_of
from providers.framing.failures import Damaged, FramingFailure, TooLong, Unreadable
from providers.security.redaction import redact_text

#: Characters of unreadable data that a user sees, and that an admin sees.
_QUOTED, _SHOWN = 120, 8_000


def error_of(failure: FramingFailure) -> LLMError:
    """Return the error for ``failure``."""
    match failure:
        case TooLong(limit=limit):
            return size_errors.event(limit)
        case Unreadable(name=name, data=data):
            return _unreadable(name, data)
        case Damaged(why=why):
            return LLMMalformedResponseError(detail={"message": why})
        case _:
            assert_never(failure)


def _unreadable(name: str, data: bytes) -> LLMError:
    """Return the error for data that is no JSON.

    Words may say what failed: they are judged and quoted. Broken JSON is for the admin only.
    """
    text = redact_text(text_of(data))
    detail = {"event": name, "data": text[:_SHOWN], "message": "An event's data is no JSON."}
    # Some servers print an object of Python's where JSON should be.
    printed = quoted(text) if text.startswith("{'") else None
    error = error_in(printed, name or None) if isinstance(printed, dict) else None
    if error is None and _begins_as_json(text):
        return LLMConnectionError(
            "The model provider sent data that cannot be read. Try again.", detail=detail
        )
    error = error or from_payload(text, status=None)
    if type(error) is not LLMServerError:
        error.detail |= {"event": name, "data": text[:_SHOWN]}
        return error
    quote = " ".join(text[:_QUOTED].split()) + ("…" if len(text) > _QUOTED else "")
    return LLMMalformedResponseError(
        f"The model provider sent data that is no JSON: {quote} — Try again.", detail=detail
    )


def _begins_as_json(text: str) -> bool:
    """Return whether a text begins as an object or a list, which words in brackets do not."""
    first, second = text.lstrip()[:1], text.lstrip()[1:2]
    return first == "{" or (first == "[" and not (second.isascii() and second.isalpha()))
