"""Finds the error in an event of a stream, or in a whole JSON answer, whatever its shape. Pure.

An answer never has a member of these shapes that says something, so wires need not look for errors themselves.
"""

from collections.abc import Mapping

from providers.errors import members, wordings
from providers.errors.failure import decoded
from providers.errors.taxonomy import LLMError
from providers.errors.translation import from_payload
from providers.framing.event_names import is_about_an_item, names_error

#: Statuses of a failure.
_FAILED = frozenset({"error", "fail", "failed", "failure"})
_NEWS = wordings.any_of(wordings.NEWS)
_FAILING = wordings.any_of(wordings.FAILURE)


def error_in(event: object, name: str | None = None) -> LLMError | None:
    """Return the error that ``event`` reports; ``None`` if it reports none.

    Args:
        event: The decoded data of an event, a whole decoded JSON answer, or plain text.
        name: The event's name, or the field outside ``data:`` that it came in (``error``); ``None`` without one.
    """
    is_named = name is not None and names_error(name)
    if isinstance(event, dict):
        if not is_named and members.SIGNS.isdisjoint(event) and not _is_exception(event):
            return None
        return (
            from_payload(_with_name(event, name), status=None)
            if is_named or _is_exception(event) or _reports_error(event)
            else None
        )
    if is_named and event not in (None, "", []):
        return from_payload(event, status=None)
    if isinstance(event, str):
        inner = decoded(event)
        return error_in(inner) if isinstance(inner, dict) else None
    if isinstance(event, list):
        return next(
            (error for item in event[:8] if isinstance(item, dict) and (error := error_in(item))), None
        )
    return None


def _with_name(event: dict[str, object], name: str | None) -> object:
    """Return ``event`` with the name that says what failed, if it has no type of its own."""
    is_plain = name is None or name.lower() == "error" or "type" in event or not name.isidentifier()
    return event if is_plain else {"__type": name, **event}


def _is_exception(event: Mapping[str, object]) -> bool:
    """Whether ``event`` has an exception's name as its only member, as in Amazon's streams."""
    return len(event) == 1 and next(iter(event)).endswith("Exception")


def _reports_error(event: Mapping[str, object]) -> bool:
    kind, response = event.get("type"), event.get("response")
    if isinstance(response, Mapping) and response.get("status") == "failed":
        return True
    if isinstance(kind, str) and is_about_an_item(kind):
        return False
    if kind == "error" or event.get("object") == "error":
        return True
    found = [event.get(key) for key in ("error", "errors", "err", "fault", "exception", "Error")]
    # Tencent's envelope of every answer.
    found += [tencent.get("Error")] if isinstance(tencent := event.get("Response"), Mapping) else []
    if any(map(_says_something, found)):
        return True
    if any(event.get(key) for key in ("error_message", "errorMessage", "error_msg", "faultstring")):
        return True
    if isinstance(kind, str) and names_error(kind):
        return True
    base, header = event.get("base_resp"), event.get("header")
    if isinstance(base, Mapping) and base.get("status_code") not in (0, "0", None):
        return True
    if isinstance(header, Mapping) and "message" in header and header.get("code") not in (0, "0", None):
        return True
    return _is_flat_error(event)


def _is_flat_error(event: Mapping[str, object]) -> bool:
    """Whether ``event`` is an error without a member that is called so: a sentence, maybe a code, and no answer."""
    if not members.OF_ANSWERS.isdisjoint(event):
        return False
    news = next((value for key in ("type", "status") if isinstance(value := event.get(key), str)), "")
    if _NEWS.match(news):
        return False
    if "detail" in event and _says_something(event["detail"]):
        return True
    keys = ("message", "Message", "msg", "errmsg", "title")
    sentence = next((text for key in keys if isinstance(text := event.get(key), str) and text.strip()), None)
    if event.get("success") is False or event.get("ok") is False:
        return True
    if sentence is None:
        return (
            news.lower() in _FAILED
            or bool(event.get("error_type") or event.get("error_code") or event.get("__type"))
            or any(
                isinstance(code := event.get(key), int) and 400 <= code < 600
                for key in ("code", "statusCode", "status_code", "status")
            )
        )
    return _has_code_of_failure(event) or _FAILING.search(sentence) is not None


def _has_code_of_failure(event: Mapping[str, object]) -> bool:
    codes = [
        event.get(key)
        for key in ("code", "statusCode", "status_code", "status", "error_type", "error_code", "__type")
    ]
    return any(
        (isinstance(code, str) and code.lower() not in ("", "0", "200", "ok", "success"))
        or (isinstance(code, int) and not isinstance(code, bool) and code not in (0, 200))
        for code in codes
    )


def _says_something(value: object) -> bool:
    """Whether an ``error`` member is one: not null, not empty, not an object of empty values or of a success."""
    match value:
        case None | False:
            return False
        case str():
            return value.strip().lower() not in ("", "null", "none", "false", "ok")
        case Mapping():
            said = {key: item for key, item in value.items() if item not in (None, "", 0, False, [], {})}
            return bool(said) and said.get("code") not in (200, "200")
        case list():
            return any(_says_something(item) for item in value)
        case int():
            return value not in (0, 200)
        case _:
            return True
