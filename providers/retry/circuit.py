"""Circuit breaker: one circuit per provider and model in each process.

While the circuit is closed, every call goes through. A set number of failures in a row (connection, overload, server
error) opens it, unless they may be the fault of one user's requests: they count as an outage only if at least two users
met them, or if the runs that met them had been answered by the same model before. Refused requests and cancels do not
count. While it is open, calls fail without being sent. After the pause, one call goes through as a probe: its success
closes the circuit, its failure opens it again. The state machine is pure: its clock is injected, and it does not depend
on settings, calls or the event loop.
"""

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from uuid import UUID

from providers.errors import (
    LLMAddressRefusedError,
    LLMConnectionError,
    LLMError,
    LLMInternalError,
    LLMServerError,
    LLMTimeoutError,
    LLMUnsupportedError,
    LLMWrongAddressError,
)

#: Errors that count as a failure of the provider. Any other error is an answer, so the provider works.
_OUTAGES = (LLMConnectionError, LLMServerError)

#: Errors that show nothing about the provider: the request did not reach it, or this project has a bug.
_UNSENT = (LLMAddressRefusedError, LLMWrongAddressError, LLMInternalError, LLMUnsupportedError)

#: Time limits that a provider exceeds if it does not answer at all. Others depend on what was asked.
_NO_ANSWER = frozenset({"connect", "first_byte"})

#: Answered runs that a circuit remembers.
_MOST_RUNS = 100
#: Circuits of a process. Users type the names of models, so their number needs a limit.
MOST_CIRCUITS = 1_000


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
class Caller:
    """Whose call it is."""

    #: ``None`` if the user is not known; all such calls count as those of one user.
    user_id: int | None
    run_id: UUID


@dataclass(frozen=True, slots=True)
class CallToken:
    """Token from ``enter``. ``report`` ignores it once the circuit has changed state."""

    generation: int
    caller: Caller


class Circuit:
    """The circuit of one model of a provider. Not thread-safe."""

    def __init__(self, rules: Rules, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.rules = rules
        self._clock = clock
        #: Failures in a row; while the circuit is open, the failures that opened it.
        self.failures = 0
        #: Users of those failures; more than two make no difference.
        self._users: set[int | None] = set()
        #: How many of those failures belong to runs that had been answered before.
        self._surprising = 0
        #: Runs that were answered, the latest one last.
        self._answered: OrderedDict[UUID, None] = OrderedDict()
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

    @property
    def is_idle(self) -> bool:
        """Whether nothing is lost if this circuit is discarded, except which runs were answered."""
        return self._until is None and self.failures == 0

    def enter(self, caller: Caller) -> CallToken | None:
        """Return a token if a call may go through, else ``None``. Each token must be reported."""
        if self.paused_for() > 0:
            return None
        if self._until is not None:
            self._probes = True
            self._pause()
        return CallToken(self._generation, caller)

    def report(self, token: CallToken, observation: Observation) -> bool:
        """Apply the observation of a call; return whether it opened the circuit."""
        if token.generation != self._generation:
            return False
        match observation:
            case Observation.ANSWERS:
                self._close(token.caller.run_id)
            case Observation.FAILS:
                self._count(token.caller)
                if self._probes or self._is_outage():
                    self._probes = False
                    self._pause()
                    return True
            case Observation.UNKNOWN if self._probes:
                # The next call may be the probe.
                self._probes = False
                self._until = self._clock()
        return False

    def _close(self, run_id: UUID) -> None:
        self.failures = self._surprising = 0
        self._users.clear()
        self._until = None
        self._probes = False
        self._answered[run_id] = None
        self._answered.move_to_end(run_id)
        if len(self._answered) > _MOST_RUNS:
            self._answered.popitem(last=False)

    def _count(self, caller: Caller) -> None:
        self.failures += 1
        self._surprising += caller.run_id in self._answered
        if len(self._users) < 2:
            self._users.add(caller.user_id)

    def _is_outage(self) -> bool:
        """Whether the failures in a row are enough, and cannot be the fault of one user's requests."""
        if not 0 < self.rules.failures <= self.failures:
            return False
        return len(self._users) > 1 or self._surprising >= self.rules.failures

    def _pause(self) -> None:
        self._until = self._clock() + self.rules.pause
        self._generation += 1


def observe(error: LLMError) -> Observation:
    """Return what a failed call shows about its provider."""
    if type(error) is LLMError or isinstance(error, _UNSENT):
        return Observation.UNKNOWN
    if isinstance(error, LLMTimeoutError):
        has_no_answer = error.detail.get("watchdog") in _NO_ANSWER or (error.status or 0) >= 500
        return Observation.FAILS if has_no_answer else Observation.UNKNOWN
    is_refused = error.status is not None and 400 <= error.status < 499
    return Observation.FAILS if isinstance(error, _OUTAGES) and not is_refused else Observation.ANSWERS


_circuits: OrderedDict[str, Circuit] = OrderedDict()


def of(name: str, rules: Rules) -> Circuit:
    """Return the circuit ``name`` of this process, and apply ``rules`` to it from now on.

    Of too many circuits, the one is discarded that was not asked for the longest; an open one goes last.
    """
    circuit = _circuits.get(name)
    if circuit is None:
        if len(_circuits) >= MOST_CIRCUITS:
            oldest = next((known for known, each in _circuits.items() if each.is_idle), next(iter(_circuits)))
            del _circuits[oldest]
        circuit = _circuits[name] = Circuit(rules)
    _circuits.move_to_end(name)
    circuit.rules = rules
    return circuit


def states() -> list[State]:
    """Return the state of each circuit of this process."""
    return [each.state for each in _circuits.values()]


def forget_all() -> None:
    """Discard all circuits, like a restart of the process."""
    _circuits.clear()
