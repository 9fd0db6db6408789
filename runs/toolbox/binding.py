"""What a model may say to a function, and the check of what it said, both from the function's signature."""

import functools
import inspect
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, get_type_hints

import orjson
import pydantic
from django.core.exceptions import ImproperlyConfigured
from pydantic import ConfigDict, Field, ValidationError
from pydantic.errors import PydanticUserError
from pydantic.fields import FieldInfo

from providers.text import clean_json
from providers.types import Json
from runs.toolbox import docstrings, schemas
from runs.toolbox.tool import InvalidArguments, ToolContext

#: Mistakes that one refusal tells of.
_MOST_TOLD = 5
#: Characters of what was wrong that are repeated.
_LONGEST_REPEATED = 80

_NAMED = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


@dataclass(frozen=True, kw_only=True, slots=True)
class Arguments:
    """The arguments of one function."""

    description: str
    #: Their JSON Schema.
    schema: Json
    function: Callable[..., Any]
    model: type[pydantic.BaseModel]
    #: The function's names for them, by the model's.
    names: dict[str, str]
    #: Names of those that take a ``ToolContext``.
    contexts: tuple[str, ...]

    def bind(self, text: str, context: ToolContext) -> Callable[[], Any]:
        """Return the call that the JSON ``text`` asks for. Raises ``InvalidArguments``."""
        try:
            found = self.model.model_validate_json(orjson.dumps(json_object(text)), strict=True)
        except ValidationError as error:
            raise InvalidArguments(self._sentence(error)) from None
        given = {self.names[field]: getattr(found, field) for field in self.names}
        return functools.partial(self.function, **given, **dict.fromkeys(self.contexts, context))

    def _sentence(self, error: ValidationError) -> str:
        problems = error.errors(include_url=False, include_context=False)
        told = [self._problem(problem) for problem in problems[:_MOST_TOLD]]
        more = len(problems) - len(told)
        return " ".join([*told, *([f"And {more} more."] if more else [])])

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
                said = problem["msg"].removeprefix("Value error, ").removesuffix(".")
                said = f" {said[6:]}" if said.startswith("Input should ") else f": {said}"
                return f"The argument {place}{said}, not {_shortened(_json(problem['input']))}."


def read(function: Callable[..., Any]) -> Arguments:
    """Return what ``function`` takes.

    Raises:
        ImproperlyConfigured: the function says too little, or takes what no model can give; a mistake
            of whoever wrote it, told at the start.
    """
    said = docstrings.read(function.__doc__ or "")
    if not said.description:
        raise _mistake(function, "has no docstring: models are told of it by that")
    hints, contexts = _hints(function)
    if unknown := said.arguments.keys() - hints.keys() - set(contexts):
        raise _mistake(function, f"describes {', '.join(sorted(unknown))}, which it does not take")
    fields: dict[str, Any] = {}
    names: dict[str, str] = {}
    parameters = inspect.signature(function).parameters
    for number, (name, hint) in enumerate(hints.items()):
        # Models of pydantic have attributes of their own, which arguments may be called like.
        field = f"argument_{number}"
        names[field] = name
        default = ... if parameters[name].default is inspect.Parameter.empty else parameters[name].default
        described: dict[str, Any] = {"description": said.arguments[name]} if name in said.arguments else {}
        fields[field] = (hint, Field(default, alias=name, **described))
    try:
        model = pydantic.create_model("Arguments", __config__=ConfigDict(extra="forbid"), **fields)
        schema = schemas.plain(model.model_json_schema())
    except (PydanticUserError, schemas.UnusableSchema) as error:
        raise _mistake(function, f"takes what has no JSON Schema: {error}") from error
    return Arguments(
        description=said.description,
        schema=schema,
        function=function,
        model=model,
        names=names,
        contexts=contexts,
    )


def _hints(function: Callable[..., Any]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Return the types of the arguments, and the names of those that take the context instead."""
    try:
        hints = get_type_hints(function, include_extras=True)
    except (NameError, TypeError) as error:
        raise _mistake(function, f"has type hints that cannot be read: {error}") from error
    found, contexts = {}, []
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
            found[name] = hints[name]
    return found, tuple(contexts)


def _mistake(function: Callable[..., Any], what: str) -> ImproperlyConfigured:
    name = getattr(function, "__qualname__", function)
    return ImproperlyConfigured(f"The tool {function.__module__}.{name} {what}.")


def json_object(text: str) -> Json:
    """Return the object in the JSON ``text`` as tools and databases take it: no NUL, no half characters.

    Raises:
        InvalidArguments: there is none.
    """
    try:
        # Some providers send nothing where there are no arguments.
        value = json.loads(text) if text.strip() else {}
    except (ValueError, RecursionError) as error:
        raise InvalidArguments(f"The arguments are not valid JSON: {error}.") from None
    if not isinstance(value, dict):
        raise InvalidArguments("The arguments must be one JSON object, with a field for each argument.")
    cleaned: Json = clean_json(value)
    return cleaned


def _place(steps: tuple[str | int, ...]) -> str:
    joined = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps)
    return joined.removeprefix(".")


def _json(value: Any) -> str:
    return orjson.dumps(value, default=str).decode()


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST_REPEATED else f"{text[:_LONGEST_REPEATED]}…"
