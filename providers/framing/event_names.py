"""What the name of an event says by itself, on any wire: that something failed, or that the connection lives. Pure."""

import re
from typing import Any

#: Events that are named by their failure.
_FAILED = re.compile(
    r"(^|[._-])(error|exception|fail|failed|failure|fault)$|(error|exception)$", re.IGNORECASE
)
_FAILED_RESPONSES = frozenset({"response.failed", "response.error"})
#: Names, types or words that say only that the connection lives.
KEEPALIVES = frozenset({"ping", "pong", "keepalive", "keep-alive", "keep_alive", "heartbeat"})


def names_error(name: str) -> bool:
    """Return whether an event of this name or type is an error."""
    return _FAILED.search(name) is not None and not is_about_an_item(name)


def is_about_an_item(name: str) -> bool:
    """Return whether this event of the Responses API is about one item.

    What failed is then a tool of the provider's, and the answer goes on.
    """
    return name.startswith("response.") and name not in _FAILED_RESPONSES


def is_keepalive(name: str, event: dict[str, Any]) -> bool:
    """Return whether an event says only that the connection lives."""
    kind = event.get("type")
    return name in KEEPALIVES or (isinstance(kind, str) and kind in KEEPALIVES)
