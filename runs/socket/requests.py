"""Converts client frames to the requests of the services. Pure."""

from typing import Any
from uuid import UUID

from runs.services.new_run import StartRequest
from runs.socket.client_frames import Start
from runs.socket.frame_fields import UserInput


def start_request(frame: Start, run_id: UUID, *, token_id: int | None) -> StartRequest:
    """Convert a ``start`` frame of a client that uses an API token, or none, to a ``StartRequest``."""
    return StartRequest(
        run_id=run_id,
        conversation_id=UUID(frame.conversation_id) if frame.conversation_id else None,
        model=frame.model,
        messages=messages_of(frame.input, run_id),
        names_parent="parent_id" in frame.model_fields_set and frame.conversation_id is not None,
        parent_id=UUID(frame.parent_id) if frame.parent_id else None,
        token_id=token_id,
        request_id=frame.id,
        when_busy=frame.when_busy,
        system=frame.system or "",
        options=frame.options.model_dump(exclude_none=True) if frame.options else {},
        client_tools=[tool.model_dump(exclude_none=True) for tool in frame.tools or ()],
        budget=frame.budget.model_dump(exclude_none=True) if frame.budget else {},
    )


def messages_of(said: UserInput | None, key: UUID) -> list[dict[str, Any]]:
    """Return what a user says as AG-UI messages; ``key`` is the id of a mere text."""
    if isinstance(said, str):
        return [{"id": str(key), "role": "user", "content": said}]
    return [message.model_dump(exclude_none=True) for message in said or ()]
