"""What is to happen with a step's calls, decided for all of them before anything runs. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from uuid import UUID

from uuid6 import uuid7

from providers.types import FinishReason, Json, StepResult, ToolCallPart, ToolSpec
from runs.calls.outcomes import CallOutcome, NotExecuted, unanswered
from runs.models.tool_call import ToolCallStatus, digest_of
from runs.toolbox.tool import Tool

CLIENT = "client"


@dataclass(frozen=True, kw_only=True, slots=True)
class OfferedTools:
    """What a run's model may call: the server's tools, and those that the client executes, by name."""

    tools: Mapping[str, Tool] = field(default_factory=dict)
    client: Mapping[str, ToolSpec] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.tools or self.client)

    @property
    def specs(self) -> tuple[ToolSpec, ...]:
        """The tools as a provider call declares them."""
        return (*(tool.spec for tool in self.tools.values()), *self.client.values())


@dataclass(frozen=True, kw_only=True, slots=True)
class PlannedCall:
    """A complete call of a step, and what is to happen with it. ``id`` is its ``ToolCall``'s."""

    id: UUID
    call_id: str
    name: str
    #: JSON text: what the model asked for, or what a person made of it.
    arguments: str
    position: int
    source: str = ""
    requires_approval: bool = False
    #: Whether somebody has decided that it is executed.
    is_approved: bool = False
    status: ToolCallStatus = ToolCallStatus.RUNNING
    #: What executes it; ``None`` when it is the client's, or nobody's.
    tool: Tool | None = None

    @property
    def digest(self) -> str:
        """What tells its arguments from any others."""
        return digest_of(self.arguments)

    def unanswered(self, why: NotExecuted) -> CallOutcome:
        """Return its answer when the run ends for the reason ``why``."""
        return unanswered(
            id=self.id,
            call_id=self.call_id,
            name=self.name,
            status=self.status,
            why=why,
            idempotent=self.tool is not None and self.tool.idempotent,
        )


def is_answerable(result: StepResult) -> bool:
    """Tell whether the model waits for results: some of its calls are whole, and none was cut."""
    calls = result.tool_calls
    waits = result.stop_reason in {FinishReason.TOOL_CALLS, FinishReason.END_TURN}
    return waits and bool(calls) and all(call.complete for call in calls)


def plan(result: StepResult, offer: OfferedTools) -> tuple[PlannedCall, ...]:
    """Return what happens with the complete calls of a step: those that wait for somebody hold the others."""
    calls = tuple(
        _planned(call, position, offer)
        for position, call in enumerate(result.tool_calls, start=1)
        if call.complete
    )
    if not any(call.status is ToolCallStatus.PENDING for call in calls):
        return calls
    return tuple(
        call if call.status is ToolCallStatus.PENDING else replace(call, status=ToolCallStatus.HELD)
        for call in calls
    )


def not_executed(result: StepResult | None, offer: OfferedTools) -> tuple[PlannedCall, ...]:
    """Return the complete calls of a step after which nothing is executed any more."""
    if result is None or not offer:
        return ()
    return tuple(replace(call, status=ToolCallStatus.HELD) for call in plan(result, offer))


def after_first(tool_choice: str | None) -> str | None:
    """Return how a model is to choose tools once it has called one: it must not be forced to for ever."""
    return "auto" if tool_choice not in {None, "none", "auto"} else tool_choice


def pending(calls: Iterable[PlannedCall]) -> list[PlannedCall]:
    """Return the calls that wait for somebody."""
    return [call for call in calls if call.status is ToolCallStatus.PENDING]


def _planned(call: ToolCallPart, position: int, offer: OfferedTools) -> PlannedCall:
    planned = PlannedCall(
        id=uuid7(), call_id=call.id, name=call.name, arguments=call.arguments, position=position
    )
    if call.name in offer.client:
        return replace(planned, source=CLIENT, status=ToolCallStatus.PENDING)
    tool = offer.tools.get(call.name)
    if tool is None:
        return planned
    # Nobody is asked about a call that cannot be executed anyway: it is answered with what is wrong.
    waits = tool.requires_approval and tool.refusal(call.arguments) is None
    return replace(
        planned,
        source=tool.source,
        requires_approval=tool.requires_approval,
        status=ToolCallStatus.PENDING if waits else ToolCallStatus.RUNNING,
        tool=tool,
    )


def client_specs(tools: Iterable[Json]) -> dict[str, ToolSpec]:
    """Return the tools that a client declared, as a provider call does."""
    return {
        tool["name"]: ToolSpec(
            name=tool["name"],
            description=tool.get("description") or "",
            parameters=tool.get("parameters") or {},
        )
        for tool in tools
    }
