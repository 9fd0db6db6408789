"""Registers the tools in the ``tools.py`` of each app, which the app ``runs`` imports at start.

Independent of users, runs and MCP servers.
"""

import inspect
import re
from collections.abc import Callable
from typing import Any, overload

from django.apps import apps
from django.core.exceptions import ImproperlyConfigured

from runs.toolbox import binding
from runs.toolbox.tool import DEFAULT_TIMEOUT, Tool

#: Characters of a tool's name; the smallest limit of all providers.
LONGEST_NAME = 64
#: Names that all providers accept. Gemini restricts the first character.
_NAME = re.compile(rf"[A-Za-z_][A-Za-z0-9_-]{{0,{LONGEST_NAME - 1}}}")
#: Separates server and tool in the names of MCP tools; no other tool's name may contain it.
RESERVED = "__"

type _Function = Callable[..., Any]

_tools: dict[str, Tool] = {}


def registered() -> dict[str, Tool]:
    """Return every registered tool, by name."""
    return dict(_tools)


@overload
def tool[F: _Function](function: F, /) -> F: ...
@overload
def tool[F: _Function](
    *,
    name: str = "",
    requires_approval: bool = False,
    timeout: float = DEFAULT_TIMEOUT,
    idempotent: bool = False,
    permission: str = "",
) -> Callable[[F], F]: ...
def tool(
    function: _Function | None = None,
    /,
    *,
    name: str = "",
    requires_approval: bool = False,
    timeout: float = DEFAULT_TIMEOUT,
    idempotent: bool = False,
    permission: str = "",
) -> Any:
    """Register the decorated function as a tool for models, and return it unchanged.

    Models get the docstring as the description of the function and, under ``Args:``, of its arguments. The
    type hints become the JSON Schema. An argument annotated ``ToolContext`` is hidden from models and gets
    the context of the call.

    Args:
        function: the function, sync or async, if the decorator is used without arguments.
        name: the name that models use; the function's own name if empty.
        requires_approval: whether a person decides about each call.
        timeout: seconds that a call may take.
        idempotent: whether it is safe to call the function twice with the same arguments.
        permission: the permission that a user needs, as ``app.codename``; every user may use it if empty.

    Raises:
        ImproperlyConfigured: the name is invalid or taken, or models cannot call such a function (see
            ``binding.read``).
    """

    def register(function: _Function) -> _Function:
        arguments = binding.read(function)
        made = Tool(
            name=name or function.__name__,
            description=arguments.description,
            parameters=arguments.schema,
            source=_source(function),
            bind=arguments.bind,
            is_async=inspect.iscoroutinefunction(function),
            requires_approval=requires_approval,
            timeout=timeout,
            idempotent=idempotent,
            permission=permission,
        )
        if not _NAME.fullmatch(made.name) or RESERVED in made.name:
            raise ImproperlyConfigured(
                f"{made.name!r} is no name for a tool: it has letters, digits, - and single _, {LONGEST_NAME} at "
                "most, and begins with a letter or _."
            )
        if made.name in _tools:
            raise ImproperlyConfigured(
                f"Two tools are called {made.name}: one of {_tools[made.name].source}, one of {made.source}."
            )
        _tools[made.name] = made
        return function

    return register if function is None else register(function)


def _source(function: _Function) -> str:
    app = apps.get_containing_app_config(function.__module__)
    return app.label if app is not None else function.__module__.partition(".")[0]
