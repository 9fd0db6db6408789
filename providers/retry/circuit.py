"""Circuit breaker: one circuit per provider and process.

While the circuit is closed, every call goes through. A set number of failures in a row (connection, timeout,
overload, server error) opens it. Refused requests and cancels do not count. While it is open, calls fail
without being sent. After the pause, one call goes through as a probe: its success closes the circuit, its
failure opens it again. The state machine is pure: its clock is injected, and it does not depend on settings,
calls or the event loop.
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

#: Errors that count as a failure of the provider. Any other error is an answer, so the provider works.
_OUTAGES = (LLMConnectionError, LLMTimeoutError, LLMServerError)

#: Errors that show nothing about the provider: the request was not sent, or this project has a bug.
_UNSENT = (LLMAddressRefusedError, LLMInternalError, LLMUnsupportedError)


class State(Enum):
    """State of a circuit."""

    #: All calls go through.
    CLOSED = "closed"
    #: No call goes through.
    OPEN = "open"
    #: One call goes through as a probe.
    HALF_OPEN = "half_open"


class Observation(Enum):
    """What the outcome of a call shows about its provider."""

    #: The provider answers.
    ANSWERS = "answers"
    #: The provider does not answer, or reports a failure of its own.
    FAILS = "fails"
    #: Nothing: the call was cancelled, was not sent, or failed by a bug in this project.
    UNKNOWN = "unknown"


@dataclass(frozen=True, kw_only=True, slots=True)
class Rules:
    """Thresholds of a circuit."""

    #: Failures in a row that open the circuit; 0 disables it.
    failures: int
    #: Seconds that the circuit stays open.
    pause: float


@dataclass(frozen=True, slots=True)
class CallToken:
    """Token from ``enter``. ``report`` ignores it once the circuit has changed state."""

    generation: int


class Circuit:
    """One provider's circuit. Not thread-safe."""

    def __init__(self, rules: Rules, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.rules = rules
        self._clock = clock
        #: Failures in a row; while the circuit is open, the failures that opened it.
        self.failures = 0
        self._until: float | None = None
        self._probes = False
        #: Incremented when the circuit opens or sends a probe; reports of older calls are ignored.
        self._generation = 0

    @property
    def state(self) -> State:
        """The current state."""
        if self._until is None:
            return State.CLOSED
        return State.HALF_OPEN if self._probes or self._clock() >= self._until else State.OPEN

    def paused_for(self) -> float:
        """Return the seconds until a call may go through; 0 for now.

        If a probe does not report for the length of a pause, the next call becomes another probe.
        """
        return 0.0 if self._until is None else max(0.0, self._until - self._clock())

    def enter(self) -> CallToken | None:
        """Return a token if a call may go through, else ``None``. Each token must be reported."""
        if self.paused_for() > 0:
            return None
        if self._until is not None:
            self._probes = True
            self._pause()
        return CallToken(self._generation)

    def report(self, token: CallToken, observation: Observation) -> bool:
        """Apply the observation of a call; return whether it opened the circuit."""
        if token.generation != self._generation:
            return False
        match observation:
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
        self._generation += 1


def observe(error: LLMError) -> Observation:
    """Return what a failed call shows about its provider."""
    if type(error) is LLMError or isinstance(error, _UNSENT):
        return Observation.UNKNOWN
    if isinstance(error, _OUTAGES):
        return Observation.FAILS
    return Observation.ANSWERS


_circuits: dict[str, Circuit] = {}


def of(name: str, rules: Rules) -> Circuit:
    """Return the circuit ``name`` of this process, and apply ``rules`` to it from now on."""
    circuit = _circuits.setdefault(name, Circuit(rules))
    circuit.rules = rules
    return circuit


def forget_all() -> None:
    """Discard all circuits, like a restart of the process."""
    _circuits.clear()
