"""Converts client frames to the requests of the services. Pure."""

from typing import Any
from uuid import UUID

from runs.services.new_run import StartRequest
from runs.socket.client_frames import Start


def start_request(frame: Start, run_id: UUID) -> StartRequest:
    """Convert a ``start`` frame to a ``StartRequest``."""
    if isinstance(frame.input, str):
        messages: list[dict[str, Any]] = [{"id": str(run_id), "role": "user", "content": frame.input}]
    else:
        messages = [message.model_dump(exclude_none=True) for message in frame.input or ()]
    return StartRequest(
        run_id=run_id,
        conversation_id=UUID(frame.conversation_id) if frame.conversation_id else None,
        model=frame.model,
        messages=messages,
        names_parent="parent_id" in frame.model_fields_set and frame.conversation_id is not None,
        parent_id=UUID(frame.parent_id) if frame.parent_id else None,
        system=frame.system or "",
        options=frame.options.model_dump(exclude_none=True) if frame.options else {},
        client_tools=[tool.model_dump(exclude_none=True) for tool in frame.tools or ()],
        budget=frame.budget.model_dump(exclude_none=True) if frame.budget else {},
    )
