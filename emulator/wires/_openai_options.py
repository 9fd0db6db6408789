"""OpenAI's rules for the options of a request, on both of its wires. Pure.

Sources: the API reference, recorded errors, and the fields of the SDK's types.
"""

from collections.abc import Callable, Collection

from emulator.wires._rules import NAME, Refusal, Refusals, is_integer, is_number, objects
from emulator.wires._tool_schemas import refused_by_openai
from providers.types import Json

_EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
_VERBOSITIES = ("low", "medium", "high")

_FEWEST_TOKENS = 16
_MOST_STOPS = 4
_MOST_TOOLS = 128
_LONGEST_NAME = 64
_LONGEST_DESCRIPTION = 1_024


def unknown(body: Json, known: Collection[str]) -> Refusals:
    """Refuse the fields of ``body`` that are not ``known``."""
    for name in body.keys() - known:
        yield Refusal(f"Unknown parameter: '{name}'.", name, "unknown_parameter")


def numbers(body: Json, ranges: dict[str, tuple[float, float]]) -> Refusals:
    """Refuse values that are not numbers or not within their range."""
    for name, (least, most) in ranges.items():
        value = body.get(name)
        if value is None or is_number(value, least, most):
            continue
        if not is_number(value, -(10**300), 10**300):
            yield wrong_type(name, "a decimal", value)
        else:
            side, word, bound = ("below min", ">=", least) if value < least else ("above max", "<=", most)
            message = (
                f"Invalid '{name}': decimal {side}imum value. Expected a value {word} {bound:g}, but got"
            )
            code = f"decimal_{side.replace(' ', '_')}_value"
            yield Refusal(f"{message} {value} instead.", name, code)


def counts(body: Json, bounds: dict[str, tuple[int, int]]) -> Refusals:
    """Refuse values that are not whole numbers or not within their bounds."""
    for name, (least, most) in bounds.items():
        value = body.get(name)
        if value is None or is_integer(value, least, most):
            continue
        if not is_integer(value, -(2**63), 2**63):
            yield wrong_type(name, "an integer", value)
        elif value < least:
            message = f"Invalid '{name}': integer below minimum value. Expected a value >= {least}, but got"
            yield Refusal(f"{message} {value} instead.", name, "integer_below_min_value")
        else:
            message = f"Invalid '{name}': integer above maximum value. Expected a value <= {most}, but got"
            yield Refusal(f"{message} {value} instead.", name, "integer_above_max_value")


def output_limit(body: Json, name: str) -> Refusals:
    """Refuse an output limit of ``name`` that leaves no room for an answer."""
    return counts(body, {name: (_FEWEST_TOKENS if name == "max_output_tokens" else 1, 2**31)})


def stop(value: object) -> Refusals:
    """Refuse invalid stop sequences, or too many of them."""
    if value is None:
        return
    stops = [value] if isinstance(value, str) else value
    if not isinstance(stops, list) or not all(isinstance(each, str) and each for each in stops):
        yield wrong_type("stop", "one of a string or array of strings", value)
    elif len(stops) > _MOST_STOPS:
        yield Refusal(
            f"Invalid 'stop': array too long. Expected an array with maximum length {_MOST_STOPS}, but got "
            f"an array with length {len(stops)} instead.",
            "stop",
            "array_above_max_length",
        )


def effort(value: object, param: str) -> Refusals:
    """Refuse a reasoning effort that no model supports."""
    return one_of(value, _EFFORTS, param)


def verbosity(value: object, param: str) -> Refusals:
    """Refuse a verbosity that no model supports."""
    return one_of(value, _VERBOSITIES, param)


def one_of(value: object, known: Collection[str], param: str) -> Refusals:
    """Refuse a value that is not in ``known``; ``None`` is allowed."""
    if value is not None and (not isinstance(value, str) or value not in known):
        *most, last = (f"'{each}'" for each in known)
        names = f"{', '.join(most)} and {last}" if most else last
        yield Refusal(f"Invalid value: '{value}'. Supported values are: {names}.", param, "invalid_value")


def tools(body: Json, function_at: Callable[[Json], Json], place: str) -> Refusals:
    """Refuse tools that are not a list of valid functions.

    ``function_at`` returns the function of a tool; ``place`` is its path below the tool, for the error.
    """
    declared = body.get("tools")
    if declared is None:
        return
    if not isinstance(declared, list):
        yield wrong_type("tools", "an array of objects", declared)
    elif not declared:
        yield empty_array("tools")
    elif len(declared) > _MOST_TOOLS:
        yield Refusal(
            f"Invalid 'tools': array too long. Expected an array with maximum length {_MOST_TOOLS}, but got "
            f"an array with length {len(declared)} instead.",
            "tools",
            "array_above_max_length",
        )
    for index, tool in enumerate(declared):
        if tool["type"] == "function":
            yield from _function(function_at(tool), f"tools[{index}]{place}")


def _function(function: Json, param: str) -> Refusals:
    yield from name(function.get("name"), f"{param}.name")
    about = f"Invalid schema for function '{function['name']}': "
    parameters = function.get("parameters")
    if parameters is not None:
        yield from schema(
            parameters,
            about,
            f"{param}.parameters",
            code="invalid_function_parameters",
            is_strict=function.get("strict") is True,
        )
        for problem in refused_by_openai(parameters):
            yield Refusal(f"{about}{problem}", f"{param}.parameters", "invalid_function_parameters")
    description = function.get("description") or ""
    if not isinstance(description, str):
        yield wrong_type(f"{param}.description", "a string", description)
    else:
        yield from at_most(description, _LONGEST_DESCRIPTION, f"{param}.description")


def name(value: object, param: str) -> Refusals:
    """Refuse a name that is too long or has characters that OpenAI does not allow."""
    if not isinstance(value, str):
        yield Refusal(f"Missing required parameter: '{param}'.", param, "missing_required_parameter")
    elif not NAME.fullmatch(value):
        yield Refusal(
            f"Invalid '{param}': string does not match pattern. Expected a string that matches the pattern "
            "'^[a-zA-Z0-9_-]+$'.",
            param,
            "invalid_value",
        )
    else:
        yield from at_most(value, _LONGEST_NAME, param)


def at_most(value: str, longest: int, param: str) -> Refusals:
    """Refuse a string with more than ``longest`` characters."""
    if len(value) > longest:
        yield Refusal(
            f"Invalid '{param}': string too long. Expected a string with maximum length {longest}, but got a "
            f"string with length {len(value)} instead.",
            param,
            "string_above_max_length",
        )


def schema(value: object, about: str, param: str, *, code: str, is_strict: bool) -> Refusals:
    """Refuse a JSON Schema that does not describe an object, or that strict mode does not support."""
    if not isinstance(value, dict) or value.get("type") != "object":
        kind = value.get("type") if isinstance(value, dict) else None
        yield Refusal(
            f"{about}schema must be a JSON Schema of 'type: \"object\"', got 'type: \"{kind}\"'.", param, code
        )
        return
    for each in objects(value) if is_strict else ():
        if each.get("additionalProperties") is not False:
            yield Refusal(
                f"{about}In context=(), 'additionalProperties' is required to be supplied and to be false.",
                param,
                code,
            )
        required = each.get("required")
        for field in (each.get("properties") or {}).keys() - set(required or ()):
            yield Refusal(
                f"{about}In context=(), 'required' is required to be supplied and to be an array including "
                f"every key in properties. Missing '{field}'.",
                param,
                code,
            )


def json_schema(asked: Json, param: str) -> Refusals:
    """Refuse a response format whose JSON Schema is missing or invalid."""
    yield from name(asked.get("name"), f"{param}.name")
    if "schema" not in asked:
        yield Refusal(
            f"Missing required parameter: '{param}.schema'.", f"{param}.schema", "missing_required_parameter"
        )
    about = f"Invalid schema for response_format '{asked['name']}': "
    is_strict = asked.get("strict") is True
    yield from schema(asked["schema"], about, param, code="invalid_json_schema", is_strict=is_strict)


def tool_choice(body: Json, choice_name: Callable[[Json], str]) -> Refusals:
    """Refuse a choice of a function that the request does not declare."""
    choice = body.get("tool_choice")
    if choice is None:
        return
    declared = body.get("tools") or ()
    if not declared and choice != "none":
        yield Refusal(
            "Invalid value for 'tool_choice': 'tool_choice' is only allowed when 'tools' are specified.",
            "tool_choice",
        )
    if isinstance(choice, str):
        yield from one_of(choice, ("none", "auto", "required"), "tool_choice")
    elif choice["type"] == "function":
        chosen = choice_name(choice)
        names = [tool.get("name") or tool.get("function", {}).get("name") for tool in declared]
        if chosen not in names:
            yield Refusal(f"Tool choice '{chosen}' not found in 'tools' parameter.", "tool_choice")


def wrong_type(param: str, expected: str, value: object) -> Refusal:
    """Return the refusal of a value of a wrong type."""
    return Refusal(
        f"Invalid type for '{param}': expected {expected}, but got {_TYPES[type(value)]} instead.",
        param,
        "invalid_type",
    )


def empty_array(param: str) -> Refusal:
    """Return the refusal of an empty list."""
    return Refusal(
        f"Invalid '{param}': empty array. Expected an array with minimum length 1, but got an empty array "
        "instead.",
        param,
        "empty_array",
    )


_TYPES: dict[type, str] = {
    str: "a string",
    int: "an integer",
    float: "a decimal",
    bool: "a boolean",
    list: "an array",
    dict: "an object",
    type(None): "null",
}
