"""What is known about a request to an MCP server that got no answer. Pure."""

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from providers.types import Json

#: The key in the ``data`` of a JSON-RPC error under which this package says more about it: a ``Trouble``.
ABOUT = "runnel/about"


class Kind(StrEnum):
    """How a request failed."""

    #: There was no connection, so nothing was sent.
    UNREACHED = "unreached"
    #: The connection broke after the request was sent.
    LOST = "lost"
    #: The server answered with an HTTP status of an error.
    STATUS = "status"
    #: The server took the request and promised no answer (202).
    UNANSWERED = "unanswered"
    #: The answer is neither JSON nor an event stream.
    WRONG_TYPE = "wrong_type"
    #: The answer is not valid JSON, or no answer at all.
    UNREADABLE = "unreadable"
    #: The server no longer knows the session, so it has not executed the call.
    EXPIRED = "expired"
    #: The answer is longer than ``RUNNEL_MCP_ANSWER_MB``.
    TOO_LONG = "too_long"


@dataclass(frozen=True, kw_only=True, slots=True)
class Trouble:
    """A failed request. It travels through the library in the ``data`` of a JSON-RPC error."""

    kind: Kind
    #: The HTTP status of ``STATUS``.
    status: int = 0
    #: The content type of ``WRONG_TYPE``, the header ``retry-after`` of ``STATUS``, or the limit of ``TOO_LONG``.
    detail: str = ""
    #: What the answer of an error's ``STATUS`` says, where it is no JSON-RPC.
    said: str = ""
    #: Whether the request named a session that the server had opened.
    in_session: bool = False

    def as_json(self) -> Json:
        """Return the fields as JSON."""
        return asdict(self)

    @classmethod
    def of(cls, data: Any) -> "Trouble | None":
        """Return what ``as_json`` wrote; ``None`` for anything else."""
        try:
            return cls(**data | {"kind": Kind(data["kind"])})
        except (TypeError, KeyError, ValueError):
            return None
