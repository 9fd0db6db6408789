"""Chooses the error class of a provider's failure. Pure.

Providers word their errors differently, and some use one status for several failures. Words therefore come before the
status: first sentences about money, quotas and length, then codes and types, then other sentences, then the status.
``wordings`` has the words, ``languages`` those of other languages.
"""

import re

from providers.errors import languages, wordings
from providers.errors import taxonomy as errors
from providers.errors.failure import Failure
from providers.errors.pauses import pause_in_words
from providers.errors.taxonomy import LLMError
from providers.errors.wordings import any_of
from providers.text.pages import is_page

_BY_STATUS: dict[int, type[LLMError]] = {
    401: errors.LLMAuthenticationError,
    402: errors.LLMInsufficientCreditsError,
    403: errors.LLMPermissionDeniedError,
    404: errors.LLMNotFoundError,
    408: errors.LLMTimeoutError,
    409: errors.LLMConflictError,
    # A model that was withdrawn.
    410: errors.LLMNotFoundError,
    413: errors.LLMRequestTooLargeError,
    422: errors.LLMUnprocessableEntityError,
    # Text Generation Inference: the generation failed.
    424: errors.LLMServerError,
    429: errors.LLMRateLimitError,
    # Portkey: a check of the request failed.
    446: errors.LLMContentFilterError,
    # Google's backend cancelled its own work; this client did not.
    499: errors.LLMServerError,
    503: errors.LLMProviderOverloadedError,
    # Cloudflare's time-outs of the server behind it.
    522: errors.LLMConnectionError,
    524: errors.LLMTimeoutError,
    504: errors.LLMTimeoutError,
    529: errors.LLMProviderOverloadedError,
}
#: Seconds within which a limit is one per minute, whatever it is called.
_SHORT_PAUSE = 60.0
#: Statuses that gateways use for anything. A status that the error itself names is more precise.
_VAGUE = frozenset({400, 500, 502})
#: Statuses at which sentences decide; the others are precise enough.
_OPEN_TO_WORDS = _VAGUE | {403, 413, 422}


#: Statuses with which a web page is no provider's answer, whatever its words.
_OF_OTHER_SITES = frozenset({0, 200, 404, 405})

_NO_CREDIT = any_of((*wordings.NO_CREDIT, *languages.NO_CREDIT))
_OVER_QUOTA = any_of(wordings.OVER_QUOTA)
_SHORT_LIMIT = any_of((*wordings.SHORT_LIMIT, languages.SHORT_LIMIT))
_LONG_LIMIT = any_of((*wordings.LONG_LIMIT, languages.LONG_LIMIT))
#: Words of a limit.
_LIMIT = any_of((r"limit|quota|exceed|reach|allow|alloc|used (up|all)|too many", languages.LIMIT))
_QUOTA = any_of((*wordings.QUOTA, *languages.QUOTA))
_TOO_LONG = any_of((*wordings.TOO_LONG, *languages.TOO_LONG))
_TOO_LARGE = any_of(wordings.TOO_LARGE)
_SENTENCES = {
    kind: any_of((*patterns, *languages.SENTENCES.get(kind, ())))
    for kind, patterns in wordings.SENTENCES.items()
}
_CODES = {kind: frozenset(codes.split()) for kind, codes in wordings.CODES.items()}
_REQUEST_AT_FAULT = re.compile(wordings.REQUEST_AT_FAULT)

#: The figures of a limit and of the request that met it: ``Limit 8000, Requested 42084``.
_FIGURES = re.compile(
    r"\blimit\W{1,3}([\d,]+)\b.{0,60}?\brequested\W{1,3}([\d,]+)", re.IGNORECASE | re.DOTALL
)
_RATE_LIMIT = any_of((r"\brate[ _-]?limit", *languages.SENTENCES[errors.LLMRateLimitError]))
#: A size in bytes, as opposed to one in tokens.
_IN_BYTES = re.compile(
    r"\d ?(bytes|[KMG]i?B)\b|^(?!.*\btokens?\b).*\b(body|payload)\b", re.IGNORECASE | re.DOTALL
)
_TOO_LARGE_AT_ONCE = re.compile(
    r"request too large .{0,200}(per min|TPM|rate limit)", re.IGNORECASE | re.DOTALL
)


def classify(failure: Failure) -> type[LLMError]:
    """Return the error class of ``failure``."""
    if is_page(failure.body) and _status(failure) in _OF_OTHER_SITES:
        return errors.LLMWrongAddressError
    return (
        _of_account(failure)
        or _of_length(failure)
        or _of_codes(failure)
        or _of_sentences(failure)
        or _of_status(failure)
    )


def is_short_limit(text: str) -> bool:
    """Whether the limit that ``text`` names first is one per minute or per second."""
    short, long = _SHORT_LIMIT.search(text), _LONG_LIMIT.search(text)
    return short is not None and (long is None or short.start() < long.start())


def _of_account(failure: Failure) -> type[LLMError] | None:
    """Return the class of a failure that is about money or a limit of the account."""
    text, words = failure.text, failure.words
    if _never_fits(failure):
        return errors.LLMOverRateLimitError
    if _NO_CREDIT.search(text) and not _SHORT_LIMIT.search(text):
        return errors.LLMInsufficientCreditsError
    if _names_long_quota(failure):
        return errors.LLMQuotaUsedUpError
    is_throttled = bool(words & _CODES[errors.LLMRateLimitError])
    if _OVER_QUOTA.search(text) and not is_throttled:
        return errors.LLMInsufficientCreditsError
    if words & _CODES[errors.LLMInsufficientCreditsError] or is_throttled or is_short_limit(text):
        return None
    if not _QUOTA.search(text):
        return None
    pause = pause_in_words(text)
    return errors.LLMQuotaUsedUpError if pause is None or pause > _SHORT_PAUSE else None


def _never_fits(failure: Failure) -> bool:
    """Whether the request alone is larger than a limit over time, so that no pause helps."""
    text = failure.text
    if _TOO_LARGE_AT_ONCE.search(text):
        return True
    figures = _FIGURES.search(text)
    is_over_time = (
        failure.words & _CODES[errors.LLMRateLimitError]
        or _SHORT_LIMIT.search(text)
        or _LONG_LIMIT.search(text)
    )
    if figures is None or not is_over_time:
        return False
    limit, requested = (int(figure.replace(",", "") or 0) for figure in figures.groups())
    return requested > limit > 0


def _names_long_quota(failure: Failure) -> bool:
    """Whether a limit per hour, day, week or month is used up."""
    quotas = [node["quotaId"] for node in failure.nodes if isinstance(node.get("quotaId"), str)]
    if quotas:
        return any(_LONG_LIMIT.search(quota) for quota in quotas)
    long = _LONG_LIMIT.search(failure.text)
    if long is None or is_short_limit(failure.text):
        return False
    return _LIMIT.search(failure.text) is not None


def _of_length(failure: Failure) -> type[LLMError] | None:
    """Return the class of a failure that is about the length or the size of the request."""
    if failure.status in (401, 404) or failure.words & _CODES[errors.LLMRateLimitError]:
        return None
    text = failure.text
    if _SHORT_LIMIT.search(text) or _RATE_LIMIT.search(text):
        return None
    is_long, is_large = _TOO_LONG.search(text), _TOO_LARGE.search(text)
    if is_long and not (is_large and _IN_BYTES.search(text)):
        return errors.LLMContextWindowExceededError
    return errors.LLMRequestTooLargeError if is_large else None


def _of_codes(failure: Failure) -> type[LLMError] | None:
    kind = _of_numbers(failure) or next(
        (kind for kind, codes in _CODES.items() if codes & failure.words), None
    )
    # The code of a used-up quota, for a limit per minute.
    is_short = kind is errors.LLMQuotaUsedUpError and is_short_limit(failure.text)
    return errors.LLMRateLimitError if is_short else kind


def _of_numbers(failure: Failure) -> type[LLMError] | None:
    for node in failure.nodes:
        code = node.get("code")
        if isinstance(code, str) and code in wordings.ZAI_CODES:
            return wordings.ZAI_CODES[code]
        if isinstance(answer := node.get("base_resp"), dict):
            number = answer.get("status_code")
            if isinstance(number, int) and number in wordings.MINIMAX_CODES:
                return wordings.MINIMAX_CODES[number]
    return None


def _of_sentences(failure: Failure) -> type[LLMError] | None:
    status = _status(failure)
    if status >= 300 and status not in _OPEN_TO_WORDS:
        return None
    kind = next((kind for kind, pattern in _SENTENCES.items() if pattern.search(failure.text)), None)
    if kind is None and status < 300 and failure.names_parameter:
        return errors.LLMBadRequestError
    if kind is errors.LLMBadRequestError and status not in {0, 200, 400, 500}:
        return None
    return kind


def _of_status(failure: Failure) -> type[LLMError]:
    status = _status(failure)
    if 300 <= status < 400:
        return errors.LLMWrongAddressError
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    if status in {0, 200, 500} and any(_REQUEST_AT_FAULT.search(word) for word in failure.words):
        return errors.LLMBadRequestError
    return errors.LLMBadRequestError if 400 <= status < 500 else errors.LLMServerError


def _status(failure: Failure) -> int:
    """Return the status that says most: that of the error itself if the HTTP status may stand for anything."""
    status = failure.status or 0
    if status < 300 or status in _VAGUE:
        return failure.stated or status
    return status
