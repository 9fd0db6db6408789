"""Turns what a provider says when it fails into one ``LLMError``. Pure.

Takes an error apart whatever its shape is, has ``verdicts`` decide which of ours it is, and writes the
sentence for the user and the story for the admin. Exceptions are recognised by their shape too, so
that nothing here imports an SDK. A mistake in our own code gets its story here as well.
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

#: Characters of the provider's own sentence that a user is shown.
_LONGEST_QUOTE = 300
#: Characters of an error body that an admin can read.
_LONGEST_BODY = 8_000
#: Calls up from where an exception was raised that an admin can read.
_DEEPEST = 4

#: What a user reads when a base URL points to something that redirects.
REDIRECTED = (
    "The model provider's address answered with a redirect, which is not followed. "
    "Ask your administrator to check the base URL."
)

#: What a user reads when nothing answered at all.
UNREACHABLE = (
    "The model provider could not be reached. "
    "Check this server's network connection and the provider's base URL, then try again."
)

#: What a user reads when nothing answered in time.
UNCONNECTED = (
    "The model provider did not take the connection in time. "
    "Check this server's network connection and the provider's base URL, then try again."
)

#: Failures whose cause the provider's own words tell better than ours.
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
    """Return the error that ``payload`` means. Never raises, never quotes a key.

    ``payload`` is an error body or object as the provider sent it: decoded JSON, text, bytes or
    ``None``. ``status`` is that of the HTTP response (``None`` or 200 for an error inside a
    stream), ``headers`` are that response's.
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
    """Return the error that an exception from an SDK, httpx2 or a decoder means.

    An ``LLMError`` comes back as it is. The request, which carries the key, is not kept.
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
    story = {
        "status": status,
        "message": redact_text(clean(" <- ".join(f"{type(link).__name__}: {link}" for link in chain)))[
            :_LONGEST_BODY
        ],
    }
    if any(isinstance(link, AddressRefused) for link in chain):
        return errors.LLMAddressRefusedError(detail=story)
    if any(isinstance(link, httpx2.ConnectTimeout) for link in chain):
        return errors.LLMTimeoutError(UNCONNECTED, detail={**story, "watchdog": "connect"})
    if any(isinstance(link, (TimeoutError, httpx2.TimeoutException)) for link in chain):
        return errors.LLMTimeoutError(detail=story)
    if any(isinstance(link, httpx2.ConnectError) for link in chain):
        return errors.LLMConnectionError(UNREACHABLE, detail=story)
    # What the SDKs raise without a body, and without a cause that tells more, is their connection error.
    if any(isinstance(link, _BROKEN) for link in chain) or hasattr(exc, "request"):
        return errors.LLMConnectionError(detail=story)
    return LLMError(detail=story)


def whereabouts(exc: BaseException) -> dict[str, str]:
    """Return the type of ``exc`` and where it was raised; its message may quote a request or an answer."""
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
        sentences += (_plain(text) for key in _SAYING if isinstance(text := node.get(key), str))
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


#: Where a sentence stands, the most telling first: OpenRouter quotes the provider behind it in ``raw``.
_SAYING = ("raw", "message", "error", "detail", "msg")


def _nodes(body: object) -> Iterator[Mapping[str, Any]]:
    """Yield every object in ``body`` that tells something about the error, the innermost quote first."""
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
    """Return ``text`` on one line; of an HTML page only its title."""
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
