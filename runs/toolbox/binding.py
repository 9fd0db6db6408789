"""Builds a function's JSON Schema from its signature, and checks a model's arguments against it."""

import contextlib
import functools
import inspect
import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, NoReturn, get_type_hints

import orjson
import pydantic
from django.core.exceptions import ImproperlyConfigured
from pydantic import ConfigDict, Field, ValidationError
from pydantic.errors import PydanticUserError
from pydantic.fields import FieldInfo

from providers.text.arguments import object_of
from providers.text.cleaning import clean
from providers.types import Json
from runs.toolbox import docstrings, schemas
from runs.toolbox.tool import InvalidArguments, ToolContext

#: Mistakes that one error message lists.
_MOST_LISTED = 5
#: Characters of a wrong value that an error message repeats.
_LONGEST_REPEATED = 80

_NAMED = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


@dataclass(frozen=True, kw_only=True, slots=True)
class Arguments:
    """The arguments of one function."""

    description: str
    #: The JSON Schema of an object with one property for each argument.
    schema: Json
    function: Callable[..., Any]
    #: Validates the arguments; its fields are ``argument_0``, ``argument_1`` and so on.
    model: type[pydantic.BaseModel]
    #: The function's argument names, by the fields of ``model``.
    names: dict[str, str]
    #: Names of the arguments that take a ``ToolContext``.
    contexts: tuple[str, ...]

    def bind(self, text: str, context: ToolContext) -> Callable[[], Any]:
        """Return a callable that calls the function with the arguments in the JSON ``text``.

        Raises:
            InvalidArguments: ``text`` is not valid JSON or does not match the schema.
        """
        try:
            validated = self.model.model_validate_json(json.dumps(json_object(text)), strict=True)
        except ValidationError as error:
            raise InvalidArguments(self._sentence(error)) from None
        given = {self.names[field]: getattr(validated, field) for field in self.names}
        return functools.partial(self.function, **given, **dict.fromkeys(self.contexts, context))

    def _sentence(self, error: ValidationError) -> str:
        problems = error.errors(include_url=False, include_context=False)
        listed = [self._problem(problem) for problem in problems[:_MOST_LISTED]]
        more = len(problems) - len(listed)
        return " ".join([*listed, *([f"And {more} more."] if more else [])])

    def _problem(self, problem: Any) -> str:
        place = _shortened(_place(problem["loc"]))
        match problem["type"]:
            case "missing":
                return f"The argument {place} is missing."
            case "extra_forbidden" if len(problem["loc"]) == 1:
                taken = ", ".join(self.names.values()) or "none"
                return f"There is no argument {place}. The arguments are: {taken}."
            case "extra_forbidden":
                return f"The argument {place} is one too many."
            case _:
                message = problem["msg"].removeprefix("Value error, ").removesuffix(".")
                message = f" {message[6:]}" if message.startswith("Input should ") else f": {message}"
                return f"The argument {place}{message}, not {_shortened(_json(problem['input']))}."


def read(function: Callable[..., Any]) -> Arguments:
    """Return the arguments of ``function``, from its type hints and docstring.

    Raises:
        ImproperlyConfigured: the function lacks a docstring or type hints, or a model cannot give one of
            its arguments. Tools are registered at start, so their authors see the mistake then.
    """
    parsed = docstrings.parse(function.__doc__ or "")
    if not parsed.description:
        raise _mistake(function, "has no docstring: models are told of it by that")
    hints, contexts = _hints(function)
    if unknown := parsed.arguments.keys() - hints.keys() - set(contexts):
        raise _mistake(function, f"describes {', '.join(sorted(unknown))}, which it does not take")
    fields: dict[str, Any] = {}
    names: dict[str, str] = {}
    parameters = inspect.signature(function).parameters
    for number, (name, hint) in enumerate(hints.items()):
        # Numbered, because an argument's own name may collide with an attribute of pydantic's models.
        field = f"argument_{number}"
        names[field] = name
        default = ... if parameters[name].default is inspect.Parameter.empty else parameters[name].default
        # An absent description must stay absent: ``None`` would hide one given in Annotated[…].
        described: dict[str, Any] = {}
        if name in parsed.arguments:
            described["description"] = parsed.arguments[name]
        fields[field] = (hint, Field(default, alias=name, **described))
    try:
        model = pydantic.create_model("Arguments", __config__=ConfigDict(extra="forbid"), **fields)
        schema = schemas.plain(model.model_json_schema())
    except (PydanticUserError, schemas.UnusableSchema) as error:
        raise _mistake(function, f"takes what has no JSON Schema: {error}") from error
    return Arguments(
        description=parsed.description,
        schema=schema,
        function=function,
        model=model,
        names=names,
        contexts=contexts,
    )


def _hints(function: Callable[..., Any]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Return the types of the model's arguments by name, and the names of the ``ToolContext`` arguments."""
    try:
        hints = get_type_hints(function, include_extras=True)
    except (NameError, TypeError) as error:
        raise _mistake(function, f"has type hints that cannot be read: {error}") from error
    types, contexts = {}, []
    for name, parameter in inspect.signature(function).parameters.items():
        if parameter.kind not in _NAMED:
            raise _mistake(function, f"takes {parameter}: a model can only name its arguments")
        if name not in hints:
            raise _mistake(function, f"does not say of which type {name} is")
        if isinstance(parameter.default, FieldInfo):
            raise _mistake(function, f"says of {name} in its default what belongs into Annotated[…]")
        if hints[name] is ToolContext:
            contexts.append(name)
        else:
            types[name] = hints[name]
    return types, tuple(contexts)


def _mistake(function: Callable[..., Any], what: str) -> ImproperlyConfigured:
    name = getattr(function, "__qualname__", function)
    return ImproperlyConfigured(f"The tool {function.__module__}.{name} {what}.")


def json_object(text: str) -> Json:
    """Return the object that a model's argument ``text`` stands for.

    What would be executed must be what people are shown. So text is refused that parsing would change: a field that
    is named twice, a number that is too large or has more digits than are kept, half of a character, and NUL,
    which databases refuse.

    Raises:
        InvalidArguments: ``text`` stands for no object, or not for exactly one.
    """
    value = object_of(text)
    if value is None:
        raise InvalidArguments(_unreadable(text))
    problems: list[str] = []
    _parse_noting(text, problems)
    _note_odd_characters(value, problems)
    if problems:
        raise InvalidArguments(f"{problems[0]} Nothing was executed.")
    return value


def why_not_readable(text: str) -> str | None:
    """Return the reason why ``json_object`` refuses ``text``, ``None`` if it does not; models read it."""
    try:
        json_object(text)
    except InvalidArguments as refusal:
        return str(refusal)
    return None


def _unreadable(text: str) -> str:
    def refuse(constant: str) -> NoReturn:
        raise ValueError(f"there is no {constant} in it")

    try:
        json.loads(text, parse_constant=refuse)
    except (ValueError, RecursionError) as error:
        return f"The arguments are not valid JSON: {error}. Nothing was executed."
    return "The arguments must be one JSON object, with a field for each argument. Nothing was executed."


def _parse_noting(text: str, problems: list[str]) -> None:
    """Add what parsing ``text``, which stands for an object, would change."""

    def fields(pairs: list[tuple[str, Any]]) -> Json:
        found = dict(pairs)
        if len(found) < len(pairs):
            names = [name for name, _ in pairs]
            doubled = next(name for name in names if names.count(name) > 1)
            problems.append(f"The field {_shortened(doubled)!r} is named twice.")
        return found

    def number(digits: str) -> float:
        value = float(digits)
        if math.isinf(value):
            problems.append(f"The number {_shortened(digits)} is too large.")
        elif not _is_kept(digits, value):
            why = "has too many digits" if value else "is too small"
            problems.append(f"The number {_shortened(digits)} {why} to be kept exactly.")
        return value

    # Text that says an object several times is no JSON; its fields are the same each time.
    with contextlib.suppress(ValueError, RecursionError):
        inner = json.loads(text, object_pairs_hook=fields, parse_float=number)
        if isinstance(inner, str):
            json.loads(inner, object_pairs_hook=fields, parse_float=number)


def _is_kept(digits: str, value: float) -> bool:
    """Return whether ``value``, written again, is the number that ``digits`` are."""
    try:
        return Decimal(digits) == Decimal(repr(value))
    except InvalidOperation:
        # An exponent of 19 digits and more.
        return False


def _note_odd_characters(value: Any, problems: list[str]) -> None:
    match value:
        case str() if "\0" in value:
            problems.append("A text holds the character NUL.")
        case str() if clean(value) != value:
            problems.append("A text holds half of a character.")
        case dict():
            for name, inner in value.items():
                _note_odd_characters(name, problems)
                _note_odd_characters(inner, problems)
        case list():
            for inner in value:
                _note_odd_characters(inner, problems)


def _place(steps: tuple[str | int, ...]) -> str:
    joined = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps)
    return joined.removeprefix(".")


def _json(value: Any) -> str:
    return orjson.dumps(value, default=str).decode()


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST_REPEATED else f"{text[:_LONGEST_REPEATED]}…"
