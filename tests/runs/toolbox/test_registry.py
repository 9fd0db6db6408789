"""Functions become tools: their names, their schemas, and what a model reads of bad arguments."""

import enum
import threading
from datetime import date
from typing import Annotated, Any, Literal
from uuid import UUID, uuid4

import pytest
from django.core.exceptions import ImproperlyConfigured
from pydantic import BaseModel, Field

from runs.toolbox import InvalidArguments, Tool, ToolContext, ToolError, tool
from runs.toolbox.registry import registered

pytestmark = pytest.mark.usefixtures("empty_registry")


def context() -> ToolContext:
    return ToolContext(user_id=1, conversation_id=uuid4(), run_id=uuid4(), call_id=uuid4())


class Colour(enum.StrEnum):
    RED = "red"
    BLUE = "blue"


class Place(BaseModel):
    name: str
    height: float = 0.0


def test_a_function_describes_itself() -> None:
    @tool
    def find_rivers(country: str, longest: int = 3, near: Place | None = None) -> str:
        """Find the rivers
        of a country.

        Only those that flow.

        Args:
            country: Its name,
                in English.
            longest (int): How many.

        Returns:
            Their names.
        """
        return country

    made = registered()["find_rivers"]
    assert made.description == "Find the rivers of a country.\nOnly those that flow."
    assert made.source == "tests"
    assert (made.is_async, made.requires_approval, made.timeout, made.idempotent) == (
        False,
        False,
        30.0,
        False,
    )
    properties = made.parameters["properties"]
    assert properties["country"] == {"type": "string", "description": "Its name, in English."}
    assert properties["longest"] == {"type": "integer", "description": "How many.", "default": 3}
    assert made.parameters["required"] == ["country"]
    assert made.parameters["additionalProperties"] is False
    assert find_rivers("Peru") == "Peru"


def test_it_takes_what_the_decorator_says() -> None:
    @tool(name="wipe-disk", requires_approval=True, timeout=5, idempotent=True, permission="runs.add_run")
    async def wipe() -> None:
        """Wipe the disk."""

    made = registered()["wipe-disk"]
    assert (made.is_async, made.requires_approval, made.timeout, made.idempotent, made.permission) == (
        True,
        True,
        5,
        True,
        "runs.add_run",
    )
    assert made.spec.parameters == {"type": "object", "properties": {}, "additionalProperties": False}


def test_the_context_is_not_the_models_to_give() -> None:
    @tool
    def whose(what: str, call: ToolContext) -> Any:
        """Tell whose it is."""
        return what, call

    made = registered()["whose"]
    assert list(made.parameters["properties"]) == ["what"]
    given = context()
    assert made.bind('{"what": "this"}', given)() == ("this", given)
    with pytest.raises(InvalidArguments, match=r"There is no argument call\. The arguments are: what\."):
        made.bind('{"what": "this", "call": {}}', given)


async def test_an_async_function_gives_a_coroutine() -> None:
    @tool
    async def double(number: int) -> int:
        """Double it."""
        return number * 2

    assert await registered()["double"].bind('{"number": 21}', context())() == 42


def everything(
    text: str = "a",
    count: Annotated[int, Field(ge=0, description="How many.")] = 1,
    size: float = 1.0,
    when: date = date(2026, 1, 1),
    who: UUID | None = None,
    colour: Colour = Colour.RED,
    way: Literal["up", "down"] = "up",
    places: tuple[Place, ...] = (),
    schema: dict[str, int] | None = None,
    copy: bool = False,
) -> dict[str, Any]:
    """Take all kinds."""
    return dict(locals())


@pytest.fixture
def all_kinds() -> Tool:
    tool(everything)
    return registered()["everything"]


@pytest.mark.parametrize(
    ("text", "name", "expected"),
    [
        ('{"size": 2}', "size", 2.0),
        ('{"when": "2026-02-03"}', "when", date(2026, 2, 3)),
        (
            '{"who": "01234567-89ab-7def-8123-456789abcdef"}',
            "who",
            UUID("01234567-89ab-7def-8123-456789abcdef"),
        ),
        ('{"colour": "blue"}', "colour", Colour.BLUE),
        ('{"places": [{"name": "Bern"}]}', "places", (Place(name="Bern"),)),
        ('{"schema": {"a": 1}, "copy": true}', "schema", {"a": 1}),
        ("", "text", "a"),
        ("{}", "text", "a"),
    ],
)
def test_it_gives_the_function_python_values(all_kinds: Tool, text: str, name: str, expected: Any) -> None:
    assert all_kinds.bind(text, context())()[name] == expected


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("{", "The arguments are not valid JSON: Expecting property name"),
        ("[" * 100_000, "The arguments are not valid JSON: "),
        ("[1]", "The arguments must be one JSON object, with a field for each argument."),
        ('"text"', "The arguments must be one JSON object"),
        ('{"text": 5}', "The argument text should be a valid string, not 5."),
        ('{"count": "5"}', 'The argument count should be a valid integer, not "5".'),
        ('{"count": true}', "The argument count should be a valid integer, not true."),
        ('{"count": -1}', "The argument count should be greater than or equal to 0, not -1."),
        ('{"count": NaN}', "The arguments are not valid JSON: there is no NaN in it."),
        ('{"colour": "green"}', "The argument colour should be 'red' or 'blue', not \"green\"."),
        ('{"way": "in"}', "The argument way should be 'up' or 'down', not \"in\"."),
        ('{"when": "today"}', "The argument when should be a valid date"),
        ('{"places": [{"name": "a"}, {}]}', "The argument places[1].name is missing."),
        ('{"txt": 1, "size": "x"}', "There is no argument txt. The arguments are: text, count,"),
        ('{"text": {"a": "' + "b" * 5000 + '"}}', "bbbb…."),
        ('{"schema": {"a": "1"}}', 'The argument schema.a should be a valid integer, not "1".'),
        (
            '{"a": 1, "b": 1, "c": 1, "d": 1, "e": 1, "f": 1, "g": 1}',
            "And 2 more.",
        ),
    ],
)
def test_it_tells_a_model_what_was_wrong(all_kinds: Tool, text: str, sentence: str) -> None:
    with pytest.raises(InvalidArguments) as caught:
        all_kinds.bind(text, context())
    message = str(caught.value)
    assert sentence in message
    assert len(message) < 1_000
    assert isinstance(caught.value, ToolError)
    # No class of Python's, and no page of pydantic's.
    assert "pydantic" not in message
    assert "type=" not in message


def test_what_is_missing_is_named() -> None:
    @tool
    def needs(this: str, that: int) -> None:
        """Need both."""

    with pytest.raises(InvalidArguments) as caught:
        registered()["needs"].bind("", context())
    assert str(caught.value) == "The argument this is missing. The argument that is missing."


def test_two_tools_of_one_name_are_refused() -> None:
    def twice() -> None:
        """Do it twice."""

    tool(twice)
    with pytest.raises(ImproperlyConfigured, match="Two tools are called twice"):
        tool(twice)


@pytest.mark.parametrize("name", ["a b", "ä", "1st", "-a", "a" * 65, "a.b", "a\n"])
def test_it_refuses_names_that_some_provider_refuses(name: str) -> None:
    def anything() -> None:
        """Do anything."""

    with pytest.raises(ImproperlyConfigured, match="is no name for a tool"):
        tool(name=name)(anything)


def silent(a: str) -> None: ...


def untyped(a) -> None:
    """Take something."""


def variadic(*rest: str) -> None:
    """Take many."""


def positional(a: str, /) -> None:
    """Take one."""


def misdescribed(a: str) -> None:
    """Take one.

    Args:
        b: Another one.
    """


def no_schema(a: threading.Event) -> None:
    """Take what no model can give."""


def field_as_default(a: str = Field(max_length=3)) -> None:
    """Take little."""


def lost(a: "Nobody") -> None:  # type: ignore[name-defined]  # noqa: F821
    """Take what is not there."""


@pytest.mark.parametrize(
    ("function", "why"),
    [
        (silent, "has no docstring"),
        (untyped, "does not say of which type a is"),
        (variadic, "can only name its arguments"),
        (positional, "can only name its arguments"),
        (misdescribed, "describes b, which it does not take"),
        (no_schema, "has no JSON Schema"),
        (field_as_default, "belongs into Annotated"),
        (lost, "cannot be read"),
    ],
)
def test_it_tells_the_author_of_a_mistake(function: Any, why: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=why):
        tool(function)
    assert registered() == {}
