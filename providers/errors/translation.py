"""Translates a provider's error body or an SDK's exception into one ``LLMError``. Pure.

Parses errors of any shape, lets ``classification`` choose the class, and builds the message for the user and
the details for the admin. Recognises exceptions by their attributes, so that this module imports no SDK.
``whereabouts`` builds the details of a bug in this project.
"""

import json
import re
import ssl
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from math import isfinite
from traceback import walk_tb
from typing import Any

import httpx2

from providers import errors
from providers.errors import LLMError
from providers.errors.classification import Failure, classify, is_page
from providers.security.addresses import AddressRefused
from providers.security.redaction import redact, redact_text
from providers.text import clean, clean_json

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

#: Message for the user if no connection was possible.
UNREACHABLE = (
    "The model provider could not be reached. "
    "Check this server's network connection and the provider's base URL, then try again."
)

#: Message for the user if the connection timed out.
UNCONNECTED = (
    "The model provider did not take the connection in time. "
    "Check this server's network connection and the provider's base URL, then try again."
)

#: Errors whose message quotes the provider, because its words are more specific.
_QUOTED = (errors.LLMBadRequestError, errors.LLMNotFoundError, errors.LLMUnprocessableEntityError)

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
    failure = _parse(payload, status)
    kind = classify(failure)
    return kind(
        _sentence(kind, failure),
        status=failure.status,
        retry_after=_retry_after(headers or {}, failure.body),
        detail=_detail(failure),
    )


def from_exception(exc: BaseException) -> LLMError:
    """Return the error for an exception from an SDK, httpx2 or a decoder.

    Returns an ``LLMError`` unchanged. Does not keep the request, because it holds the API key.
    """
    if isinstance(exc, LLMError):
        return exc
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
    chain = tuple(_causes(exc))
    detail = {
        "status": status,
        "message": redact_text(clean(" <- ".join(f"{type(link).__name__}: {link}" for link in chain)))[
            :_LONGEST_BODY
        ],
    }
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


def _parse(payload: object, status: int | None) -> Failure:
    body = clean_json(_decoded(payload))
    words: set[str] = set()
    numbers: list[int] = []
    sentences: list[str] = []
    for node in _nodes(body):
        for key in (
            "status_code",
            "raw_status_code",
            "code",
            "status",
            "type",
            "reason",
            "error_type",
            "__type",
        ):
            value = node.get(key)
            if isinstance(value, int) or (isinstance(value, str) and value.isdecimal()):
                numbers.append(int(value))
            elif isinstance(value, str):
                words.add(re.sub(r"[\s-]+", "_", value.lower()))
        sentences += (_plain(text) for key in _MESSAGE_KEYS if isinstance(text := node.get(key), str))
    if isinstance(body, str):
        sentences.append(_plain(body))
    if status is None or status < 300:
        status = next((number for number in numbers if 400 <= number < 600), status)
    return Failure(
        status=status,
        words=frozenset(words),
        sentences=tuple(dict.fromkeys(filter(None, sentences))),
        body=body,
    )


#: Keys of messages, most specific first: OpenRouter quotes the upstream provider in ``raw``.
_MESSAGE_KEYS = ("raw", "message", "error", "detail", "msg")


def _nodes(body: object) -> Iterator[Mapping[str, Any]]:
    """Yield every object in ``body`` that describes the error, the innermost quote first."""
    match _decoded(body):
        case Mapping() as node:
            for key in ("raw", "metadata", "error", "response", "innererror"):
                if not isinstance(inner := node.get(key), str) or inner.lstrip().startswith(("{", "[")):
                    yield from _nodes(inner)
            yield node
            for item in node.get("details") or () if isinstance(node.get("details"), list) else ():
                if isinstance(item, Mapping):
                    yield item
        case [first, *_]:
            yield from _nodes(first)
        case _:
            return


def _decoded(payload: object) -> object:
    if isinstance(payload, (bytes, bytearray)):
        payload = bytes(payload).decode("utf-8", "replace")
    if isinstance(payload, str) and payload.lstrip().startswith(("{", "[")):
        try:
            return json.loads(payload)
        except ValueError:
            return payload
    return payload


def _plain(text: str) -> str:
    """Return ``text`` on one line; for an HTML page, only its title."""
    if is_page(text):
        title = re.search(r"<title[^>]*>(.*?)</title>", text, re.IGNORECASE | re.DOTALL)
        text = title[1] if title else ""
    return " ".join(text.split())


def _sentence(kind: type[LLMError], failure: Failure) -> str | None:
    if kind is errors.LLMConnectionError and 300 <= (failure.status or 0) < 400:
        return REDIRECTED
    if kind not in _QUOTED or not failure.sentences:
        return None
    quote = redact_text(failure.sentences[0])
    if len(quote) > _LONGEST_QUOTE:
        quote = quote[: _LONGEST_QUOTE - 1] + "…"
    return f"{kind().message} The provider said: {quote}"


def _detail(failure: Failure) -> dict[str, Any]:
    nodes = tuple(_nodes(failure.body))
    body = redact(failure.body)
    if len(text := body if isinstance(body, str) else json.dumps(body, default=str)) > _LONGEST_BODY:
        body = text[:_LONGEST_BODY]
    return {
        "status": failure.status,
        "type": next((node["type"] for node in nodes if node.get("type")), None),
        "code": next((node["code"] for node in nodes if node.get("code")), None),
        "message": redact_text(failure.text)[:_LONGEST_BODY],
        "body": body,
    }


def _retry_after(headers: Mapping[str, str], body: object) -> float | None:
    lowered = {name.lower(): value for name, value in headers.items()}
    delay = next((node["retryDelay"] for node in _nodes(body) if isinstance(node.get("retryDelay"), str)), "")
    readings = (
        _seconds(lowered.get("retry-after-ms", ""), scale=0.001),
        _seconds(lowered.get("retry-after", "")),
        _seconds_until(lowered.get("retry-after", "")),
        _seconds(delay.removesuffix("s")),
    )
    return next((seconds for seconds in readings if seconds is not None), None)


def _seconds(value: str, *, scale: float = 1.0) -> float | None:
    try:
        seconds = float(value) * scale
    except ValueError:
        return None
    return seconds if isfinite(seconds) and seconds >= 0 else None


def _seconds_until(date: str) -> float | None:
    try:
        moment = parsedate_to_datetime(date)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())
