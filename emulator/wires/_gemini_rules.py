"""Google's rules for a ``generateContent`` request. Pure.

Function responses follow their calls at once, in equal number and order. Signed parts come back signed.
"""

import base64
import binascii

from emulator.sealing import is_sealed
from emulator.wires import _gemini_options as options
from emulator.wires._gemini_options import field
from emulator.wires._rules import Refusal, Refusals, RequestRules, is_base64
from providers.types import Json

#: Accepted instead of a signature, for parts from another model; the values are Google's own:
#: https://ai.google.dev/gemini-api/docs/thought-signatures
_UNSIGNED = {"skip_thought_signature_validator", "context_engineering_is_the_way_to_go"}

#: The fields of which a part has exactly one.
_DATA = frozenset(
    [
        "codeExecutionResult",
        "executableCode",
        "fileData",
        "functionCall",
        "functionResponse",
        "inlineData",
        "text",
        "toolCall",
        "toolResponse",
    ]
)
_ABOUT = frozenset(
    [
        "audioMetadata",
        "audioTranscription",
        "documentMetadata",
        "mediaProcessing",
        "mediaResolution",
        "partMetadata",
        "speechMetadata",
        "spreadsheetMetadata",
        "thought",
        "thoughtSignature",
        "videoMetadata",
    ]
)
_CALL = frozenset(("id", "name", "args"))
_RESPONSE = frozenset(("id", "name", "response", "parts", "scheduling", "willContinue"))

_REQUEST = "* GenerateContentRequest"


def refusals(body: Json, terms: RequestRules) -> Refusals:
    """Yield a refusal for each rule that ``body`` breaks."""
    if terms.knows_its_fields:
        yield from options.unknown(body, options.FIELDS)
    yield from options.refusals(body)
    contents = body["contents"]
    if not contents:
        yield Refusal(f"{_REQUEST}.contents: contents is not specified")
    system = field(body, "systemInstruction")
    if system is not None and not system.get("parts"):
        yield Refusal(f"{_REQUEST}.system_instruction.parts: contents.parts must not be empty.")
    for index, content in enumerate(contents):
        yield from _content(content, f"contents[{index}]")
    yield from _turns(contents)
    yield from _calls(contents)
    if terms.demands_seals:
        yield from _signatures(contents)


def _role(content: Json) -> str:
    role: str = content.get("role") or "user"
    return "user" if role == "function" else role


def _content(content: Json, place: str) -> Refusals:
    yield from options.unknown(content, {"parts", "role"}, place)
    if _role(content) not in {"user", "model"}:
        yield Refusal("Please use a valid role: user, model.")
    if not content.get("parts"):
        yield Refusal(f"{_REQUEST}.{place}.parts: contents.parts must not be empty.")
    for index, part in enumerate(content["parts"]):
        yield from _part(part, f"{place}.parts[{index}]")


def _part(part: Json, place: str) -> Refusals:
    yield from options.unknown(part, _DATA | _ABOUT, place)
    given = [name for name in _DATA if field(part, name) is not None]
    signature = field(part, "thoughtSignature")
    if not given or (given == ["text"] and part["text"] == "" and signature is None):
        yield Refusal(f"{_REQUEST}.{place}.data: required oneof field 'data' must have one initialized field")
    if len(given) > 1:
        yield Refusal(f"Invalid value at '{place}' (oneof), oneof field 'data' is already set.", place)
    if signature is not None:
        yield from _signature(signature, f"{place}.thought_signature")
    match given[0]:
        case "functionCall":
            call = field(part, "functionCall")
            yield from options.unknown(call, _CALL, f"{place}.function_call")
            yield from options.function_name(call["name"], f"{_REQUEST}.{place}.function_call.name")
            yield from _struct(call.get("args", {}), f"{place}.function_call.args")
        case "functionResponse":
            response = field(part, "functionResponse")
            yield from options.unknown(response, _RESPONSE, f"{place}.function_response")
            if not response.get("name"):
                yield Refusal(f"{_REQUEST}.{place}.function_response.name: Name cannot be empty.")
            yield from _struct(response.get("response"), f"{place}.function_response.response")
        case "inlineData":
            yield from _inline(field(part, "inlineData"), f"{place}.inline_data")
        case "fileData" if not field(field(part, "fileData"), "fileUri"):
            yield Refusal(f"{_REQUEST}.{place}.file_data.file_uri: must not be empty.")


def _struct(value: object, place: str) -> Refusals:
    if not isinstance(value, dict):
        yield Refusal(f"Invalid value at '{place}' (type.googleapis.com/google.protobuf.Struct)", place)


def _inline(blob: Json, place: str) -> Refusals:
    if not field(blob, "mimeType"):
        yield Refusal(f"{_REQUEST}.{place}.mime_type: must not be empty.")
    data = blob.get("data")
    if not is_base64(data.replace("-", "+").replace("_", "/") if isinstance(data, str) else data):
        yield Refusal(
            f"Invalid value at '{place}.data' (TYPE_BYTES), Base64 decoding failed for \"{str(data)[:40]}\"",
            f"{place}.data",
        )


def _signature(value: object, place: str) -> Refusals:
    if value in _UNSIGNED:
        return
    try:
        base64.b64decode(str(value).replace("-", "+").replace("_", "/"), validate=True)
    except (binascii.Error, ValueError):
        yield Refusal(
            f"Invalid value at '{place}' (TYPE_BYTES), Base64 decoding failed for \"{str(value)[:40]}\"",
            place,
        )
    if not is_sealed(value):
        yield Refusal("Corrupted thought signature.")


def _turns(contents: list[Json]) -> Refusals:
    roles = [_role(content) for content in contents]
    for before, role in zip([None, *roles], roles, strict=False):
        if role == before:
            yield Refusal("Please ensure that multiturn requests alternate between user and model.")
    if roles[0] != "user":
        yield Refusal("Please ensure that multiturn requests begin with a user role.")
    if roles[-1] != "user":
        yield Refusal("Please ensure that multiturn requests end with a user role or a function response.")


def _calls(contents: list[Json]) -> Refusals:
    due: list[Json] = []
    for content in contents:
        parts = content["parts"]
        responses = [found for part in parts if (found := field(part, "functionResponse"))]
        if responses and not due:
            yield Refusal(
                "Please ensure that function response turn comes immediately after a function call turn."
            )
        if len(responses) != len(due):
            yield Refusal(
                "Please ensure that the number of function response parts is equal to the number of function "
                "call parts of the function call turn."
            )
        if any(field(part, "functionResponse") is None for part in parts[: len(due)]):
            yield Refusal("Please ensure that function response parts come before other parts.")
        for call, response in zip(due, responses, strict=True):
            # Google's message is the same for a wrong name and a wrong id.
            if call["name"] != response["name"] or call.get("id") != response.get("id", call.get("id")):
                yield Refusal("Request contains an invalid argument.")
        due = [found for part in parts if (found := field(part, "functionCall"))]
        ids = [call["id"] for call in due if call.get("id")]
        if len(set(ids)) != len(ids):
            yield Refusal("Request contains an invalid argument.")
    if due:
        yield Refusal(
            "Please ensure that the number of function response parts is equal to the number of function call "
            "parts of the function call turn."
        )


def _signatures(contents: list[Json]) -> Refusals:
    """The first call of each step since the user's last text must be signed."""
    asked = [
        index
        for index, content in enumerate(contents)
        if _role(content) == "user"
        and any(field(part, "functionResponse") is None for part in content["parts"])
    ]
    for index in range(asked[-1] + 1 if asked else 0, len(contents)):
        calls = [part for part in contents[index]["parts"] if field(part, "functionCall")]
        if calls and not field(calls[0], "thoughtSignature"):
            name = field(calls[0], "functionCall")["name"]
            yield Refusal(
                "Function call is missing a thought_signature in functionCall parts. This is required for tools "
                "to work correctly, and missing thought_signature may lead to degraded model performance. "
                f"Additional data, function call `default_api:{name}` , position {index + 1}. Please refer to "
                "https://ai.google.dev/gemini-api/docs/thought-signatures for more details."
            )
