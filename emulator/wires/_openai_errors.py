"""OpenAI's error responses, for both of its wires. Pure."""

from dataclasses import dataclass

from emulator.actions import Fault, Hint
from emulator.wires._rules import Refusal
from emulator.wires.frames import ErrorReply
from providers.types import Json

_INVALID = "invalid_request_error"

#: The wait that the real API asks for most often.
_HINT = Hint(seconds="7")


@dataclass(frozen=True, slots=True)
class _OpenAiError:
    """One error; ``{about}`` in the message is the model, the path or the reason."""

    status: int
    message: str
    kind: str = _INVALID
    code: str | None = None
    param: str | None = None


_FORMS: dict[Fault, _OpenAiError] = {
    Fault.MALFORMED: _OpenAiError(400, "{about}"),
    Fault.UNKNOWN_PATH: _OpenAiError(404, "Invalid URL ({about})"),
    Fault.WRONG_METHOD: _OpenAiError(405, "Not allowed to {about}.", code="method_not_supported"),
    Fault.UNKNOWN_MODEL: _OpenAiError(
        404, "The model `{about}` does not exist or you do not have access to it.", code="model_not_found"
    ),
    Fault.CONTEXT_WINDOW: _OpenAiError(
        400,
        "This model's maximum context length is 128000 tokens. However, your messages resulted in 131415 "
        "tokens. Please reduce the length of the messages.",
        code="context_length_exceeded",
        param="messages",
    ),
    Fault.FILTERED: _OpenAiError(
        400,
        "Invalid prompt: your prompt was flagged as potentially violating our usage policy. Please try "
        "again with a different prompt.",
        code="invalid_prompt",
    ),
    Fault.UNAUTHORIZED: _OpenAiError(
        401,
        "Incorrect API key provided: emulat****-key. You can find your API key at "
        "https://platform.openai.com/account/api-keys.",
        code="invalid_api_key",
    ),
    Fault.NO_CREDITS: _OpenAiError(
        402, "Your account has insufficient credits.", kind="insufficient_credits", code="payment_required"
    ),
    Fault.QUOTA: _OpenAiError(
        429,
        "You exceeded your current quota, please check your plan and billing details. For more information "
        "on this error, read the docs: https://platform.openai.com/docs/guides/error-codes/api-errors.",
        kind="insufficient_quota",
        code="insufficient_quota",
    ),
    Fault.FORBIDDEN: _OpenAiError(
        403,
        "You have insufficient permissions for this operation. Missing scopes: model.request.",
        code="missing_scope",
    ),
    Fault.TIMED_OUT: _OpenAiError(
        408, "The request timed out.", kind="timeout_error", code="request_timeout"
    ),
    Fault.CONFLICT: _OpenAiError(409, "The resource was changed by another request.", code="conflict"),
    Fault.TOO_LARGE: _OpenAiError(413, "Maximum content size limit exceeded."),
    Fault.UNPROCESSABLE: _OpenAiError(422, "The request was well formed but could not be followed."),
    Fault.RATE_LIMITED: _OpenAiError(
        429,
        "Rate limit reached for requests per min (RPM). Please try again later.",
        kind="requests",
        code="rate_limit_exceeded",
    ),
    Fault.SERVER_ERROR: _OpenAiError(
        500,
        "The server had an error while processing your request. Sorry about that!",
        kind="server_error",
        code="server_error",
    ),
    Fault.BAD_GATEWAY: _OpenAiError(502, "Bad gateway.", kind="server_error"),
    Fault.OVERLOADED: _OpenAiError(
        503,
        "The server is currently overloaded with other requests. Sorry about that! You can retry your "
        "request.",
        kind="service_unavailable_error",
        code="server_is_overloaded",
    ),
    Fault.GATEWAY_TIMEOUT: _OpenAiError(504, "The upstream did not answer in time.", kind="server_error"),
}


def reply(
    fault: Fault, about: str = "", *, status: int | None = None, hint: Hint | None = None
) -> ErrorReply:
    """Return the error for ``fault``; see ``EmulatedWire.error``."""
    form = _FORMS[fault]
    if hint is None and fault is Fault.RATE_LIMITED:
        hint = _HINT
    return ErrorReply(
        status=status or form.status,
        body={"error": about_it(fault, about)},
        headers={} if hint is None else hint.headers(),
    )


def refused(refusal: Refusal) -> ErrorReply:
    """Return the error for a rule that a request breaks."""
    about = error(refusal.message, param=refusal.param, code=refusal.code)
    return ErrorReply(status=refusal.status, body={"error": about})


def about_it(fault: Fault, about: str = "") -> Json:
    """Return the value of ``error`` in a body and in a stream."""
    form = _FORMS[fault]
    return error(form.message.replace("{about}", about), kind=form.kind, code=form.code, param=form.param)


def error(message: str, *, kind: str = _INVALID, code: str | None = None, param: str | None = None) -> Json:
    """Return OpenAI's error object."""
    return {"message": message, "type": kind, "param": param, "code": code}
