"""The common interface of all tools: functions of apps and tools of MCP servers.

Independent of how tools are found and how a run executes them.
"""

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol
from uuid import UUID

from django.contrib.auth import get_user_model

from providers.types import Json, ToolSpec

#: Seconds that a call may take, unless the tool sets another limit.
DEFAULT_TIMEOUT = 30.0


class ToolError(Exception):
    """Raised by a tool to report a failure; the model reads the message, and the run continues."""


class InvalidArguments(ToolError):  # noqa: N818 - it names what the model did
    """The tool does not accept the arguments; the message names the wrong ones and the reason."""


class ProgressNote(Protocol):
    """Shows how far a call is."""

    def __call__(self, progress: float, total: float | None = None, message: str = "") -> None:
        """Show a note.

        Args:
            progress: how far the call is; it should grow.
            total: what it grows to; ``None`` if unknown.
            message: a sentence; empty for none.
        """
        ...


def no_progress(progress: float, total: float | None = None, message: str = "") -> None:
    """Ignore a note about progress."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ToolFile:
    """A picture or another file that a tool made."""

    content: bytes = field(repr=False)
    #: The type that the tool named; the stored type is recognised from the bytes.
    mime_type: str
    name: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class ToolAnswer:
    """What a tool returns that has more than text: the text for the model, and files for model and user."""

    text: str
    files: tuple[ToolFile, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class ToolContext:
    """The user, conversation, run and call for which a tool executes."""

    user_id: int
    conversation_id: UUID
    run_id: UUID
    #: ``ToolCall.id``. A repeated execution of a call has the same id, so that a tool can be idempotent.
    call_id: UUID
    #: Set when the run is cancelled or the tool's time limit is over. A slow sync tool should check it; an
    #: async tool is cancelled instead.
    cancelled: threading.Event = field(default_factory=threading.Event)
    #: Whether a person has approved the call.
    is_approved: bool = False
    #: May be called from any thread; viewers of the run see the newest note.
    note_progress: ProgressNote = no_progress

    @property
    def user(self) -> Any:
        """The user. This makes a database query, so async tools must not use it."""
        return get_user_model()._default_manager.get(pk=self.user_id)


@dataclass(frozen=True, kw_only=True, slots=True)
class Tool:
    """A function that a model may call."""

    name: str
    description: str
    #: The JSON Schema of its arguments, an object.
    parameters: Json
    #: The app's label, or ``mcp:<server>``.
    source: str
    #: Checks the arguments, a JSON text, and returns a callable that executes the call. Raises
    #: ``InvalidArguments``.
    bind: Callable[[str, ToolContext], Callable[[], Any]]
    #: Whether that callable returns a coroutine. If not, it is called on a thread of its own.
    is_async: bool
    requires_approval: bool = False
    #: Seconds that one call may take.
    timeout: float = DEFAULT_TIMEOUT
    #: Whether it is safe to call the tool twice with the same arguments.
    idempotent: bool = False
    #: The permission that a user needs, as ``app.codename``; if empty, every user may use the tool.
    permission: str = ""
    #: What executes the calls of an MCP server's tool, as text: the server's row and its command or address.
    executor: str = ""
    #: Whether ``bind`` checks the arguments' values too. If not, what a person has edited is checked with
    #: ``parameters``, and the tool itself checks the rest.
    binds_values: bool = True

    @property
    def spec(self) -> ToolSpec:
        """The tool's declaration in a provider call."""
        return ToolSpec(name=self.name, description=self.description, parameters=self.parameters)

    @property
    def identity(self) -> str:
        """What an approval is bound to beside the arguments, as JSON text."""
        told = [self.name, self.source, self.description, self.parameters, self.executor]
        return json.dumps(told, sort_keys=True)

    def refusal(self, arguments: str) -> str | None:
        """Return the reason why the tool does not accept ``arguments``, or ``None`` if it accepts them.

        ``arguments`` is JSON text; the model reads the reason.
        """
        no_context = ToolContext(
            user_id=0, conversation_id=UUID(int=0), run_id=UUID(int=0), call_id=UUID(int=0)
        )
        try:
            self.bind(arguments, no_context)
        except ToolError as error:
            return str(error)
        except Exception as error:  # noqa: BLE001 - a failing check must not fail the run
            return f"They could not be checked ({type(error).__name__})."
        return None
