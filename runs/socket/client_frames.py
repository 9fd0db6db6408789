"""The shapes of all frames that a client may send. Pure.

See docs/reference/protocol.md. ``runs.socket.frame_parsing`` parses them. Unknown fields and wrong types are
errors.
"""

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from runs.socket.frame_fields import Id, ModelName, Seq, Strict, ToolName, UserInput, Uuid
from runs.socket.queue_frames import (
    QueueEdit,
    QueueMove,
    QueuePause,
    QueueRemove,
    QueueResume,
    QueueSend,
    Steer,
)

#: The most tools of one kind (server tools, client tools) that a run may offer to its model.
MAX_TOOLS = 128


class Options(Strict):
    """The settings that a client may choose for one run. ``None`` stands for the default."""

    max_steps: Annotated[int, Field(ge=1, le=1000)] | None = None
    max_output_tokens: Annotated[int, Field(ge=1, le=10_000_000)] | None = None
    temperature: Annotated[float, Field(ge=0, le=10, allow_inf_nan=False)] | None = None
    top_p: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] | None = None
    reasoning_effort: Annotated[str, Field(min_length=1, max_length=40)] | None = None
    reasoning_budget: Annotated[int, Field(ge=0, le=10_000_000)] | None = None
    stop_sequences: (
        Annotated[list[Annotated[str, Field(min_length=1, max_length=200)]], Field(max_length=16)] | None
    ) = None
    tool_choice: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    output_schema: dict[str, Any] | None = None
    cache: Literal["short", "long"] | None = None
    provider_options: dict[str, Any] | None = None
    max_retries: Annotated[int, Field(ge=0, le=100)] | None = None
    fallback_models: Annotated[list[ModelName], Field(max_length=5)] | None = None
    tools: Annotated[list[ToolName], Field(max_length=MAX_TOOLS)] | None = None
    cancel_pending: bool | None = None
    #: Which runs wait for others while all workers are at work.
    priority: Literal["interactive", "background"] | None = None


class Budget(Strict):
    """The limits of a run: ``cost`` in US dollars, ``tokens`` of input and output."""

    cost: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    tokens: Annotated[int, Field(ge=1)] | None = None


class ClientTool(Strict):
    """An AG-UI tool: a function that the client executes."""

    name: ToolName
    description: Annotated[str, Field(max_length=16_000)] = ""
    #: A JSON Schema of type object.
    parameters: dict[str, Any] | None = None
    metadata: Any = None


class Start(Strict):
    """Create a run and subscribe to it."""

    type: Literal["start"]
    id: Id
    run_id: Uuid | None = None
    conversation_id: Uuid | None = None
    #: The message behind which the run begins; null for the very beginning. Without it: behind the shown branch.
    parent_id: Uuid | None = None
    model: ModelName
    #: Without one, the message ``parent_id`` is answered again, or its answer goes on.
    input: UserInput | None = None
    system: str | None = None
    tools: Annotated[list[ClientTool], Field(max_length=MAX_TOOLS)] | None = None
    options: Options | None = None
    budget: Budget | None = None
    when_busy: Literal["reject", "queue", "interrupt"] = "reject"

    @model_validator(mode="after")
    def _check_place(self) -> "Start":
        if not self.input and self.parent_id is None:
            raise ValueError("input is missing: say something, or name the message to answer in parent_id")
        if self.parent_id is not None and self.conversation_id is None:
            raise ValueError("parent_id needs the conversation_id of its conversation")
        return self


class _OneTarget(Strict):
    run_id: Uuid | None = None
    conversation_id: Uuid | None = None
    list: Literal[True] | None = None

    @model_validator(mode="after")
    def _check_one_target(self) -> "_OneTarget":
        if sum(target is not None for target in (self.run_id, self.conversation_id, self.list)) != 1:
            raise ValueError("give either run_id or conversation_id or list")
        return self


class Subscribe(_OneTarget):
    """Replay a run after seq ``after`` and follow it, or follow a conversation, or the list of conversations."""

    type: Literal["subscribe"]
    id: Id
    after: Seq | None = None
    #: Whether the client wants to be told who looks at the conversation.
    presence: bool = False

    @model_validator(mode="after")
    def _check_cursor(self) -> "Subscribe":
        if self.after is not None and self.run_id is None:
            raise ValueError("a conversation has no cursor: give after only with run_id")
        if self.presence and self.conversation_id is None:
            raise ValueError("people look at conversations: give presence only with conversation_id")
        return self


class Unsubscribe(_OneTarget):
    """Stop following a run, a conversation, or the list of conversations."""

    type: Literal["unsubscribe"]
    id: Id


class Cancel(Strict):
    """Stop a run at once, or after its current step."""

    type: Literal["cancel"]
    id: Id
    run_id: Uuid
    mode: Literal["immediate", "after_step"] = "immediate"
    reason: Annotated[str, Field(max_length=500)] = ""


class ResumeEntry(Strict):
    """The decision about one interrupt: a call that waits for approval or for a client's result."""

    interruptId: Id  # noqa: N815 - AG-UI's name
    status: Literal["resolved", "cancelled"]
    payload: Any = None
    metadata: dict[str, Any] | None = None


class Resolve(Strict):
    """Decide about all pending calls of a paused run."""

    type: Literal["resolve"]
    id: Id
    run_id: Uuid
    resume: Annotated[list[ResumeEntry], Field(max_length=MAX_TOOLS * 8)]


class Show(Strict):
    """Show the newest branch of a conversation that has a run."""

    type: Literal["show"]
    id: Id
    conversation_id: Uuid
    run_id: Uuid


class Ack(Strict):
    """Acknowledge a run's events up to ``seq``."""

    type: Literal["ack"]
    run_id: Uuid
    seq: Seq


class Ping(Strict):
    """Ask for a pong."""

    type: Literal["ping"]
    id: Id | None = None


# No ``type`` statement: it is part of the union that the parser tells apart by a field.
QueueFrame = Steer | QueueEdit | QueueMove | QueueRemove | QueueSend | QueuePause | QueueResume
type ClientFrame = Start | Subscribe | Unsubscribe | Cancel | Resolve | Show | QueueFrame | Ack | Ping
