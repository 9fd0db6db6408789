"""The measurements of one way of reading streams: cost and token latency."""

import re
from dataclasses import dataclass, field

#: The time when the stamping upstream sent a token, in monotonic microseconds.
STAMP = re.compile(rb"T(\d{16})")

#: The length of a stamp in bytes. A read may end inside a stamp.
LONGEST_STAMP = 17


@dataclass(kw_only=True, slots=True)
class Figures:
    """Sums over all streams of a scenario."""

    tokens: int = 0
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    bytes_per_stream: float = 0.0
    #: Milliseconds from each token's sending to its arrival.
    ages: list[float] = field(default_factory=list)

    @property
    def tokens_per_second(self) -> float:
        return self.tokens / self.seconds

    @property
    def cpu_us_per_token(self) -> float:
        return self.cpu_seconds / self.tokens * 1e6

    def age(self, percent: float) -> float | None:
        """Return a percentile of the ages in milliseconds, or ``None`` if none was measured."""
        if not self.ages:
            return None
        ordered = sorted(self.ages)
        return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]
