"""One row for each wording that is known: who says so, with which status, and what it means."""

import json

import pytest

from providers import errors
from providers.errors import LLMError
from providers.errors.translation import from_payload
from tests.providers.errors.account_sentences import CREDITS, QUOTAS, RATES
from tests.providers.errors.overflow_sentences import OVERFLOWS, Row

#: By class: who words it so, the status (``None`` inside a stream), the sentence.
SENTENCES: dict[type[LLMError], tuple[Row, ...]] = {
    errors.LLMContextWindowExceededError: OVERFLOWS,
    errors.LLMRequestTooLargeError: (
        ("Anthropic", 413, "Request exceeds the maximum allowed number of bytes."),
        ("OpenAI", 400, "Maximum content size limit exceeded. Your upload has 27 MB."),
        ("Gemini", 400, "Request payload size exceeds the limit: 20971520 bytes."),
        ("nginx", 413, "<html><head><title>413 Request Entity Too Large</title></head></html>"),
        ("Any gateway", 500, "request body too large"),
        ("Any gateway", 413, "No."),
        ("Any gateway", 413, "Request Too Long"),
        ("Moonshot", 400, "total message size 9000000 exceeds limit 2097152"),
        ("Any gateway", 400, "The request body exceeds the maximum length of 10485760 bytes"),
    ),
    errors.LLMInsufficientCreditsError: CREDITS,
    errors.LLMQuotaUsedUpError: QUOTAS,
    errors.LLMOverRateLimitError: (
        (
            "Groq",
            413,
            "Request too large for model `m` on tokens per minute (TPM): Limit 8000, Requested 9001, please shorten it.",
        ),
        (
            "OpenAI",
            429,
            "Request too large for gpt-x on tokens per min (TPM): Limit 30,000, Requested 39,000.",
        ),
    ),
    errors.LLMRateLimitError: RATES,
    errors.LLMProviderOverloadedError: (
        ("Anthropic", None, "Overloaded"),
        ("Gemini", None, "The model is overloaded. Please try again later."),
        ("Cerebras", 500, "We're experiencing high traffic right now! Please try again soon."),
        ("Together", 500, "The server is busy, please wait"),
        ("Hugging Face", 400, "Model some/model is currently loading"),
        ("llama.cpp", 503, "Loading model"),
        ("Amazon Bedrock", 500, "Bedrock is at capacity, back off"),
        ("Envoy", 503, "no healthy upstream"),
        ("Any gateway", 500, "The service is temporarily unavailable"),
        ("Any gateway", 500, "The queue is full"),
    ),
    errors.LLMAuthenticationError: (
        ("Any gateway", 400, "API_KEY_INVALID"),
        ("xAI", 400, "Incorrect API key provided: xa***. You can obtain one from the console."),
        ("Gemini", 400, "API key not valid. Please pass a valid API key."),
        ("Gemini", 400, "API Key expired. Please renew it."),
        ("Cohere", None, "invalid api token"),
        ("OpenRouter", None, "No auth credentials found"),
        ("Amazon Bedrock", 403, "The security token included in the request is invalid."),
        ("FastAPI servers", None, "Could not validate credentials"),
        ("Hugging Face", None, "Unauthorized"),
        ("New API", 500, "Invalid token (request id: 7)"),
        ("OpenAI", None, "You didn't provide an API key."),
        ("Qwen", 401, "No."),
        ("Any gateway", None, "The access token has expired"),
    ),
    errors.LLMPermissionDeniedError: (
        ("Groq", 400, "Organization has been restricted. Ask the support about it."),
        ("Anthropic", 400, "This organization has been disabled."),
        ("OpenAI", 400, "Your organization must be verified to use this model."),
        ("OpenAI", None, "Country, region, or territory not supported"),
        ("Amazon Bedrock", None, "You don't have access to the model with the specified model ID."),
        ("NVIDIA NIM", 403, "Authorization was not possible"),
        ("Any gateway", 400, "This key is not allowed to access that."),
        ("Anthropic", 400, "This credential is only authorized for use with another client."),
    ),
    errors.LLMNotFoundError: (
        ("LM Studio", None, "Unexpected endpoint or method. (POST /chat/completions)"),
        ("OpenAI", 400, "The model `gpt-none` does not exist or you do not have access to it."),
        ("Ollama", None, 'model "tiny" not found, try pulling it first'),
        ("OpenRouter", 400, "acme/none is not a valid model ID"),
        ("OpenRouter", 404, "No endpoints found for acme/none."),
        ("Groq", 400, "The model `old-one` has been decommissioned and is no longer supported."),
        ("Amazon Bedrock", 400, "The provided model identifier is invalid."),
        ("LM Studio", 400, "No models loaded. Please load one."),
        ("New API", 500, "No available channel for model gpt-x under group default"),
        ("Azure", 400, "The API deployment for this resource does not exist."),
        ("xAI", 410, "The model m-beta was taken back."),
        ("Cloudflare", 400, "No route for that URI"),
        ("Fireworks", 400, "Model not found, inaccessible, and/or not deployed"),
        ("SambaNova", 400, "Model m-7b is not available"),
    ),
    errors.LLMContentFilterError: (
        ("OpenAI", 400, "This request was stopped by our safety system."),
        ("Gemini", 400, "The prompt was blocked: PROHIBITED_CONTENT"),
        ("Groq", 400, "Request blocked by Llama Guard"),
        ("Volcengine", 400, "The request failed because the output text may contain sensitive information."),
        ("Portkey", 446, "The guardrail checks of this config failed."),
        ("Any gateway", 446, "No."),
        ("Azure", 400, "The prompt triggered our content management policy."),
        ("OpenAI", 400, "Your request was flagged as potentially violating our usage policy."),
        ("Qwen", 400, "Input data may contain inappropriate content."),
        ("OpenRouter", 403, "Your input was flagged by moderation"),
        ("Amazon Bedrock", None, "The answer was blocked by your guardrail"),
        ("DeepSeek", 400, "Content Exists Risk"),
    ),
    errors.LLMTimeoutError: (
        ("LiteLLM", 500, "litellm.Timeout: the request timed out"),
        ("Any gateway", None, "upstream: context deadline exceeded"),
        ("Amazon Bedrock", None, "The model took too long to process it"),
        ("Cloudflare", 524, "error code: 524"),
    ),
    errors.LLMBadRequestError: (
        ("Mistral", None, "Invalid type for 'messages': not a list"),
        (
            "Anthropic",
            400,
            "max_tokens: 100000 > 8192, which is the maximum allowed number of output tokens for it",
        ),
        ("OpenAI", 400, "Unsupported value: 'temperature' does not support 0.2 with this model."),
        ("Groq", 400, "`max_tokens` must be less than or equal to `8192`, the maximum value"),
        ("Any server", None, "field required: model"),
        ("Any server", None, "The image could not be parsed."),
        ("Any server", 418, "No tea."),
        ("Anthropic", None, "tools.0.input_schema: JSON schema is invalid"),
    ),
    errors.LLMServerError: (
        ("Text Generation Inference", 424, "Request failed during generation: out of memory"),
        ("OpenAI", 500, "The server had an error while processing your request."),
        ("OpenRouter", 502, "Worker limit reached"),
        ("LM Studio", None, "The model has crashed. (Exit code: 6)"),
        ("Any gateway", None, "Something broke"),
    ),
}


@pytest.mark.parametrize(
    ("status", "sentence", "expected"),
    [
        pytest.param(status, sentence, kind, id=f"{who}: {sentence[:50]}")
        for kind, rows in SENTENCES.items()
        for who, status, sentence in rows
    ],
)
def test_a_sentence_is_understood_wherever_it_stands(
    status: int | None, sentence: str, expected: type[LLMError]
) -> None:
    for payload in (
        sentence,
        {"error": sentence},
        {"error": {"message": sentence}},
        {"detail": [{"msg": sentence}]},
        {
            "error": {
                "message": "Provider returned error",
                "metadata": {"raw": f'{{"error": {{"message": {json.dumps(sentence)}}}}}'},
            }
        },
        {"detail": f"Wrapped - {{'error': {{'message': {sentence!r}}}}}"},
        f'event: error\ndata: {{"type": "error", "error": {{"message": {json.dumps(sentence)}}}}}\n\n',
    ):
        assert type(from_payload(payload, status=status)) is expected, payload


@pytest.mark.parametrize(
    ("status", "sentence", "expected"),
    [
        (
            400,
            "tools[0].function.name: string too long. Expected at most 64 characters.",
            errors.LLMBadRequestError,
        ),
        (
            400,
            "messages.1.content.0.image: image exceeds 5 MB maximum: 6000000 bytes > 5242880 bytes",
            errors.LLMBadRequestError,
        ),
        (400, "The number of tools exceeds the maximum of 128", errors.LLMBadRequestError),
        (
            400,
            "The maximum tokens you requested exceeds the model limit of 2048. Ask for fewer.",
            errors.LLMBadRequestError,
        ),
        (400, "The timeout parameter must be a number", errors.LLMBadRequestError),
        (400, "The tool's grammar has an invalid token at 12", errors.LLMBadRequestError),
        (400, "`tool_use` ids were found without `tool_result` blocks", errors.LLMBadRequestError),
        (400, "max_completion_tokens: must be at most 4096", errors.LLMBadRequestError),
        (400, "max_tokens must be no more than 8192", errors.LLMBadRequestError),
        (403, "Your input was flagged for violence. No credits were charged.", errors.LLMContentFilterError),
        (400, "The number of output tokens exceeds the limit of 8192", errors.LLMBadRequestError),
        (400, "max_tokens must be at least 1, got 0", errors.LLMBadRequestError),
        (400, "Invalid 'input[2].id': string too long.", errors.LLMBadRequestError),
        (404, "The answer with the id r-1 was not found", errors.LLMNotFoundError),
        (
            429,
            "This request would exceed your account's rate limit. Please try again later.",
            errors.LLMRateLimitError,
        ),
        (429, "Resource exhausted. Please try again later.", errors.LLMRateLimitError),
        (429, "Resource has been exhausted (e.g. check quota).", errors.LLMRateLimitError),
        (500, "error loading model: no such tensor", errors.LLMServerError),
        (500, "context canceled", errors.LLMServerError),
        (502, "Invalid answer from the upstream", errors.LLMServerError),
    ],
)
def test_what_only_sounds_alike_is_not_mistaken(status: int, sentence: str, expected: type[LLMError]) -> None:
    assert type(from_payload({"error": {"message": sentence}}, status=status)) is expected
