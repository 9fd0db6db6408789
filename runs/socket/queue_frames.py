"""The frames that add to the queue of a conversation, or change it. Pure."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from runs.socket.frame_fields import Id, ModelName, Strict, UserInput, Uuid


class Steer(Strict):
    """Say something to a run, for its model's next step."""

    type: Literal["steer"]
    id: Id
    run_id: Uuid
    input: UserInput

    @model_validator(mode="after")
    def _check_input(self) -> "Steer":
        if not self.input:
            raise ValueError("input is missing")
        return self


class _Queued(Strict):
    """What is said of one queued run."""

    id: Id
    run_id: Uuid


class QueueEdit(_Queued):
    """Replace the words or the model of a queued run."""

    type: Literal["queue_edit"]
    input: UserInput | None = None
    model: ModelName | None = None


class QueueRemove(_Queued):
    """Remove a run from the queue."""

    type: Literal["queue_remove"]


class QueueMove(_Queued):
    """Move a queued run to another place, from 0."""

    type: Literal["queue_move"]
    index: Annotated[int, Field(ge=0, le=100_000)]


class QueueSend(_Queued):
    """Cancel the run under way and begin with a queued one."""

    type: Literal["queue_send"]


class QueuePause(Strict):
    """Let nothing begin by itself in a conversation."""

    type: Literal["queue_pause"]
    id: Id
    conversation_id: Uuid


class QueueResume(Strict):
    """Let the queue of a conversation go on."""

    type: Literal["queue_resume"]
    id: Id
    conversation_id: Uuid
