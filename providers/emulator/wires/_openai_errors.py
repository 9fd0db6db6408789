"""How OpenAI says no, on both of its wires. Pure."""

from typing import assert_never

from providers.emulator.actions import RETRY_AFTER, Fault
from providers.emulator.wires.frames import ErrorReply


def reply(fault: Fault, about: str) -> ErrorReply:
    """Return the error for ``fault``; ``about`` is the model, the path or the reason."""
    match fault:
        case Fault.MALFORMED:
            return _error(400, about)
        case Fault.UNKNOWN_PATH:
            return _error(404, f"Invalid URL ({about})")
        case Fault.WRONG_METHOD:
            return _error(405, f"Not allowed to {about}.", code="method_not_supported")
        case Fault.UNKNOWN_MODEL:
            return _error(
                404,
                f"The model `{about}` does not exist or you do not have access to it.",
                code="model_not_found",
            )
        case Fault.CONTEXT_WINDOW:
            return _error(
                400,
                "This model's maximum context length is 128000 tokens. However, your messages resulted in "
                "131415 tokens. Please reduce the length of the messages.",
                code="context_length_exceeded",
                param="messages",
            )
        case Fault.UNAUTHORIZED:
            return _error(
                401,
                "Incorrect API key provided: emulat****-key. You can find your API key at "
                "https://platform.openai.com/account/api-keys.",
                code="invalid_api_key",
            )
        case Fault.RATE_LIMITED:
            return _error(
                429,
                f"Rate limit reached for requests per min (RPM). Please try again in {RETRY_AFTER}s.",
                kind="requests",
                code="rate_limit_exceeded",
                headers={"retry-after": str(RETRY_AFTER)},
            )
        case Fault.OVERLOADED:
            return _error(
                503,
                "The server is currently overloaded with other requests. Sorry about that! You can retry "
                "your request.",
                kind="service_unavailable_error",
            )
        case _:
            assert_never(fault)


def _error(
    status: int,
    message: str,
    *,
    kind: str = "invalid_request_error",
    code: str | None = None,
    param: str | None = None,
    headers: dict[str, str] | None = None,
) -> ErrorReply:
    body = {"error": {"message": message, "type": kind, "param": param, "code": code}}
    return ErrorReply(status=status, body=body, headers=headers or {})
