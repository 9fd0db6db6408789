"""The error classes of provider calls.

::

    LLMError
    ├── LLMConnectionError              connect, reset, truncated, not SSE, bad JSON
    │   ├── LLMAddressRefusedError      an address that we do not call
    │   └── LLMWrongAddressError        a redirect, a web page: not a provider's API
    ├── LLMTimeoutError                 connect, first byte, idle, 408, 504
    ├── LLMBadRequestError              400
    │   ├── LLMRequestTooLargeError     413: too many bytes
    │   └── LLMContextWindowExceededError
    ├── LLMAuthenticationError          401
    ├── LLMPermissionDeniedError        403
    ├── LLMNotFoundError                404
    ├── LLMConflictError                409
    ├── LLMUnprocessableEntityError     422
    ├── LLMRateLimitError               429
    │   ├── LLMQuotaUsedUpError         a limit per day, week, month or hour
    │   ├── LLMOverRateLimitError       one request that is larger than the limit per minute
    │   └── LLMOwnLimitError            our own limit for this provider; nothing was sent
    ├── LLMInsufficientCreditsError     402, billing
    ├── LLMServerError                  other 5xx
    │   └── LLMProviderOverloadedError  503, 529
    ├── LLMProviderUnavailableError     our circuit for this provider is open; nothing was sent
    ├── LLMUnsupportedError             the provider's API has no words for it; nothing was sent
    ├── LLMContentFilterError           blocked without an answer
    ├── LLMMalformedResponseError       an answer nobody can use
    │   ├── LLMMalformedToolCallError   a function call nobody can use
    │   ├── LLMEmptyResponseError       no answer at all
    │   └── LLMOversizedResponseError   an answer beyond one of our limits
    └── LLMInternalError                a mistake of ours

Callers decide by ``code``, ``stop_reason``, ``retryable``, ``retry_after`` (seconds), ``most_retries`` and
``another_model_may_help``. ``message`` is for the user; its default is the class docstring. ``status`` and
``detail`` are for the admin. An error never holds the request or an API key.
"""

from typing import Any, ClassVar

from providers.types import StepResult


class LLMError(Exception):
    """The model provider failed. Try again; if it keeps failing, tell your administrator."""

    #: Stable, in snake case, part of the protocol.
    code: ClassVar[str] = "llm_error"
    #: Stop reason of a run that ends with this error.
    stop_reason: ClassVar[str] = "llm_api_error"
    #: Whether the same request may succeed on a retry.
    retryable: bool = False
    #: Maximum number of retries; ``None`` for that of the retry policy.
    most_retries: ClassVar[int | None] = None
    #: Whether a fallback model may succeed (docs/decisions/0007 has the reasons).
    another_model_may_help: ClassVar[bool] = True

    def __init__(
        self,
        message: str | None = None,
        *,
        status: int | None = None,
        retry_after: float | None = None,
        detail: dict[str, Any] | None = None,
        retryable: bool | None = None,
    ) -> None:
        """Take the user's message, the HTTP status, the seconds to wait, and details for the admin.

        ``retryable`` overrides that of the class, for example if the provider says so.
        """
        self.message = message or " ".join((type(self).__doc__ or "").split())
        self.status = status
        self.retry_after = retry_after
        self.detail = detail or {}
        if retryable is not None:
            self.retryable = retryable
        #: The answer and usage up to the failure; set by the adapter.
        self.partial: StepResult | None = None
        super().__init__(self.message)


class LLMConnectionError(LLMError):
    """The connection to the model provider broke before the answer was complete. Try again."""

    code = "llm_connection"
    retryable = True


class LLMAddressRefusedError(LLMConnectionError):
    """The model provider's address is not one that this server may call. Ask your administrator to check its base URL."""

    retryable = False


class LLMWrongAddressError(LLMConnectionError):
    """What answered is not a model provider's API. Ask your administrator to check the provider's base URL."""

    retryable = False


class LLMTimeoutError(LLMError):
    """The model provider took too long to answer. Try again, or choose another model."""

    code = "llm_timeout"
    retryable = True


class LLMBadRequestError(LLMError):
    """The model provider refused the request. Check the model's name and the options."""

    code = "llm_bad_request"
    another_model_may_help = False


class LLMRequestTooLargeError(LLMBadRequestError):
    """The conversation with its files is too large for this provider. Start a new one, or attach smaller files."""

    another_model_may_help = True


class LLMContextWindowExceededError(LLMBadRequestError):
    """The conversation is longer than this model can read. Start a new one, or choose a model with a larger context."""

    code = "llm_context_window_exceeded"
    stop_reason = "context_window_exceeded"
    another_model_may_help = True


class LLMAuthenticationError(LLMError):
    """The model provider did not accept the API key. Ask your administrator to check it."""

    code = "llm_authentication"


class LLMPermissionDeniedError(LLMError):
    """The API key may not use this model. Choose another model, or ask your administrator."""

    code = "llm_permission_denied"


class LLMNotFoundError(LLMError):
    """The model provider does not know this model. Check its name, or choose another one."""

    code = "llm_not_found"


class LLMConflictError(LLMError):
    """The model provider was busy with a conflicting request. Try again."""

    code = "llm_conflict"
    retryable = True


class LLMUnprocessableEntityError(LLMError):
    """The model provider could not process the request. Check the options, or choose another model."""

    code = "llm_unprocessable_entity"
    another_model_may_help = False


class LLMRateLimitError(LLMError):
    """The model provider's rate limit is reached. Wait a little, then try again."""

    code = "llm_rate_limit"
    retryable = True


class LLMQuotaUsedUpError(LLMRateLimitError):
    """The account's quota at the model provider is used up. Try again after it resets, or choose another model."""

    retryable = False


class LLMOverRateLimitError(LLMRateLimitError):
    """This request is larger than the rate limit at the model provider. Choose another model, or shorten the request."""

    retryable = False


class LLMOwnLimitError(LLMRateLimitError):
    """This installation's own limit for the model provider is reached. Wait a little, then try again."""

    # The call has already waited for as long as it may.
    most_retries = 0


class LLMInsufficientCreditsError(LLMError):
    """The account at the model provider is out of credits. Ask your administrator to top it up."""

    code = "llm_insufficient_credits"
    stop_reason = "insufficient_credits"


class LLMServerError(LLMError):
    """The model provider had an internal error. Try again in a moment."""

    code = "llm_server"
    retryable = True


class LLMProviderOverloadedError(LLMServerError):
    """The model provider is overloaded. Try again in a moment, or choose another model."""

    code = "llm_provider_overloaded"


class LLMProviderUnavailableError(LLMError):
    """The model provider failed repeatedly and is not asked for a moment. Try again then, or choose another model."""

    code = "llm_provider_unavailable"
    retryable = True
    # The circuit breaker exists to fail fast.
    most_retries = 0


class LLMUnsupportedError(LLMError):
    """This model's provider has no way to do what was asked. Leave it out, or choose another model."""

    code = "llm_unsupported"


class LLMContentFilterError(LLMError):
    """The model provider blocked this request under its content policy. Rephrase it and try again."""

    code = "llm_content_filter"
    stop_reason = "content_filter"
    another_model_may_help = False


class LLMMalformedResponseError(LLMError):
    """The model provider sent an answer that could not be used. Try again."""

    code = "invalid_llm_response"
    stop_reason = "invalid_llm_response"
    retryable = True
    # A second failure is likely to repeat, and each attempt costs money.
    most_retries = 1


class LLMMalformedToolCallError(LLMMalformedResponseError):
    """The model asked for a tool in a way that could not be understood. Try again."""

    code = "invalid_tool_call"
    stop_reason = "invalid_tool_call"


class LLMEmptyResponseError(LLMMalformedResponseError):
    """The model provider ended its answer without saying anything. Try again."""


class LLMOversizedResponseError(LLMMalformedResponseError):
    """The model provider sent more than this installation accepts. Ask for less at once, or choose another model."""

    # The same request would cost as much and is likely to be as long.
    retryable = False


class LLMInternalError(LLMError):
    """Something went wrong on our side. Try again; your administrator can see the details."""

    code = "internal"
    stop_reason = "error"
    another_model_may_help = False
