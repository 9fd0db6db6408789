"""Writes the frames that the server sends, as JSON text. Pure. See docs/reference/protocol.md."""

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


def error(code: str, message: str, *, frame_id: str | None = None, retryable: bool = False) -> str:
    """Return the answer to a failed command; ``retryable`` says whether it may succeed later unchanged."""
    named = {} if frame_id is None else {"id": frame_id}
    return dump({"type": "error", **named, "code": code, "message": message, "retryable": retryable})


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, UUID) else value
