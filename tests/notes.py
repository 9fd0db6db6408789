"""Events that are in no log. They tell viewers that something is slow at the moment, as it is on a busy machine."""

from typing import Any

_NAMES = frozenset({"storage_waiting", "worker_silent"})


def is_note(frame: dict[str, Any]) -> bool:
    """Return whether a frame is such an event, which has no place among those of its run."""
    return frame["type"] == "event" and frame["event"].get("name") in _NAMES
