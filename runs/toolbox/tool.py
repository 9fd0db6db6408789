"""What a tool is to a run, whoever made it: an app's function, or an MCP server's tool.

Nothing here knows how tools are found, or how a run executes them.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.contrib.auth import get_user_model

from providers.types import Json, ToolSpec

#: Seconds that a tool has where it says nothing else.
DEFAULT_TIMEOUT = 30.0


class ToolError(Exception):
    """A tool's way to say what went wrong: the model reads the message, and the run goes on."""


class InvalidArguments(ToolError):  # noqa: N818 - it names what the model did
    """The arguments are not what the tool takes; the message says which, and why."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ToolContext:
    """For whom and within what a tool is called."""

    user_id: int
    conversation_id: UUID
    run_id: UUID
    #: ``ToolCall.id``, the same if the very call is ever made again: what makes a tool idempotent.
    call_id: UUID
    #: Set when the run is cancelled or the tool's time is up. A sync tool that takes long should look at it;
    #: an async one is cancelled.
    cancelled: threading.Event = field(default_factory=threading.Event)

    @property
    def user(self) -> Any:
        """The user; a query, so not for async tools."""
        return get_user_model()._default_manager.get(pk=self.user_id)


@dataclass(frozen=True, kw_only=True, slots=True)
class Tool:
    """A function that a model may call."""

    name: str
    description: str
    #: The JSON Schema of its arguments, an object.
    parameters: Json
    #: Who made it: an app's label, or ``mcp:<server>``.
    source: str
    #: Checks the arguments' JSON text and returns what executes the call. Raises ``InvalidArguments``.
    bind: Callable[[str, ToolContext], Callable[[], Any]]
    #: Whether what ``bind`` returns gives a coroutine; else it is called on a thread of its own.
    is_async: bool
    requires_approval: bool = False
    #: Seconds that one call may take.
    timeout: float = DEFAULT_TIMEOUT
    #: Whether it does no harm when it is called twice with the same arguments.
    idempotent: bool = False
    #: Django's name of the permission that a user needs, as ``app.codename``; empty: everybody may.
    permission: str = ""

    @property
    def spec(self) -> ToolSpec:
        """The tool as a provider call declares it."""
        return ToolSpec(name=self.name, description=self.description, parameters=self.parameters)

    def refusal(self, arguments: str) -> str | None:
        """Return why it does not take these arguments, for the model; ``None`` when it does."""
        nobody = ToolContext(user_id=0, conversation_id=UUID(int=0), run_id=UUID(int=0), call_id=UUID(int=0))
        try:
            self.bind(arguments, nobody)
        except ToolError as error:
            return str(error)
        except Exception as error:  # noqa: BLE001 - a check that breaks must not break the run
            return f"They could not be checked ({type(error).__name__})."
        return None
