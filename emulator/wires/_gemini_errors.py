"""Google's error responses. Pure."""

from dataclasses import dataclass

from emulator.actions import Fault, Hint
from emulator.wires._rules import Refusal
from emulator.wires.frames import ErrorReply
from providers.types import Json

#: The wait that the real API asks for most often.
_HINT = Hint(seconds="7")

_TYPES = "type.googleapis.com/google.rpc."


@dataclass(frozen=True, slots=True)
class _GeminiError:
    """One error; ``{about}`` in the message is the model or the reason."""

    status: int
    #: The gRPC name of the status.
    name: str
    message: str
    details: tuple[Json, ...] = ()


_FORMS: dict[Fault, _GeminiError] = {
    Fault.MALFORMED: _GeminiError(400, "INVALID_ARGUMENT", "{about}"),
    Fault.UNKNOWN_PATH: _GeminiError(404, "NOT_FOUND", "Requested entity was not found."),
    Fault.WRONG_METHOD: _GeminiError(405, "UNIMPLEMENTED", "Method not allowed."),
    Fault.UNKNOWN_MODEL: _GeminiError(
        404, "NOT_FOUND", "models/{about} is not found, or is not supported for generateContent."
    ),
    Fault.CONTEXT_WINDOW: _GeminiError(
        400,
        "INVALID_ARGUMENT",
        "The input token count (1250074) exceeds the maximum number of tokens allowed (1048576).",
    ),
    Fault.FILTERED: _GeminiError(
        400, "INVALID_ARGUMENT", "The prompt was blocked because it violates our content policy."
    ),
    # Google answers an invalid key with 400; it uses 401 for invalid OAuth tokens.
    Fault.UNAUTHORIZED: _GeminiError(
        400,
        "INVALID_ARGUMENT",
        "API key not valid. Please pass a valid API key.",
        (
            {
                "@type": f"{_TYPES}ErrorInfo",
                "reason": "API_KEY_INVALID",
                "domain": "googleapis.com",
                "metadata": {"service": "generativelanguage.googleapis.com"},
            },
        ),
    ),
    Fault.NO_CREDITS: _GeminiError(
        402, "FAILED_PRECONDITION", "Your prepayment credits are depleted. Please go to AI Studio to pay."
    ),
    Fault.QUOTA: _GeminiError(
        429,
        "RESOURCE_EXHAUSTED",
        "Your prepayment credits are depleted. Please go to AI Studio to manage your project and billing.",
    ),
    Fault.FORBIDDEN: _GeminiError(403, "PERMISSION_DENIED", "The caller does not have permission"),
    Fault.TIMED_OUT: _GeminiError(408, "DEADLINE_EXCEEDED", "The request timed out."),
    Fault.CONFLICT: _GeminiError(409, "ABORTED", "The operation was aborted because of a conflict."),
    Fault.TOO_LARGE: _GeminiError(
        413, "INVALID_ARGUMENT", "Request payload size exceeds the limit: 20971520 bytes."
    ),
    Fault.UNPROCESSABLE: _GeminiError(
        422, "INVALID_ARGUMENT", "The request was well formed but could not be followed."
    ),
    Fault.RATE_LIMITED: _GeminiError(429, "RESOURCE_EXHAUSTED", "You exceeded your current quota."),
    Fault.SERVER_ERROR: _GeminiError(500, "INTERNAL", "An internal error has occurred. Please retry."),
    Fault.BAD_GATEWAY: _GeminiError(502, "INTERNAL", "Bad gateway."),
    Fault.OVERLOADED: _GeminiError(503, "UNAVAILABLE", "The model is overloaded. Please try again later."),
    Fault.GATEWAY_TIMEOUT: _GeminiError(504, "DEADLINE_EXCEEDED", "The deadline expired before the end."),
}

#: Replaces the error for an invalid key if a directive asks for status 401.
_UNAUTHENTICATED = _GeminiError(
    401,
    "UNAUTHENTICATED",
    "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other "
    "valid authentication credential.",
)


def reply(
    fault: Fault, about: str = "", *, status: int | None = None, hint: Hint | None = None
) -> ErrorReply:
    """Return the error for ``fault``; see ``EmulatedWire.error``. The body holds the time to wait."""
    form = _UNAUTHENTICATED if (fault, status) == (Fault.UNAUTHORIZED, 401) else _FORMS[fault]
    if hint is None and fault is Fault.RATE_LIMITED:
        hint = _HINT
    details = list(form.details)
    message = form.message.replace("{about}", about)
    if hint is not None and (delay := _delay(hint)):
        message += f" Please retry in {delay}."
        details.append({"@type": f"{_TYPES}RetryInfo", "retryDelay": delay})
    body = error(status or form.status, form.name, message, details)
    headers = {} if hint is None else Hint(date=hint.date).headers()
    return ErrorReply(status=status or form.status, body=body, headers=headers)


def error(status: int, name: str, message: str, details: list[Json] | None = None) -> Json:
    """Return Google's error object, the same in a body and in a stream."""
    about: Json = {"code": status, "message": message, "status": name}
    if details:
        about["details"] = details
    return {"error": about}


def refused(refusal: Refusal) -> ErrorReply:
    """Return the error for a rule that a request breaks, with the field's path if the refusal has one."""
    details = None
    if refusal.param is not None:
        violation: Json = {"field": refusal.param, "description": refusal.message}
        details = [{"@type": f"{_TYPES}BadRequest", "fieldViolations": [violation]}]
    return ErrorReply(status=400, body=error(400, "INVALID_ARGUMENT", refusal.message, details))


def _delay(hint: Hint) -> str | None:
    if hint.seconds is not None:
        return f"{hint.seconds}s"
    if hint.milliseconds is None:
        return None
    try:
        return f"{float(hint.milliseconds) / 1000:g}s"
    except ValueError:
        return hint.milliseconds
