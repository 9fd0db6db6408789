"""The time limits of one provider call."""

from dataclasses import dataclass
from typing import Self

from django.conf import settings


@dataclass(frozen=True, kw_only=True, slots=True)
class Timeouts:
    """Time limits in seconds. The caller limits the total time of a call."""

    #: To open the connection.
    connect: float
    #: To receive the response headers, including the connection.
    first_byte: float
    #: Between two events that say something, or between two bytes.
    idle: float
    #: Between two events that say something while comments and pings come.
    keepalive: float = 600.0
    #: To read the usage after a cancel; 0 closes the stream at once.
    late_usage: float = 0.0

    @classmethod
    def from_settings(cls) -> Self:
        """Return the limits from the Django settings."""
        return cls(
            connect=settings.RUNNEL_CONNECT_TIMEOUT,
            first_byte=settings.RUNNEL_FIRST_BYTE_TIMEOUT,
            idle=settings.RUNNEL_IDLE_TIMEOUT,
            keepalive=settings.RUNNEL_KEEPALIVE_TIMEOUT,
            late_usage=settings.RUNNEL_DRAIN_CANCELLED_SECONDS,
        )
