"""OpenAI's rules for a Responses request. Pure."""

from emulator.prompt import since_the_user
from emulator.sealing import is_sealed
from emulator.wires import _openai_options as options
from emulator.wires._openai_chat_rules import LONGEST_TEXT, file, image
from emulator.wires._rules import Refusal, Refusals, RequestRules, is_object_text
from providers.types import Json

#: The fields of the SDK's ``ResponseCreateParams``.
_FIELDS = frozenset(
    [
        "access_programs",
        "background",
        "background_options",
        "context_management",
        "conversation",
        "image",
        "include",
        "input",
        "instructions",
        "max_output_tokens",
        "max_tool_calls",
        "metadata",
        "model",
        "moderation",
        "parallel_tool_calls",
        "previous_response_id",
        "prompt",
        "prompt_cache_key",
        "prompt_cache_options",
        "prompt_cache_retention",
        "reasoning",
        "safety_identifier",
        "service_tier",
        "store",
        "stream",
        "stream_options",
        "temperature",
        "text",
        "tool_choice",
        "tools",
        "top_logprobs",
        "top_p",
        "truncation",
        "user",
    ]
)

_ROLES = ("assistant", "system", "developer", "user")
_PARTS = {
    "assistant": ("output_text", "refusal"),
    "user": ("input_text", "input_image", "input_file", "input_audio"),
    "system": ("input_text",),
    "developer": ("input_text",),
}
#: The roles and kinds of items that cannot follow reasoning.
_NOT_LED_TO = {"user", "system", "developer", "function_call_output"}
_IMAGE_DETAILS = ("low", "high", "auto", "original")

_INCLUDABLE = (
    "file_search_call.results",
    "web_search_call.results",
    "web_search_call.action.sources",
    "message.input_image.image_url",
    "computer_call_output.output.image_url",
    "code_interpreter_call.outputs",
    "reasoning.encrypted_content",
    "message.output_text.logprobs",
)
_LONGEST_ID = 64


def refusals(body: Json, terms: RequestRules) -> Refusals:
    """Yield a refusal for each rule that ``body`` breaks."""
    if terms.knows_its_fields:
        yield from options.unknown(body, _FIELDS)
    yield from _options(body)
    given = body["input"]
    if isinstance(given, str):
        if not given:
            yield Refusal("Invalid 'input': empty string.", "input")
        return
    if not given:
        yield options.empty_array("input")
    for index, item in enumerate(given):
        yield from _item(item, f"input[{index}]", body)
    yield from _calls(given)
    yield from _reasoning_leads_on(given)
    if terms.demands_seals and "reasoning.encrypted_content" in (body.get("include") or ()):
        yield from _reasoning_led_to_calls(given)
    if _kind(given[-1]) == "message" and given[-1]["role"] == "assistant":
        yield Refusal("Expected the last item to be of the user or a tool.", "input")


def _options(body: Json) -> Refusals:
    yield from options.numbers(body, {"temperature": (0, 2), "top_p": (0, 1)})
    yield from options.output_limit(body, "max_output_tokens")
    yield from options.counts(body, {"top_logprobs": (0, 20), "max_tool_calls": (1, 2**31)})
    yield from options.tools(body, lambda tool: tool, "")
    yield from options.tool_choice(body, lambda choice: str(choice["name"]))
    reasoning = body.get("reasoning") or {}
    yield from options.effort(reasoning.get("effort"), "reasoning.effort")
    yield from options.one_of(reasoning.get("summary"), ("concise", "detailed", "auto"), "reasoning.summary")
    for index, each in enumerate(body.get("include") or ()):
        yield from options.one_of(each, _INCLUDABLE, f"include[{index}]")
    yield from options.one_of(body.get("truncation"), ("auto", "disabled"), "truncation")
    text = body.get("text") or {}
    yield from options.verbosity(text.get("verbosity"), "text.verbosity")
    if (asked := text.get("format")) is not None:
        yield from options.one_of(asked["type"], ("json_object", "json_schema", "text"), "text.format.type")
        if asked["type"] == "json_schema":
            yield from options.json_schema(asked, "text.format")


def _kind(item: Json) -> str:
    kind: str = item.get("type", "message")
    return kind


def _item(item: Json, place: str, body: Json) -> Refusals:
    match _kind(item):
        case "message":
            yield from _message(item, place)
        case "function_call":
            yield from options.name(item["name"], f"{place}.name")
            yield from options.at_most(item["call_id"], _LONGEST_ID, f"{place}.call_id")
            yield from _item_id(item, "fc", place)
            if not is_object_text(item["arguments"]):
                yield Refusal(
                    f"Invalid '{place}.arguments': expected the JSON of an object.",
                    f"{place}.arguments",
                    "invalid_value",
                )
        case "function_call_output":
            if not isinstance(item["output"], (str, list)):
                yield options.wrong_type(
                    f"{place}.output", "one of a string or array of objects", item["output"]
                )
            yield from options.at_most(item["output"], LONGEST_TEXT, f"{place}.output")
        case "reasoning":
            yield from _reasoning(item, place, body)
        case "item_reference":
            yield _not_found(item["id"])


def _item_id(item: Json, prefix: str, place: str) -> Refusals:
    if item.get("id") and not item["id"].startswith(prefix):
        yield Refusal(
            f"Invalid '{place}.id': '{item['id']}'. Expected an ID that begins with '{prefix}'.",
            f"{place}.id",
            "invalid_value",
        )


def _message(item: Json, place: str) -> Refusals:
    role = item["role"]
    yield from options.one_of(role, _ROLES, f"{place}.role")
    yield from _item_id(item, "msg", place)
    content = item["content"]
    if not content:
        yield options.empty_array(f"{place}.content")
    for index, part in enumerate(content if isinstance(content, list) else ()):
        here = f"{place}.content[{index}]"
        yield from options.one_of(part["type"], _PARTS[role], f"{here}.type")
        match part["type"]:
            case "input_image":
                if not part.get("file_id"):
                    yield from image(part.get("image_url"), f"{here}.image_url")
                yield from options.one_of(part.get("detail"), _IMAGE_DETAILS, f"{here}.detail")
            case "input_file":
                yield from file(part, here)
            case "input_text" | "output_text" if not isinstance(part["text"], str):
                yield options.wrong_type(f"{here}.text", "a string", part["text"])
            case "input_text" if not part["text"]:
                yield Refusal(f"Invalid '{here}.text': empty string.", f"{here}.text")


def _reasoning(item: Json, place: str, body: Json) -> Refusals:
    summary, sealed = item.get("summary"), item.get("encrypted_content")
    if not isinstance(summary, list):
        yield Refusal(
            f"Missing required parameter: '{place}.summary'.",
            f"{place}.summary",
            "missing_required_parameter",
        )
        return
    if not sealed:
        # The emulator stores no items, even if a request asks for it.
        yield _not_found(item.get("id") or place, stores=body.get("store") is not False)
    elif not is_sealed(sealed, "".join(part["text"] for part in summary)):
        yield Refusal(
            f"The encrypted content for item {item.get('id')} could not be verified. Reason: Encrypted "
            "content could not be decrypted or parsed.",
            None,
            "invalid_encrypted_content",
        )


def _not_found(item_id: str, *, stores: bool = True) -> Refusal:
    why = (
        ""
        if stores
        else " Items are not persisted when `store` is set to false. Try again with `store` set to true, or "
        "remove this item from your input."
    )
    return Refusal(f"Item with id '{item_id}' not found.{why}", "input", status=404)


def _calls(items: list[Json]) -> Refusals:
    """Outputs answer all calls, in order, before the next message."""
    due: list[str] = []
    seen: set[str] = set()
    for item in items:
        match _kind(item):
            case "function_call":
                if item["call_id"] in seen:
                    yield Refusal(f"Duplicate call_id '{item['call_id']}' in input.", "input")
                seen.add(item["call_id"])
                due.append(item["call_id"])
            case "function_call_output":
                call_id = item["call_id"]
                if call_id not in due:
                    yield Refusal(
                        f"No tool call found for function call output with call_id {call_id}.", "input"
                    )
                elif call_id != due[0]:
                    yield _no_output(due[0])
                due.remove(call_id)
            case "message" if due:
                yield _no_output(due[0])
    if due:
        yield _no_output(due[0])


def _no_output(call_id: str) -> Refusal:
    return Refusal(f"No tool output found for function call {call_id}.", "input")


def _reasoning_leads_on(items: list[Json]) -> Refusals:
    followers = [*items[1:], None]
    for item, following in zip(items, followers, strict=True):
        if _kind(item) != "reasoning":
            continue
        if following is None or following.get("role", _kind(following)) in _NOT_LED_TO:
            yield Refusal(
                f"Item '{item.get('id')}' of type 'reasoning' was provided without its required following "
                "item.",
                "input",
            )


def _reasoning_led_to_calls(items: list[Json]) -> Refusals:
    """Each step's calls in this turn must follow the reasoning that led to them.

    OpenAI can check only items that it stored or that have ids; the emulator checks all.
    """
    turn = since_the_user(items, is_user=[item.get("role") == "user" for item in items])
    has_thought = False
    for item in turn:
        match _kind(item):
            case "reasoning":
                has_thought = True
            case "function_call" if not has_thought:
                yield Refusal(
                    f"Item '{item.get('id') or item['call_id']}' of type 'function_call' was provided without "
                    "its required 'reasoning' item.",
                    "input",
                )
            case "function_call_output":
                has_thought = False
