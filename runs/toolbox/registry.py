"""The tools that apps register in their ``tools.py``, which Django's ``ready`` looks for.

Nothing here knows a user, a run, or tools that come from elsewhere.
"""

import inspect
import re
from collections.abc import Callable
from typing import Any, overload

from django.apps import apps
from django.core.exceptions import ImproperlyConfigured

from runs.toolbox import binding
from runs.toolbox.tool import DEFAULT_TIMEOUT, Tool

#: Characters of a tool's name: the least that a provider allows.
LONGEST_NAME = 64
#: What all providers take for a function's name. The first character is Gemini's demand.
_NAME = re.compile(rf"[A-Za-z_][A-Za-z0-9_-]{{0,{LONGEST_NAME - 1}}}")
#: Stands in the names of MCP servers' tools, behind the server's, and in no others.
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
    """Let models call the decorated function, which stays what it is.

    Its docstring describes it, and its arguments under ``Args:``; their types make the JSON Schema. An
    argument annotated ``ToolContext`` is not the model's to give: it gets the call's context.

    Args:
        function: the function, sync or async, where there is nothing else to say.
        name: what models call it by; the function's own name if empty.
        requires_approval: whether a person decides about each call.
        timeout: seconds that a call may take.
        idempotent: whether it does no harm when it is called twice with the same arguments.
        permission: who may use it, as ``app.codename``; everybody if empty.

    Raises:
        ImproperlyConfigured: the name is taken or no name, or the function is none for models.
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
