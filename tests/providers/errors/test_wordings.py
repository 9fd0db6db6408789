"""One row for each wording that is known: who says so, with which status, and what it means."""

import json

import pytest

from providers import errors
from providers.errors import LLMError
from providers.errors.translation import from_payload
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
    errors.LLMInsufficientCreditsError: (
        ("Any gateway", None, "insufficient_quota"),
        ("SiliconFlow", 403, "Your balance is insufficient, sorry"),
        ("LiteLLM", 401, "Authentication Error, ExceededBudget: Team=t1 Spend=3.2, Budget=3.0"),
        ("LiteLLM", 400, "Authentication Error, ExceededTokenBudget: Max Budget for Token: 0.5"),
        ("Volcengine", 429, "Your account has exhausted its free trial quota for the model."),
        ("Vercel AI Gateway", 403, "The gateway requires a valid credit card on file."),
        ("Anthropic", 400, "Your credit balance is too low to access the API."),
        (
            "Anthropic",
            400,
            "You have reached your specified API usage limits. You will regain access on 2031-12-01 at 00:00 UTC.",
        ),
        ("OpenAI", 429, "You exceeded your current quota, please check your plan and billing details."),
        ("OpenAI", 400, "Billing hard limit has been reached"),
        ("OpenAI", 429, "Your account is not active, please check your billing details on our website."),
        ("Gemini", 429, "Your prepayment credits are depleted."),
        (
            "xAI",
            429,
            "Your team has either used all available credits or reached its monthly spending limit.",
        ),
        ("xAI", 403, "Your newly created team doesn't have any credits yet."),
        ("DeepSeek", 402, "Insufficient Balance"),
        ("Moonshot", 403, "Your account is suspended, please check your plan and billing details"),
        ("Z.ai", 429, "Insufficient balance or no resource package. Please recharge."),
        ("Qwen", 400, "Access denied, please make sure your account is in good standing."),
        ("Qwen", 403, "The free tier of the model has been exhausted."),
        ("MiniMax", None, "insufficient balance"),
        (
            "OpenRouter",
            402,
            "This request requires more credits, or fewer max_tokens: you can only afford 812.",
        ),
        ("OpenRouter", 403, "Key limit exceeded (total limit)."),
        ("LiteLLM", 400, "Budget has been exceeded! Current cost: 12.1, Max budget: 12.0"),
        ("Hugging Face", 402, "You have exceeded your monthly included credits for Inference Providers."),
        ("Mistral", 401, "Inactive subscription or usage limit reached"),
        ("Together", 402, "Credit limit exceeded, please navigate to the billing page"),
        ("Fireworks", 412, "Account is suspended: spending limit reached"),
        ("New API", 403, "user quota is not enough"),
        ("New API", 403, "用户余额不足"),
        ("Any server", 429, "You have run out of quota."),
        ("Any server", 403, "Please top up your wallet."),
        ("Any server", 403, "Your subscription has expired"),
        ("Any server", 403, "You need more credits"),
        ("Any server", 429, "Your credit balance is exhausted"),
        ("Gemini", 403, "Billing has not been enabled for this project"),
    ),
    errors.LLMQuotaUsedUpError: (
        ("Any gateway", 429, "You have used all your free messages for today."),
        ("Azure API Management", 403, "Out of call volume quota. Quota will be replenished in 13:05:00."),
        (
            "Groq",
            429,
            "Rate limit reached on tokens per day (TPD): Limit 100000, Used 99000, Requested 4000.",
        ),
        (
            "Anthropic",
            429,
            "Number of request tokens has exceeded your daily rate limit; reduce the prompt length or try again later.",
        ),
        (
            "OpenAI",
            429,
            "Rate limit reached for gpt-x on requests per day (RPD): Limit 200, Used 200, Requested 1.",
        ),
        ("ChatGPT", 429, "The usage limit has been reached"),
        ("OpenRouter", 429, "Rate limit exceeded: free-models-per-day. Add credits to unlock more requests"),
        ("Cerebras", 429, "Tokens per day limit exceeded - too many tokens processed."),
        ("Cloudflare", 429, "you have used up your daily free allocation of 10,000 neurons"),
        ("Ollama", 429, "you've reached your hourly usage limit, upgrade to continue"),
        ("Z.ai", 429, "Usage limit reached for 5 hour. Your limit will reset at 2099-01-01 06:00:00"),
        ("GitHub Copilot", 429, "quota exceeded"),
        ("GitHub Copilot", 402, "You have exceeded your premium request allowance."),
        ("Cohere", 429, "You are using a Trial key, which is limited to 1000 API calls / month."),
        ("Claude", 429, "You've hit your session limit. It resets at 6pm"),
        ("Any gateway", 429, "Weekly quota used up"),
        ("Any gateway", 403, "Quota exhausted for this project"),
        ("OpenRouter", 429, "Rate limit exceeded: limit_rpd/acme/m. High demand for this free model"),
        ("Gemini Code Assist", 429, "You have exhausted your capacity. Your quota will reset after 9h12m3s."),
        ("Any gateway", 429, "今天的调用已达上限，每日限额"),
    ),
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
    errors.LLMRateLimitError: (
        ("Baidu", None, "Open api qps request limit reached"),
        ("Amazon", 400, "Rate exceeded"),
        (
            "OpenAI",
            429,
            "Rate limit reached for gpt-x on tokens per min (TPM): Limit 30000, Used 29000, Requested 2000. Try again in 2s.",
        ),
        (
            "Anthropic",
            429,
            "This request would exceed your organization's rate limit of 40,000 input tokens per minute.",
        ),
        (
            "Azure",
            429,
            "Requests have exceeded the token rate limit of your current pricing tier. Retry after 7 seconds.",
        ),
        ("Amazon Bedrock", 400, "Too many tokens, please wait before trying again."),
        ("Mistral", None, "Requests rate limit exceeded"),
        (
            "OpenRouter",
            429,
            "Rate limit exceeded: free-models-per-min. Add 10 credits to unlock 1000 free model requests per day",
        ),
        ("Cerebras", 429, "Requests per minute limit exceeded - too many requests sent."),
        (
            "Moonshot",
            429,
            "Your account reached max organization concurrency: 1, please try again after 1 seconds",
        ),
        ("Gemini Code Assist", 429, "You have exhausted your capacity. Your quota will reset after 2s."),
        ("Any gateway", 429, "The tokens of this request exceed the rate limit"),
        ("Kong", None, "API rate limit exceeded"),
        ("Any gateway", 500, "429: Too many requests from the upstream"),
        ("Any gateway", 400, "You are being throttled"),
        ("Any gateway", 400, "请求过于频繁，请稍后再试"),
    ),
    errors.LLMProviderOverloadedError: (
        ("New API", 500, "上游负载已饱和"),
        ("Anthropic", None, "Overloaded"),
        ("Gemini", None, "The model is overloaded. Please try again later."),
        ("Cerebras", 500, "We're experiencing high traffic right now! Please try again soon."),
        ("Together", 500, "The server is busy, please wait"),
        ("Hugging Face", 400, "Model some/model is currently loading"),
        ("llama.cpp", 503, "Loading model"),
        ("Amazon Bedrock", 500, "Bedrock is at capacity, back off"),
        ("Envoy", 503, "no healthy upstream"),
        ("Any gateway", 500, "The service is temporarily unavailable"),
        ("Any gateway", 500, "服务器繁忙"),
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
        ("New API", 500, "无效的令牌"),
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
    ),
    errors.LLMNotFoundError: (
        ("LM Studio", None, "Unexpected endpoint or method. (POST /chat/completions)"),
        ("New API", 500, "分组 vip 下模型 m 无可用渠道"),
        ("OpenAI", 400, "The model `gpt-none` does not exist or you do not have access to it."),
        ("Ollama", None, 'model "tiny" not found, try pulling it first'),
        ("OpenRouter", 400, "acme/none is not a valid model ID"),
        ("OpenRouter", 404, "No endpoints found for acme/none."),
        ("Groq", 400, "The model `old-one` has been decommissioned and is no longer supported."),
        ("Amazon Bedrock", 400, "The provided model identifier is invalid."),
        ("LM Studio", 400, "No models loaded. Please load one."),
        ("New API", 500, "No available channel for model gpt-x under group default"),
        ("Azure", 400, "The API deployment for this resource does not exist."),
        ("Z.ai", 400, "模型不存在，请检查模型代码"),
        ("Fireworks", 400, "Model not found, inaccessible, and/or not deployed"),
        ("SambaNova", 400, "Model m-7b is not available"),
    ),
    errors.LLMContentFilterError: (
        ("OpenAI", 400, "This request was stopped by our safety system."),
        ("Gemini", 400, "The prompt was blocked: PROHIBITED_CONTENT"),
        ("Groq", 400, "Request blocked by Llama Guard"),
        ("Any gateway", 400, "内容违规"),
        ("Volcengine", 400, "The request failed because the output text may contain sensitive information."),
        ("Portkey", 446, "The guardrail checks of this config failed."),
        ("Any gateway", 446, "No."),
        ("Azure", 400, "The prompt triggered our content management policy."),
        ("OpenAI", 400, "Your request was flagged as potentially violating our usage policy."),
        ("Qwen", 400, "Input data may contain inappropriate content."),
        ("OpenRouter", 403, "Your input was flagged by moderation"),
        ("Amazon Bedrock", None, "The answer was blocked by your guardrail"),
        ("Z.ai", None, "输入内容包含敏感内容"),
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
