"""OpenAI's rules for a Chat Completions request. Pure.

Three rules are stricter than OpenAI's, and as strict as those of servers that speak its wire (Mistral's,
DeepSeek's): results come in the order of their calls, no message is empty, and the last message is not
the assistant's.
"""

from emulator.wires import _openai_options as options
from emulator.wires._rules import (
    Refusal,
    Refusals,
    RequestRules,
    is_base64,
    is_object_text,
    is_url,
    mime_type,
)
from providers.types import Json

#: The fields of the SDK's ``CompletionCreateParams``.
_FIELDS = frozenset(
    [
        "audio",
        "frequency_penalty",
        "function_call",
        "functions",
        "logit_bias",
        "logprobs",
        "max_completion_tokens",
        "max_tokens",
        "messages",
        "metadata",
        "modalities",
        "model",
        "moderation",
        "n",
        "parallel_tool_calls",
        "prediction",
        "presence_penalty",
        "prompt_cache_key",
        "prompt_cache_options",
        "prompt_cache_retention",
        "reasoning_effort",
        "response_format",
        "safety_identifier",
        "seed",
        "service_tier",
        "stop",
        "store",
        "stream",
        "stream_options",
        "temperature",
        "tool_choice",
        "tools",
        "top_logprobs",
        "top_p",
        "user",
        "verbosity",
        "web_search_options",
    ]
)

_ROLES = ("system", "assistant", "user", "function", "tool", "developer")
_PARTS = {
    "system": {"text"},
    "developer": {"text"},
    "user": {"text", "image_url", "input_audio", "file"},
    "assistant": {"text", "refusal"},
    "tool": {"text"},
    "function": {"text"},
}
_IMAGES = {"image/png", "image/jpeg", "image/gif", "image/webp"}
_LONGEST_ID = 40
#: Characters: the longest text of one message.
LONGEST_TEXT = 10_485_760


def refusals(body: Json, terms: RequestRules) -> Refusals:
    """Yield a refusal for each rule that ``body`` breaks."""
    if terms.knows_its_fields:
        yield from options.unknown(body, _FIELDS)
    yield from _options(body)
    messages = body["messages"]
    if not messages:
        yield options.empty_array("messages")
    yield from _messages(messages)
    if messages[-1]["role"] == "assistant":
        yield Refusal("Expected last role to be 'user' or 'tool', but got 'assistant'.", "messages")


def _options(body: Json) -> Refusals:
    yield from options.numbers(
        body,
        {"temperature": (0, 2), "top_p": (0, 1), "presence_penalty": (-2, 2), "frequency_penalty": (-2, 2)},
    )
    yield from options.output_limit(body, "max_completion_tokens")
    yield from options.output_limit(body, "max_tokens")
    yield from options.counts(body, {"n": (1, 128), "top_logprobs": (0, 20), "seed": (-(2**63), 2**63)})
    if body.get("max_tokens") is not None and body.get("max_completion_tokens") is not None:
        yield Refusal(
            "Setting 'max_tokens' and 'max_completion_tokens' at the same time is not supported.",
            "max_tokens",
            "invalid_parameter_combination",
        )
    yield from options.stop(body.get("stop"))
    yield from options.effort(body.get("reasoning_effort"), "reasoning_effort")
    yield from options.verbosity(body.get("verbosity"), "verbosity")
    yield from options.tools(body, lambda tool: tool["function"], ".function")
    yield from options.tool_choice(body, lambda choice: str(choice["function"]["name"]))
    asked = body.get("response_format")
    if asked is not None:
        yield from options.one_of(
            asked["type"], ("json_object", "json_schema", "text"), "response_format.type"
        )
        if asked["type"] == "json_schema":
            yield from options.json_schema(asked["json_schema"], "response_format.json_schema")
    if body.get("stream_options") is not None:
        yield from options.unknown(body["stream_options"], {"include_usage", "include_obfuscation"})


def _messages(messages: list[Json]) -> Refusals:
    #: The ids of the calls whose results must come next.
    due: list[str] = []
    for index, message in enumerate(messages):
        place = f"messages[{index}]"
        yield from options.one_of(message["role"], _ROLES, f"{place}.role")
        if message["role"] == "tool":
            yield from _result(message, due, place)
            due = due[1:]
            continue
        yield from _unanswered(due, place)
        due = []
        if message["role"] == "assistant":
            yield from _assistant(message, place)
            due = [call["id"] for call in message.get("tool_calls") or ()]
        yield from _content(message, f"{place}.content")
    yield from _unanswered(due, f"messages[{len(messages)}]")


def _unanswered(due: list[str], place: str) -> Refusals:
    if due:
        yield Refusal(
            "An assistant message with 'tool_calls' must be followed by tool messages responding to each "
            f"'tool_call_id'. The following tool_call_ids did not have response messages: {', '.join(due)}",
            f"{place}.role",
        )


def _result(message: Json, due: list[str], place: str) -> Refusals:
    answered = message["tool_call_id"]
    if not due:
        yield Refusal(
            "Invalid parameter: messages with role 'tool' must be a response to a preceeding message with "
            "'tool_calls'.",
            f"{place}.role",
        )
    elif answered not in due:
        yield Refusal(
            f"Invalid parameter: 'tool_call_id' of '{answered}' not found in 'tool_calls' of previous message.",
            f"{place}.tool_call_id",
        )
    elif answered != due[0]:
        yield from _unanswered(due[: due.index(answered)], place)
    yield from _content(message, f"{place}.content")


def _assistant(message: Json, place: str) -> Refusals:
    calls = message.get("tool_calls")
    if calls is None:
        if not message.get("content") and not message.get("refusal"):
            yield Refusal(
                f"Invalid value for 'content': expected a string, got {'null' if message.get('content') is None else 'nothing'}.",
                f"{place}.content",
            )
        return
    if not calls:
        yield options.empty_array(f"{place}.tool_calls")
    ids = [call["id"] for call in calls]
    for index, call in enumerate(calls):
        here = f"{place}.tool_calls[{index}]"
        yield from options.at_most(call["id"], _LONGEST_ID, f"{here}.id")
        if ids.count(call["id"]) > 1 or not call["id"]:
            yield Refusal(f"Duplicate value for 'tool_call_id' of '{call['id']}'.", f"{here}.id")
        yield from options.one_of(call["type"], ("function", "custom"), f"{here}.type")
        if call["type"] == "function":
            yield from options.name(call["function"]["name"], f"{here}.function.name")
            if not is_object_text(call["function"]["arguments"]):
                yield Refusal(
                    f"Invalid '{here}.function.arguments': expected the JSON of an object.",
                    f"{here}.function.arguments",
                    "invalid_value",
                )


def _content(message: Json, place: str) -> Refusals:
    content = message.get("content")
    if message["role"] == "assistant" and not content:
        return
    if not isinstance(content, (str, list)):
        yield options.wrong_type(place, "one of a string or array of objects", content)
    if content == []:
        yield options.empty_array(place)
    if isinstance(content, str):
        yield from options.at_most(content, LONGEST_TEXT, place)
    if content == "" and message["role"] != "tool":
        yield Refusal(f"Invalid '{place}': empty string. Expected a string with minimum length 1.", place)
    for index, part in enumerate(content if isinstance(content, list) else ()):
        yield from _part(part, message["role"], f"{place}[{index}]")


def _part(part: Json, role: str, place: str) -> Refusals:
    # Clients return Mistral's reasoning in parts of this type.
    if part["type"] == "thinking" and role == "assistant":
        return
    yield from options.one_of(part["type"], sorted(_PARTS[role]), f"{place}.type")
    match part["type"]:
        case "text":
            if not isinstance(part["text"], str):
                yield options.wrong_type(f"{place}.text", "a string", part["text"])
            elif not part["text"]:
                yield Refusal(f"Invalid '{place}.text': empty string.", f"{place}.text")
        case "image_url":
            yield from image(part["image_url"]["url"], f"{place}.image_url.url")
            detail = part["image_url"].get("detail")
            yield from options.one_of(
                detail, ("auto", "low", "high", "original"), f"{place}.image_url.detail"
            )
        case "input_audio":
            audio = part["input_audio"]
            yield from options.one_of(audio["format"], ("wav", "mp3"), f"{place}.input_audio.format")
            if not is_base64(audio["data"]):
                yield Refusal("Invalid audio data: expected base64.", f"{place}.input_audio.data")
        case "file":
            yield from file(part["file"], f"{place}.file")


def image(url: object, param: str) -> Refusals:
    """Refuse an image that is neither a web address nor a data URL of a type that OpenAI reads."""
    if is_url(url):
        return
    kind = mime_type(url)
    if kind is None:
        yield Refusal(
            f"Invalid '{param}'. Expected a valid URL or a base64-encoded data URL with an image MIME type "
            "(e.g. 'data:image/png;base64,aW1nIGJ5dGVzIGhlcmU='), but got an invalid value.",
            param,
            "invalid_image_url",
        )
    elif kind not in _IMAGES:
        yield Refusal(
            "You uploaded an unsupported image. Please make sure your image has of one the following "
            "formats: ['png', 'jpeg', 'gif', 'webp'].",
            None,
            "invalid_image_format",
        )


def file(value: Json, param: str) -> Refusals:
    """Refuse a file that OpenAI cannot read; a data URL also needs a file name."""
    if value.get("file_id") or is_url(value.get("file_url")):
        return
    if mime_type(value.get("file_data")) is None:
        yield Refusal(
            f"Invalid file data: '{param}.file_data'. Expected a base64-encoded data URL with a valid file "
            "MIME type (e.g. 'data:text/plain;base64,SGVsbG8sIFdvcmxkIQ==').",
            f"{param}.file_data",
            "invalid_value",
        )
    if not value.get("filename"):
        yield Refusal(
            f"Missing required parameter: '{param}.filename'.",
            f"{param}.filename",
            "missing_required_parameter",
        )
