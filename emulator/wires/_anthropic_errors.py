"""Anthropic's error responses. Pure."""

from uuid import uuid4

from emulator.actions import Fault, Hint
from emulator.wires._rules import Refusal
from emulator.wires.frames import ErrorReply
from providers.types import Json

#: The wait that the real API asks for most often.
_HINT = Hint(seconds="7")

_INVALID = "invalid_request_error"

#: Status, type and message; ``{about}`` is the model, the path or the reason.
_FORMS: dict[Fault, tuple[int, str, str]] = {
    Fault.MALFORMED: (400, _INVALID, "{about}"),
    Fault.UNKNOWN_PATH: (404, "not_found_error", "Not found"),
    Fault.WRONG_METHOD: (405, _INVALID, "Method Not Allowed"),
    Fault.UNKNOWN_MODEL: (404, "not_found_error", "model: {about}"),
    Fault.CONTEXT_WINDOW: (400, _INVALID, "prompt is too long: 213141 tokens > 200000 maximum"),
    Fault.FILTERED: (400, _INVALID, "Output blocked by content filtering policy"),
    Fault.UNAUTHORIZED: (401, "authentication_error", "invalid x-api-key"),
    Fault.NO_CREDITS: (402, "billing_error", "There is a problem with your billing or payment details."),
    Fault.QUOTA: (
        400,
        _INVALID,
        "Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing.",
    ),
    Fault.FORBIDDEN: (
        403,
        "permission_error",
        "Your API key does not have permission to use the specified resource.",
    ),
    Fault.TIMED_OUT: (408, "timeout_error", "Request timed out"),
    Fault.CONFLICT: (409, "conflict_error", "The resource was changed by another request."),
    Fault.TOO_LARGE: (413, "request_too_large", "Request exceeds the maximum size"),
    Fault.UNPROCESSABLE: (422, _INVALID, "The request was well formed but could not be followed."),
    Fault.RATE_LIMITED: (
        429,
        "rate_limit_error",
        "This request would exceed your organization's rate limit. Please try again later.",
    ),
    Fault.SERVER_ERROR: (500, "api_error", "Internal server error"),
    Fault.BAD_GATEWAY: (502, "api_error", "Bad gateway"),
    Fault.OVERLOADED: (529, "overloaded_error", "Overloaded"),
    Fault.GATEWAY_TIMEOUT: (504, "timeout_error", "Request timed out"),
}


def reply(
    fault: Fault, about: str = "", *, status: int | None = None, hint: Hint | None = None
) -> ErrorReply:
    """Return the error for ``fault``; see ``EmulatedWire.error``."""
    if hint is None and fault is Fault.RATE_LIMITED:
        hint = _HINT
    body = event(fault, about)
    return ErrorReply(
        status=status or _FORMS[fault][0],
        body=body,
        headers={"request-id": body["request_id"], **({} if hint is None else hint.headers())},
    )


def refused(refusal: Refusal) -> ErrorReply:
    """Return the error for a rule that a request breaks."""
    return reply(Fault.MALFORMED, refusal.message)


def event(fault: Fault, about: str = "") -> Json:
    """Return the error object, the same in a body and in a stream."""
    _, kind, message = _FORMS[fault]
    return {
        "type": "error",
        "error": {"type": kind, "message": message.replace("{about}", about)},
        "request_id": request_id(),
    }


def request_id() -> str:
    """Return a new random request id."""
    return f"req_{uuid4().hex[:24]}"
