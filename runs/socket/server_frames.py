"""Writes the frames that the server sends, as JSON text. Pure. See docs/reference/protocol.md."""

import math
from typing import Any
from uuid import UUID

import orjson

#: The protocol versions that the ``ready`` frame names.
PROTOCOL = "runnel/1"
AGUI = "1.0"


def dump(frame: dict[str, Any]) -> str:
    """Return a server frame as JSON text."""
    return orjson.dumps(frame).decode()


def ok(frame_id: str, **values: Any) -> str:
    """Return the answer to a command that succeeded."""
    return dump({"type": "ok", "id": frame_id, **{key: _plain(value) for key, value in values.items()}})


def conversation(conversation_id: UUID, outline: dict[str, Any]) -> str:
    """Return the frame that tells followers what a conversation is like now."""
    return dump({"type": "conversation", "conversation_id": str(conversation_id), **outline})


def note(run_id: UUID, seq: int, name: str, value: dict[str, Any]) -> str:
    """Return a ``CUSTOM`` event after the event ``seq`` that is in no log. It has no number of its own."""
    event = {"type": "CUSTOM", "name": name, "value": value}
    return dump({"type": "event", "run_id": str(run_id), "seq": seq, "event": event})


def storage_waiting(run_id: UUID, seq: int, is_waiting: bool) -> str:
    """Return the note that tells whether what follows waits to be saved."""
    return note(run_id, seq, "storage_waiting", {"waiting": is_waiting})


def error(
    code: str,
    message: str,
    *,
    frame_id: str | None = None,
    retryable: bool = False,
    limit: str | None = None,
    retry_after: float | None = None,
) -> str:
    """Return the answer to a failed command.

    Args:
        code: an error code of the protocol.
        message: a sentence for the user.
        frame_id: the id of the frame that is answered.
        retryable: whether the same frame may succeed later.
        limit: the reached limit, as ``ready`` names it.
        retry_after: seconds after which the same frame may succeed.
    """
    frame = {"type": "error", "id": frame_id, "code": code, "message": message, "retryable": retryable}
    if retry_after is not None:
        # Rounded up: a client that waits exactly so long is not refused again.
        retry_after = math.ceil(retry_after * 10) / 10
    more = {"limit": limit, "retry_after": retry_after}
    return dump({name: value for name, value in (frame | more).items() if value is not None})


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, UUID) else value
