"""Google's rules for the options and tools of a ``generateContent`` request. Pure.

Sources: the API reference and the fields that the SDK sends to the Gemini API.
"""

import re
from collections.abc import Collection
from typing import Any

from emulator.wires._rules import Refusal, Refusals, is_integer, is_number
from emulator.wires._tool_schemas import refused_by_google
from providers.types import Json

FIELDS = frozenset(
    [
        "cachedContent",
        "contents",
        "continuationToken",
        "generationConfig",
        "labels",
        "model",
        "safetySettings",
        "serviceTier",
        "store",
        "systemInstruction",
        "toolConfig",
        "tools",
    ]
)
_CONFIG = frozenset(
    [
        "audioTranscriptionConfig",
        "candidateCount",
        "enableEnhancedCivicAnswers",
        "frequencyPenalty",
        "imageConfig",
        "logprobs",
        "maxOutputTokens",
        "mediaResolution",
        "presencePenalty",
        "responseFormat",
        "responseJsonSchema",
        "responseLogprobs",
        "responseMimeType",
        "responseModalities",
        "responseSchema",
        "seed",
        "speechConfig",
        "stopSequences",
        "temperature",
        "thinkingConfig",
        "topK",
        "topP",
    ]
)
_TOOLS = frozenset(
    [
        "codeExecution",
        "computerUse",
        "fileSearch",
        "functionDeclarations",
        "googleMaps",
        "googleSearch",
        "googleSearchRetrieval",
        "mcpServers",
        "urlContext",
    ]
)
_DECLARATION = frozenset(
    [
        "behavior",
        "description",
        "name",
        "parameters",
        "parametersJsonSchema",
        "response",
        "responseJsonSchema",
    ]
)
_THINKING = frozenset(["includeThoughts", "thinkingBudget", "thinkingLevel"])
_LEVELS = ("THINKING_LEVEL_UNSPECIFIED", "MINIMAL", "LOW", "MEDIUM", "HIGH")
_MODES = ("MODE_UNSPECIFIED", "AUTO", "ANY", "NONE", "VALIDATED")
_MIME_TYPES = ("text/plain", "application/json", "text/x.enum")

_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_.:-]{0,127}")
_MOST_STOPS = 5

_REQUEST = "* GenerateContentRequest"


def field(node: Json, name: str) -> Any:
    """Return a field by its camelCase or snake_case name: protobuf accepts both, and the SDK uses both."""
    return node.get(name, node.get(_snake_case(name)))


def _snake_case(name: str) -> str:
    return re.sub(r"[A-Z]", lambda capital: f"_{capital[0].lower()}", name)


def unknown(node: Json, known: Collection[str], place: str = "") -> Refusals:
    """Refuse fields that the message at ``place`` does not have."""
    for name in node.keys() - known - {_snake_case(each) for each in known}:
        where = f" at '{_snake_case(place)}'" if place else ""
        yield Refusal(
            f'Invalid JSON payload received. Unknown name "{name}"{where}: Cannot find field.',
            _snake_case(place) or name,
        )


def refusals(body: Json) -> Refusals:
    """Yield a refusal for each rule that the options and tools in ``body`` break."""
    yield from _generation(field(body, "generationConfig") or {})
    declared: list[str] = []
    for index, tool in enumerate(body.get("tools") or ()):
        yield from unknown(tool, _TOOLS, f"tools[{index}]")
        for place, function in enumerate(field(tool, "functionDeclarations") or ()):
            yield from _declaration(function, f"tools[{index}].function_declarations[{place}]", declared)
            declared.append(function["name"])
    config = field(field(body, "toolConfig") or {}, "functionCallingConfig")
    if config is not None:
        yield from _calling(config, declared)


def _generation(config: Json) -> Refusals:
    place = "generation_config"
    yield from unknown(config, _CONFIG, place)
    for name, least, most in (
        ("temperature", 0.0, 2.0),
        ("topP", 0.0, 1.0),
        ("presencePenalty", -2.0, 2.0),
        ("frequencyPenalty", -2.0, 2.0),
    ):
        value = field(config, name)
        if value is None or is_number(value, least, most):
            continue
        if not is_number(value, -(10**300), 10**300):
            yield _invalid_value(f"{place}.{_snake_case(name)}", "TYPE_FLOAT", value)
        snake = _snake_case(name)
        yield Refusal(f"{_REQUEST}.{place}.{snake}: {snake} must be in the range [{least}, {most}].")
    for name, least_count in (("maxOutputTokens", 1), ("topK", 1), ("candidateCount", 1)):
        count = field(config, name)
        if count is None or is_integer(count, least_count):
            continue
        if not is_integer(count, -(2**63)):
            yield _invalid_value(f"{place}.{_snake_case(name)}", "TYPE_INT32", count)
        yield Refusal(f"{_snake_case(name)} must be positive.")
    stops = field(config, "stopSequences")
    if stops is not None and (
        not isinstance(stops, list) or not all(isinstance(each, str) and each for each in stops)
    ):
        yield _invalid_value(f"{place}.stop_sequences", "TYPE_STRING", stops)
    if stops is not None and len(stops) > _MOST_STOPS:
        yield Refusal(f"{_REQUEST}.{place}.stop_sequences: at most {_MOST_STOPS} stop sequences are allowed.")
    yield from _thinking(field(config, "thinkingConfig") or {})
    yield from _schema(config)


def _thinking(config: Json) -> Refusals:
    place = "generation_config.thinking_config"
    yield from unknown(config, _THINKING, place)
    budget, level = field(config, "thinkingBudget"), field(config, "thinkingLevel")
    if budget is not None and level is not None:
        yield Refusal("You can only set only one of thinking budget and thinking level.")
    if budget is not None and not is_integer(budget, -1):
        yield Refusal(f"The thinking budget {budget} is invalid. Please choose a value of -1 or more.")
    if level is not None and str(level).upper() not in _LEVELS:
        yield _invalid_value(
            f"{place}.thinking_level", f"{_TYPES}GenerationConfig.ThinkingConfig.ThinkingLevel", level
        )


def _schema(config: Json) -> Refusals:
    mime = field(config, "responseMimeType")
    if mime is not None and mime not in _MIME_TYPES:
        yield Refusal(
            f"{_REQUEST}.generation_config.response_mime_type: allowed mimetypes are `text/plain`, "
            "`application/json`, `application/xml`, `application/yaml` and `text/x.enum`."
        )
    schemas = [field(config, name) for name in ("responseSchema", "responseJsonSchema")]
    given = [schema for schema in schemas if schema is not None]
    if len(given) > 1:
        yield Refusal("Only one of response_schema and response_json_schema can be set.")
    if given and mime not in {"application/json", "text/x.enum"}:
        yield Refusal(
            f"{_REQUEST}.generation_config.response_schema: only allowed when response_mime_type is "
            "`application/json` or `text/x.enum`."
        )
    if given and not isinstance(given[0], dict):
        yield _invalid_value("generation_config.response_schema", f"{_TYPES}Schema", given[0])


def _declaration(function: Json, place: str, declared: list[str]) -> Refusals:
    yield from unknown(function, _DECLARATION, place)
    name = function["name"]
    yield from function_name(name, f"{_REQUEST}.{place}.name")
    if name in declared:
        yield Refusal(f"Duplicate function declaration found: {name}")
    schema, parameters = field(function, "parametersJsonSchema"), function.get("parameters")
    if schema is not None and parameters is not None:
        yield Refusal(f"{_REQUEST}.{place}: only one of parameters and parameters_json_schema may be set.")
    for given in (schema, parameters):
        if given is not None and str(given.get("type", "object")).lower() != "object":
            yield Refusal(f"{_REQUEST}.{place}.parameters: should be of type OBJECT.")
    for problem in refused_by_google(schema) if isinstance(schema, dict) else ():
        yield Refusal(f"{_REQUEST}.{place}.{problem}")


def function_name(name: str, place: str) -> Refusals:
    """Refuse a name that is too long or has characters that Google does not allow."""
    if not _NAME.fullmatch(name):
        yield Refusal(
            f"{place}: Invalid function name. Must start with a letter or an underscore. Must be alphameric "
            "(a-z, A-Z, 0-9), underscores (_), dots (.), colons (:), or dashes (-), with a maximum length of 128."
        )


def _calling(config: Json, declared: list[str]) -> Refusals:
    place = "tool_config.function_calling_config"
    mode = str(config.get("mode", "AUTO")).upper()
    yield from unknown(config, {"mode", "allowedFunctionNames", "streamFunctionCallArguments"}, place)
    if mode not in _MODES:
        yield _invalid_value(f"{place}.mode", f"{_TYPES}FunctionCallingConfig.Mode", config["mode"])
    if mode in {"ANY", "VALIDATED"} and not declared:
        yield Refusal("Function calling config is set without function_declarations.")
    allowed = field(config, "allowedFunctionNames") or []
    if allowed and mode not in {"ANY", "VALIDATED"}:
        yield Refusal(
            f"{_REQUEST}.{place}.allowed_function_names: should only be set when the Mode is ANY or VALIDATED."
        )
    for name in allowed:
        if name not in declared:
            yield Refusal(
                f"{_REQUEST}.{place}.allowed_function_names: '{name}' is not a declared function name."
            )


def _invalid_value(place: str, kind: str, value: object) -> Refusal:
    return Refusal(f"Invalid value at '{place}' ({kind}), \"{value}\"", place)


_TYPES = "type.googleapis.com/google.ai.generativelanguage.v1beta."
