"""Fails fast for a provider that keeps failing: one circuit per provider and process.

Closed, every call goes through. After so many failures in a row (connection, timeout, overload,
server: never a refused request, never a cancel) it opens, and calls fail without being sent. When
the pause is over one call is let through as a probe: it closes the circuit, or opens it again. The
state machine is pure and has its clock injected; it knows no settings, no call and no event loop.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from providers.errors import (
    LLMAddressRefusedError,
    LLMConnectionError,
    LLMError,
    LLMInternalError,
    LLMServerError,
    LLMTimeoutError,
    LLMUnsupportedError,
)

#: What a provider that cannot be used fails with. Other failures are answers, and prove it alive.
_OUTAGES = (LLMConnectionError, LLMTimeoutError, LLMServerError)

#: What says nothing of a provider: nothing reached it, or the mistake was ours.
_UNSENT = (LLMAddressRefusedError, LLMInternalError, LLMUnsupportedError)


class State(Enum):
    """Whether calls go through."""

    #: All of them.
    CLOSED = "closed"
    #: None.
    OPEN = "open"
    #: One, to see whether the provider is back.
    HALF_OPEN = "half_open"


class Observation(Enum):
    """What the outcome of a call says about its provider."""

    #: It answers.
    ANSWERS = "answers"
    #: It does not, or cannot.
    FAILS = "fails"
    #: Nothing: the call was cancelled, or the mistake was ours.
    UNKNOWN = "unknown"


@dataclass(frozen=True, kw_only=True, slots=True)
class Rules:
    """When a circuit opens, and for how long."""

    #: Failures in a row; 0 for never.
    failures: int
    #: Seconds.
    pause: float


@dataclass(frozen=True, slots=True)
class CallToken:
    """A token from ``enter``. ``report`` ignores it once the circuit has changed state."""

    era: int


class Circuit:
    """One provider's circuit. Not for several threads at once."""

    def __init__(self, rules: Rules, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.rules = rules
        self._clock = clock
        #: Failures in a row; what opened the circuit while it is open.
        self.failures = 0
        self._until: float | None = None
        self._probes = False
        #: Grows whenever the circuit opens or a probe is sent; reports of older calls are ignored.
        self._era = 0

    @property
    def state(self) -> State:
        """Where the circuit stands now."""
        if self._until is None:
            return State.CLOSED
        return State.HALF_OPEN if self._probes or self._clock() >= self._until else State.OPEN

    def paused_for(self) -> float:
        """Return the seconds until a call would be let through; 0 when it would be now.

        If a probe reports nothing during one pause, another probe follows.
        """
        return 0.0 if self._until is None else max(0.0, self._until - self._clock())

    def enter(self) -> CallToken | None:
        """Return a token for a call, or ``None`` while the circuit is open. The caller must report its outcome."""
        if self.paused_for() > 0:
            return None
        if self._until is not None:
            self._probes = True
            self._pause()
        return CallToken(self._era)

    def report(self, passage: CallToken, verdict: Observation) -> bool:
        """Take the outcome of a call. Return whether it opened the circuit."""
        if passage.era != self._era:
            return False
        match verdict:
            case Observation.ANSWERS:
                self.failures = 0
                self._until = None
                self._probes = False
            case Observation.FAILS:
                self.failures += 1
                if self._probes or 0 < self.rules.failures <= self.failures:
                    self._probes = False
                    self._pause()
                    return True
            case Observation.UNKNOWN if self._probes:
                # The next call may be the probe.
                self._probes = False
                self._until = self._clock()
        return False

    def _pause(self) -> None:
        self._until = self._clock() + self.rules.pause
        self._era += 1


def verdict_of(error: LLMError) -> Observation:
    """Return what a failed call says about its provider."""
    if type(error) is LLMError or isinstance(error, _UNSENT):
        return Observation.UNKNOWN
    if isinstance(error, _OUTAGES):
        return Observation.FAILS
    return Observation.ANSWERS


_circuits: dict[str, Circuit] = {}


def of(name: str, rules: Rules) -> Circuit:
    """Return this process's circuit of ``name``, and apply ``rules`` to it."""
    circuit = _circuits.setdefault(name, Circuit(rules))
    circuit.rules = rules
    return circuit


def forget_all() -> None:
    """Close every circuit, as a restart does."""
    _circuits.clear()
