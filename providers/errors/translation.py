"""Translates a provider's error body or an SDK's exception into one ``LLMError``. Pure.

Parses errors of any shape, lets ``classification`` choose the class, and builds the message for the user and
the details for the admin. Recognises exceptions by their attributes, so that this module imports no SDK.
``whereabouts`` builds the details of a bug in this project.
"""

import json
import ssl
from collections.abc import Iterator, Mapping
from traceback import walk_tb
from typing import Any

import httpx2

from providers import errors
from providers.errors import LLMError, wordings
from providers.errors.classification import classify
from providers.errors.failure import Failure, read_failure
from providers.errors.pauses import pause_asked_for
from providers.network.streams import TooMuchBeforeBody
from providers.security.addresses import AddressRefused
from providers.security.redaction import redact, redact_text
from providers.text.cleaning import clean

#: Maximum characters of a provider's message that a user sees.
_LONGEST_QUOTE = 300
#: Maximum characters of an error body that an admin sees.
_LONGEST_BODY = 8_000
#: Maximum stack frames of an exception that an admin sees, innermost ones.
_DEEPEST = 4

#: Message for the user if the base URL redirects.
REDIRECTED = (
    "The model provider's address answered with a redirect, which is not followed. "
    "Ask your administrator to check the base URL."
)

#: Message for the user if the provider knows no such path.
NO_SUCH_PATH = (
    "The model provider has no API at this address. Ask your administrator to check the provider's base URL."
)
_UNKNOWN_PATH = wordings.any_of(wordings.UNKNOWN_PATH)

#: Message for the user if no connection was possible.
UNREACHABLE = (
    "The model provider could not be reached. "
    "Check this server's network connection and the provider's base URL, then try again."
)

#: Message for the user if an answer never gets to its content.
ENDLESS_HEAD = (
    "The model provider sent headers without end before its answer. "
    "Ask your administrator to check the base URL, or choose another model."
)

#: Message for the user if the connection timed out.
UNCONNECTED = (
    "The model provider did not take the connection in time. "
    "Check this server's network connection and the provider's base URL, then try again."
)

#: Errors whose message quotes the provider, because its words are more specific.
_QUOTED = (
    errors.LLMBadRequestError,
    errors.LLMNotFoundError,
    errors.LLMUnprocessableEntityError,
    errors.LLMPermissionDeniedError,
    errors.LLMInsufficientCreditsError,
    errors.LLMQuotaUsedUpError,
    errors.LLMOverRateLimitError,
)

#: Errors that ``x-should-retry: true`` does not make retryable: the same request would fail in the same way.
_NEVER_AGAIN = (
    errors.LLMContextWindowExceededError,
    errors.LLMRequestTooLargeError,
    errors.LLMAuthenticationError,
    errors.LLMInsufficientCreditsError,
    errors.LLMQuotaUsedUpError,
    errors.LLMOverRateLimitError,
    errors.LLMContentFilterError,
    errors.LLMWrongAddressError,
)

#: ``ValueError`` covers bad JSON, bad UTF-8 and google-genai's ``UnknownApiResponseError``.
_BROKEN = (
    httpx2.HTTPError,
    httpx2.StreamError,
    httpx2.InvalidURL,
    ssl.SSLError,
    OSError,
    EOFError,
    ValueError,
)


def from_payload(
    payload: object, *, status: int | None, headers: Mapping[str, str] | None = None
) -> LLMError:
    """Return the error for ``payload``. Never raises; never quotes an API key.

    Args:
        payload: The provider's error body or object: decoded JSON, text, bytes or ``None``.
        status: The HTTP status; ``None`` or 200 for an error inside a stream.
        headers: The headers of the HTTP response.
    """
    failure = read_failure(payload, status)
    kind = classify(failure)
    headers = headers or {}
    return kind(
        _sentence(kind, failure),
        status=failure.status,
        retry_after=pause_asked_for(failure, headers, is_limit=issubclass(kind, errors.LLMRateLimitError)),
        detail=_detail(failure),
        retryable=_asked_to_retry(kind, headers),
    )


def from_exception(exc: BaseException) -> LLMError:
    """Return the error for an exception from an SDK, httpx2 or a decoder.

    Returns an ``LLMError`` unchanged, also one that an SDK has wrapped. Does not keep the request, because it holds
    the API key.
    """
    if isinstance(exc, LLMError):
        return exc
    chain = tuple(_causes(exc))
    if (ours := next((link for link in chain if isinstance(link, LLMError)), None)) is not None:
        return ours.with_traceback(None)
    response = getattr(exc, "response", None)
    codes = (
        getattr(exc, "status_code", None),
        getattr(exc, "code", None),
        getattr(response, "status_code", None),
    )
    status = next((code for code in codes if isinstance(code, int)), None)
    payload = getattr(exc, "body", None) or getattr(exc, "details", None)
    if payload is None and status is not None and status >= 300:
        payload = str(getattr(exc, "message", None) or exc)
    if payload is not None:
        return from_payload(payload, status=status, headers=getattr(response, "headers", None))
    detail = {
        "status": status,
        "message": redact_text(clean(" <- ".join(f"{type(link).__name__}: {link}" for link in chain)))[
            :_LONGEST_BODY
        ],
    }
    if any(isinstance(link, TooMuchBeforeBody) for link in chain):
        return errors.LLMOversizedResponseError(ENDLESS_HEAD, detail=detail)
    if any(isinstance(link, AddressRefused) for link in chain):
        return errors.LLMAddressRefusedError(detail=detail)
    if any(isinstance(link, httpx2.ConnectTimeout) for link in chain):
        return errors.LLMTimeoutError(UNCONNECTED, detail={**detail, "watchdog": "connect"})
    if any(isinstance(link, (TimeoutError, httpx2.TimeoutException)) for link in chain):
        return errors.LLMTimeoutError(detail=detail)
    if any(isinstance(link, httpx2.ConnectError) for link in chain):
        return errors.LLMConnectionError(UNREACHABLE, detail=detail)
    # Without a body or a more specific cause, an SDK's exception is its connection error.
    if any(isinstance(link, _BROKEN) for link in chain) or hasattr(exc, "request"):
        return errors.LLMConnectionError(detail=detail)
    return LLMError(detail=detail)


def whereabouts(exc: BaseException) -> dict[str, str]:
    """Return the type of ``exc`` and the place where it was raised.

    Omits its message, which may quote a request or an answer.
    """
    places = [
        f"{frame.f_globals.get('__name__')}.{frame.f_code.co_qualname}:{line}"
        for frame, line in walk_tb(exc.__traceback__)
    ]
    return {"exception": type(exc).__name__, "place": " > ".join(places[-_DEEPEST:])}


def _causes(exc: BaseException) -> Iterator[BaseException]:
    link: BaseException | None = exc
    while link is not None:
        yield link
        link = link.__cause__


def _sentence(kind: type[LLMError], failure: Failure) -> str | None:
    if kind is errors.LLMWrongAddressError and 300 <= (failure.status or 0) < 400:
        return REDIRECTED
    if not issubclass(kind, _QUOTED) or not failure.sentences:
        return None
    quote = redact_text(failure.sentences[0])
    if len(quote) > _LONGEST_QUOTE:
        quote = quote[: _LONGEST_QUOTE - 1] + "…"
    is_unknown = kind is errors.LLMNotFoundError and _UNKNOWN_PATH.search(failure.text[:_LONGEST_QUOTE])
    advice = NO_SUCH_PATH if is_unknown or failure.status == 405 else kind().message
    return f"{advice} The provider said: {quote}"


def _asked_to_retry(kind: type[LLMError], headers: Mapping[str, str]) -> bool | None:
    """Return what ``x-should-retry`` asks for; ``None`` if nothing, or if the same request must fail again."""
    asked = next((value for name, value in headers.items() if name.lower() == "x-should-retry"), "").lower()
    if asked == "false":
        return False
    return True if asked == "true" and not issubclass(kind, _NEVER_AGAIN) else None


def _detail(failure: Failure) -> dict[str, Any]:
    nodes = failure.nodes
    body = redact(failure.body)
    if len(text := body if isinstance(body, str) else json.dumps(body, default=str)) > _LONGEST_BODY:
        body = text[:_LONGEST_BODY]
    return {
        "status": failure.status,
        "type": next((node["type"] for node in nodes if isinstance(node.get("type"), (str, int))), None),
        "code": next((node["code"] for node in nodes if isinstance(node.get("code"), (str, int))), None),
        "message": redact_text(" ".join(failure.sentences))[:_LONGEST_BODY],
        "body": body,
    }
