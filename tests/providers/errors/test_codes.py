"""What a provider's code says without a sentence, and the numbers and ids that some use."""

import pytest

from providers import errors
from providers.errors import LLMError
from providers.errors.translation import from_payload
from tests.compatibility import understood

CODES: tuple[tuple[str, int | None, dict[str, object], type[LLMError]], ...] = (
    (
        "GitHub Copilot",
        400,
        {"code": "model_max_prompt_tokens_exceeded"},
        errors.LLMContextWindowExceededError,
    ),
    ("OpenAI", None, {"code": "context_length_exceeded"}, errors.LLMContextWindowExceededError),
    ("llama.cpp", 400, {"type": "exceed_context_size_error"}, errors.LLMContextWindowExceededError),
    ("Z.ai", 400, {"code": "1261"}, errors.LLMContextWindowExceededError),
    ("Z.ai", 429, {"code": "1113"}, errors.LLMInsufficientCreditsError),
    ("Z.ai", 429, {"code": "1302"}, errors.LLMRateLimitError),
    ("Z.ai", 429, {"code": "1308"}, errors.LLMQuotaUsedUpError),
    ("Z.ai", 401, {"code": "1002"}, errors.LLMAuthenticationError),
    ("Z.ai", 400, {"code": "1211"}, errors.LLMNotFoundError),
    ("Z.ai", 400, {"code": "1301"}, errors.LLMContentFilterError),
    ("OpenAI", 429, {"type": "insufficient_quota"}, errors.LLMInsufficientCreditsError),
    ("OpenAI", 429, {"code": "project_spend_limit_exceeded"}, errors.LLMInsufficientCreditsError),
    ("OpenAI", 429, {"code": "organization_usage_limit_exceeded"}, errors.LLMQuotaUsedUpError),
    ("Any gateway", 400, {"code": "insufficientquota"}, errors.LLMInsufficientCreditsError),
    ("Qwen", 400, {"code": "Arrearage"}, errors.LLMInsufficientCreditsError),
    ("Qwen", 403, {"code": "AllocationQuota.FreeTierOnly"}, errors.LLMInsufficientCreditsError),
    ("Qwen", 429, {"code": "Throttling.AllocationQuota"}, errors.LLMRateLimitError),
    ("Qwen", 400, {"code": "DataInspectionFailed"}, errors.LLMContentFilterError),
    ("Volcengine", 429, {"code": "SetLimitExceeded"}, errors.LLMQuotaUsedUpError),
    ("Volcengine", 400, {"code": "OutputTextSensitiveContentDetected"}, errors.LLMContentFilterError),
    ("Portkey", 446, {"type": "hooks_failed"}, errors.LLMContentFilterError),
    ("Baidu", 400, {"code": "tokens_too_long"}, errors.LLMContextWindowExceededError),
    ("watsonx.ai", 403, {"code": "token_quota_reached"}, errors.LLMQuotaUsedUpError),
    ("Moonshot", 429, {"type": "exceeded_current_quota_error"}, errors.LLMInsufficientCreditsError),
    ("Moonshot", 429, {"type": "engine_overloaded_error"}, errors.LLMProviderOverloadedError),
    ("ChatGPT", 429, {"type": "usage_limit_reached"}, errors.LLMQuotaUsedUpError),
    ("Cerebras", 429, {"code": "token_quota_exceeded"}, errors.LLMQuotaUsedUpError),
    ("Cerebras", 429, {"code": "request_quota_exceeded"}, errors.LLMRateLimitError),
    ("Mistral", 429, {"type": "service_tier_capacity_exceeded"}, errors.LLMProviderOverloadedError),
    ("LiteLLM", 500, {"type": "ServiceUnavailableError"}, errors.LLMProviderOverloadedError),
    ("LiteLLM", 429, {"type": "budget_exceeded"}, errors.LLMInsufficientCreditsError),
    ("Amazon", 400, {"__type": "com.amazon.coral.service#ThrottlingException"}, errors.LLMRateLimitError),
    ("Amazon", 400, {"__type": "UnrecognizedClientException"}, errors.LLMAuthenticationError),
    ("Amazon", None, {"__type": "ModelTimeoutException"}, errors.LLMTimeoutError),
    ("Databricks", 403, {"error_code": "PERMISSION_DENIED"}, errors.LLMPermissionDeniedError),
    ("Databricks", 429, {"error_code": "REQUEST_LIMIT_EXCEEDED"}, errors.LLMRateLimitError),
    ("Azure", 404, {"code": "DeploymentNotFound"}, errors.LLMNotFoundError),
    ("OpenAI", None, {"code": "image_parse_error"}, errors.LLMBadRequestError),
    ("OpenAI", None, {"code": "invalid_image_url"}, errors.LLMBadRequestError),
    ("OpenAI", None, {"code": "image_too_large"}, errors.LLMBadRequestError),
    ("OpenAI", None, {"code": "empty_image_file"}, errors.LLMBadRequestError),
    ("OpenAI", None, {"code": "failed_to_download_image"}, errors.LLMBadRequestError),
    ("OpenAI", None, {"code": "image_file_not_found"}, errors.LLMBadRequestError),
    ("OpenAI", None, {"code": "image_content_policy_violation"}, errors.LLMContentFilterError),
    ("OpenAI", None, {"code": "bio_policy"}, errors.LLMContentFilterError),
    ("OpenAI", None, {"code": "cyber_policy"}, errors.LLMContentFilterError),
    ("OpenAI", None, {"code": "unsupported_value"}, errors.LLMBadRequestError),
    ("OpenAI", None, {"code": "server_error"}, errors.LLMServerError),
    ("OpenAI", None, {"code": "vector_store_timeout"}, errors.LLMServerError),
    ("OpenAI", 500, {"type": "invalid_request_error"}, errors.LLMBadRequestError),
    ("OpenRouter", 502, {"code": 429}, errors.LLMRateLimitError),
    ("Any gateway", 500, {"code": 401}, errors.LLMAuthenticationError),
    ("Any gateway", 400, {"code": 503}, errors.LLMProviderOverloadedError),
    ("Any gateway", 401, {"code": 500}, errors.LLMAuthenticationError),
    ("Any gateway", None, {"code": "invalid_response"}, errors.LLMServerError),
    ("Any gateway", None, {"param": "tools", "code": "odd"}, errors.LLMBadRequestError),
)


@pytest.mark.parametrize(
    ("status", "error", "expected"),
    [pytest.param(status, error, kind, id=f"{who}: {error}") for who, status, error, kind in CODES],
)
def test_a_code_is_understood_without_a_sentence(
    status: int | None, error: dict[str, object], expected: type[LLMError]
) -> None:
    assert type(from_payload({"error": {**error, "message": "No."}}, status=status)) is expected
    assert type(from_payload({**error, "message": "No."}, status=status)) is expected


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (1002, errors.LLMRateLimitError),
        (1008, errors.LLMInsufficientCreditsError),
        (1026, errors.LLMContentFilterError),
        (2013, errors.LLMBadRequestError),
        (2056, errors.LLMQuotaUsedUpError),
        (1004, errors.LLMAuthenticationError),
    ],
)
def test_minimax_numbers_its_failures_in_its_own_way(code: int, expected: type[LLMError]) -> None:
    payload = {"base_resp": {"status_code": code, "status_msg": "no"}}
    assert type(from_payload(payload, status=200)) is expected


def quota(*ids: str) -> dict[str, object]:
    """Google's error of a used-up quota."""
    violations = [{"quotaId": each, "quotaValue": "9"} for each in ids]
    failure = {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": violations}
    message = "You exceeded your current quota, please check your plan and billing details."
    return {"error": {"code": 429, "message": message, "status": "RESOURCE_EXHAUSTED", "details": [failure]}}


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        understood(
            quota("GenerateRequestsPerDayPerProjectPerModel-FreeTier"),
            errors.LLMQuotaUsedUpError,
            server="Gemini",
            oddity="`QuotaFailure` names a quota per day: it is not retried, though `RetryInfo` names a short pause.",
            id="day",
        ),
        (quota("InputTokensPerModelPerMinute", "RequestsPerDayPerModel"), errors.LLMQuotaUsedUpError),
        (quota("GenerateContentInputTokensPerModelPerMinute-FreeTier"), errors.LLMRateLimitError),
        (quota(), errors.LLMRateLimitError),
    ],
)
def test_googles_quotas_are_told_apart_by_their_ids(
    payload: dict[str, object], expected: type[LLMError]
) -> None:
    assert type(from_payload(payload, status=429)) is expected
