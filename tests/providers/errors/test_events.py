"""Which events of a stream are errors, and what each is."""

from typing import Any

import pytest

from providers import errors
from providers.errors import LLMError
from providers.errors.events import error_in
from tests.compatibility import understood

SORRY = {"message": "The pool is exhausted", "code": 503}


@pytest.mark.parametrize(
    ("event", "name", "expected"),
    [
        understood(
            {"error": {"message": "Too many requests", "code": "rate_limit_exceeded"}},
            None,
            errors.LLMRateLimitError,
            server="Any server",
            oddity="An `error` object as an event, or as the whole answer with status 200, is that error.",
            id="object",
        ),
        understood(
            {"error": "Model `tiny` not found, try pulling it first"},
            None,
            errors.LLMNotFoundError,
            server="Ollama",
            oddity="`error` is a plain sentence.",
            id="sentence",
        ),
        understood(
            {
                "error": "Input validation error: `inputs` must have less than 512 tokens",
                "error_type": "validation",
            },
            None,
            errors.LLMContextWindowExceededError,
            server="Text Generation Inference",
            oddity="`error` is a sentence, and `error_type` beside it says what kind it is.",
            id="typed sentence",
        ),
        (
            {"error": "Request failed during generation", "error_type": "generation"},
            None,
            errors.LLMServerError,
        ),
        understood(
            {"error_type": "rate_limit_exceeded", "error_message": "Slow down, please."},
            None,
            errors.LLMRateLimitError,
            server="Venice",
            oddity="An error is spelled as `error_type` and `error_message`, without `error`.",
            id="flat names",
        ),
        understood(
            {"object": "error", "message": "The prompt is too long", "type": "BadRequestError", "code": 400},
            None,
            errors.LLMContextWindowExceededError,
            server="vLLM and SGLang",
            oddity="`object` is `error`, and the message stands beside it.",
            id="object is error",
        ),
        understood(
            {"detail": "Rate limit exceeded, come back in 5 seconds"},
            None,
            errors.LLMRateLimitError,
            server="FastAPI servers",
            oddity="The error is a sentence, an object or a list of objects under `detail`.",
            id="detail",
        ),
        (
            {"detail": [{"loc": ["body", "n"], "msg": "Input should be 1", "type": "less_than"}]},
            None,
            errors.LLMBadRequestError,
        ),
        ({"detail": {"error": {"message": "Invalid API key"}}}, None, errors.LLMAuthenticationError),
        understood(
            {"message": "The model went away (exit code 11)"},
            "error",
            errors.LLMServerError,
            server="LM Studio",
            oddity="An event that is called `error` has a message of its own, without `error` in it.",
            id="named event",
        ),
        understood(
            {
                "code": 400,
                "message": "the request exceeds the available context size",
                "type": "invalid_request_error",
            },
            "error",
            errors.LLMContextWindowExceededError,
            server="llama.cpp",
            oddity="An error in the middle of a stream stands in a field `error:` instead of `data:`.",
            id="error field",
        ),
        ("the model runner was killed", "error", errors.LLMServerError),
        ('{"error": {"message": "Overloaded"}}', "error", errors.LLMProviderOverloadedError),
        (
            {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}},
            None,
            errors.LLMProviderOverloadedError,
        ),
        (
            {"type": "error", "code": "invalid_value", "message": "No such tool", "param": "tools"},
            "error",
            errors.LLMBadRequestError,
        ),
        (
            {
                "type": "response.failed",
                "response": {"status": "failed", "error": {"code": "server_error", "message": "…"}},
            },
            None,
            errors.LLMServerError,
        ),
        (
            {
                "type": "response.failed",
                "response": {"error": {"code": "image_parse_error", "message": "Unreadable."}},
            },
            None,
            errors.LLMBadRequestError,
        ),
        (
            {
                "object": "response",
                "status": "failed",
                "output": [],
                "error": {"code": "rate_limit_exceeded"},
            },
            None,
            errors.LLMRateLimitError,
        ),
        understood(
            [{"error": {"code": 503, "message": "Busy", "status": "UNAVAILABLE"}}],
            None,
            errors.LLMProviderOverloadedError,
            server="Gemini",
            oddity="Without `alt=sse` an error is an object in a list.",
            id="list",
        ),
        understood(
            {"choices": None, "base_resp": {"status_code": 1008, "status_msg": "insufficient balance"}},
            None,
            errors.LLMInsufficientCreditsError,
            server="MiniMax",
            oddity="Failures stand under `base_resp`, with numbers of MiniMax's own.",
            id="base_resp",
        ),
        understood(
            {
                "success": False,
                "result": None,
                "errors": [{"code": 3040, "message": "No capacity, please try again"}],
                "messages": [],
            },
            None,
            errors.LLMProviderOverloadedError,
            server="Cloudflare",
            oddity="Failures are a list under `errors`.",
            id="errors",
        ),
        understood(
            {"message": "Too many tokens, please wait before trying again."},
            "throttlingException",
            errors.LLMRateLimitError,
            server="Amazon Bedrock",
            oddity="An exception in a stream is named by its event.",
            id="exception by name",
        ),
        (
            {"modelTimeoutException": {"message": "Model timed out"}, "message": "Model timed out"},
            None,
            errors.LLMTimeoutError,
        ),
        (
            {"code": "InvalidApiKey", "message": "No such key", "request_id": "r"},
            None,
            errors.LLMAuthenticationError,
        ),
        (
            {"statusCode": 429, "message": "Rate limit is exceeded. Try again in 12 seconds."},
            None,
            errors.LLMRateLimitError,
        ),
        (
            {"status": 403, "title": "Forbidden", "detail": "Not for you"},
            None,
            errors.LLMPermissionDeniedError,
        ),
        (
            {
                "fault": {
                    "faultstring": "Quota violation",
                    "detail": {"errorcode": "policies.ratelimit.QuotaViolation"},
                }
            },
            None,
            errors.LLMQuotaUsedUpError,
        ),
        ({"message": "API rate limit exceeded"}, None, errors.LLMRateLimitError),
        understood(
            {"Response": {"Error": {"Code": "X.Y", "Message": "余额不足"}, "RequestId": "r"}},
            None,
            errors.LLMInsufficientCreditsError,
            server="Tencent",
            oddity="Every answer stands in `Response`, and its failure under `Error`.",
            id="Response",
        ),
        understood(
            {"errors": [{"message": "Refused", "extensions": {"code": "RATE_LIMITED"}}]},
            None,
            errors.LLMRateLimitError,
            server="GraphQL gateways",
            oddity="The code of a failure stands in its `extensions`.",
            id="extensions",
        ),
        understood(
            {"error": {"grpc_code": 8, "http_code": 429, "message": "no", "http_status": "Too Many"}},
            None,
            errors.LLMRateLimitError,
            server="gRPC gateways",
            oddity="The status of a failure is called `http_code`.",
            id="http_code",
        ),
        ({"status": "failure", "reason": "Invalid API key"}, None, errors.LLMAuthenticationError),
        ({"status": "error"}, None, errors.LLMServerError),
        ({"message": "Forbidden"}, None, errors.LLMPermissionDeniedError),
        ({"Message": "User is not authorized to perform: m:Invoke"}, None, errors.LLMPermissionDeniedError),
        ({"serviceUnavailableException": {"message": "Later"}}, None, errors.LLMProviderOverloadedError),
        (
            {"header": {"code": 10907, "message": "The token count is over the limit"}},
            None,
            errors.LLMContextWindowExceededError,
        ),
        ({"header": {"code": 500, "message": "…"}}, None, errors.LLMServerError),
        ({"message": "", "code": 429}, None, errors.LLMRateLimitError),
        ({"text": "The worker was killed"}, "error", errors.LLMServerError),
        ({"status": "error", "message": "model not loaded"}, None, errors.LLMNotFoundError),
        ({"ok": False, "error": ["`inputs` is required"]}, None, errors.LLMBadRequestError),
        ({"id": "g", "error": SORRY, "choices": []}, None, errors.LLMProviderOverloadedError),
        (
            {"error": {"message": '{"error": {"message": "Overloaded", "type": "overloaded_error"}}'}},
            None,
            errors.LLMProviderOverloadedError,
        ),
    ],
)
def test_an_error_is_found_in_whatever_shape(event: Any, name: str | None, expected: type[LLMError]) -> None:
    error = error_in(event, name)
    assert type(error) is expected
    assert error.detail["message"] or error.detail["body"]


@pytest.mark.parametrize(
    "event",
    [
        {"choices": [{"index": 0, "delta": {"content": "error: limit exceeded"}}], "error": None},
        {"choices": [{"delta": {}}], "error": {}},
        {"choices": [{"delta": {}}], "error": {"code": 0, "message": ""}},
        {"choices": [{"delta": {"content": "x"}}], "base_resp": {"status_code": 0, "status_msg": "success"}},
        {"choices": [{"message": {"content": "Too many requests"}}], "message": "ok", "code": 200},
        {"choices": [], "usage": {"prompt_tokens": 7}, "error": ""},
        {"type": "message_start", "message": {"id": "m", "content": [], "usage": {"input_tokens": 7}}},
        {"type": "message", "role": "assistant", "content": [{"type": "text", "text": "failed"}]},
        {
            "type": "content_block_start",
            "index": 0,
            "content_block": {"type": "web_search_tool_result", "content": {"error_code": "x"}},
        },
        {"type": "ping"},
        {"type": "response.created", "response": {"id": "r", "status": "in_progress", "error": None}},
        {"type": "response.completed", "response": {"id": "r", "status": "completed", "error": None}},
        {
            "type": "response.incomplete",
            "response": {"status": "incomplete", "error": None, "incomplete_details": {"reason": "x"}},
        },
        {"type": "response.mcp_call.failed", "item_id": "i", "output_index": 0, "error": "no such tool"},
        {"type": "response.mcp_list_tools.failed", "item_id": "i", "output_index": 0},
        {"type": "response.output_text.delta", "delta": "message: error", "item_id": "i"},
        {"type": "response.output_item.done", "item": {"type": "mcp_call", "error": "no such tool"}},
        {"candidates": [{"finishReason": "SAFETY"}], "usageMetadata": {}},
        {"promptFeedback": {"blockReason": "SAFETY"}},
        {"status": "queued", "message": "Your request waits for its turn"},
        {"Response": {"RequestId": "r"}},
        {"status": "completed"},
        {"type": "status", "message": "The model is loading"},
        {"message": "keep-alive"},
        {"header": {"code": 0, "message": "Success"}, "payload": {}},
        {"warning": "old", "message": "This model will be removed, and limits apply"},
        {"code": 0, "msg": "success", "data": {}},
        {"message": {"role": "assistant", "content": "error"}, "done": True},
        {},
        [],
        "",
        None,
        7,
    ],
)
def test_what_is_no_error_is_left_to_the_wire(event: Any) -> None:
    assert error_in(event, None) is None


@pytest.mark.parametrize("name", ["response.mcp_call.failed", "response.mcp_list_tools.failed"])
def test_what_fails_within_a_response_is_no_error_of_it(name: str) -> None:
    place = {"item_id": "i_1", "output_index": 2}
    assert error_in({"type": name, **place}, name) is None
    assert error_in(place, name) is None
