"""How long one provider call may wait for what."""

from dataclasses import dataclass
from typing import Self

from django.conf import settings


@dataclass(frozen=True, kw_only=True, slots=True)
class Timeouts:
    """How long a call may wait, in seconds. Its total time is the caller's business."""

    #: For a connection.
    connect: float
    #: For the answer's headers, connecting included.
    first_byte: float
    #: For the next decoded event; comments and pings are none.
    idle: float
    #: For the usage of a stream that was cancelled; 0 to close it at once.
    late_usage: float = 0.0

    @classmethod
    def from_settings(cls) -> Self:
        """Return what the installation is configured with."""
        return cls(
            connect=settings.RUNNEL_CONNECT_TIMEOUT,
            first_byte=settings.RUNNEL_FIRST_BYTE_TIMEOUT,
            idle=settings.RUNNEL_IDLE_TIMEOUT,
            late_usage=settings.RUNNEL_DRAIN_CANCELLED_SECONDS,
        )
