"""Connects one attempt to its provider's circuit breaker, and words the refusal.

``circuit`` decides; this module has the settings, the log line and the sentence for the user.
"""

import logging
from itertools import chain

from django.conf import settings

from providers import emulation
from providers.catalog import Target
from providers.errors import LLMError, LLMProviderUnavailableError
from providers.retry import circuit
from providers.retry.circuit import CallToken, Observation, Rules
from providers.types import ModelRequest, TextPart

logger = logging.getLogger("runnel.providers")


class BreakerCall:
    """One attempt, as its provider's circuit breaker sees it."""

    def __init__(self, target: Target, request: ModelRequest) -> None:
        self._name = target.origin.provider
        rules = Rules(failures=settings.RUNNEL_CIRCUIT_FAILURES, pause=settings.RUNNEL_CIRCUIT_SECONDS)
        self._circuit = circuit.of(_circuit_name(target, request), rules)
        self._passage: CallToken | None = None

    def check(self) -> None:
        """Raise ``LLMProviderUnavailableError`` while the circuit is open."""
        if (pause := self._circuit.paused_for()) > 0:
            raise self._refusal(pause)

    def enter(self) -> None:
        """Take permission for the attempt, or raise as ``check``."""
        self._passage = self._circuit.enter()
        if self._passage is None:
            raise self._refusal(self._circuit.paused_for())

    def answers(self) -> None:
        """Report that the provider answers."""
        self._report(Observation.ANSWERS)

    def failed(self, error: LLMError) -> None:
        """Report how the attempt failed."""
        self._report(circuit.verdict_of(error))

    def leave(self) -> None:
        """End the attempt. Without an earlier report it says nothing about the provider."""
        self._report(Observation.UNKNOWN)

    def _report(self, verdict: Observation) -> None:
        if self._passage is not None and self._circuit.report(self._passage, verdict):
            logger.warning(
                "%s failed %d times in a row and is not asked for %g seconds.",
                self._name,
                self._circuit.failures,
                self._circuit.rules.pause,
            )

    def _refusal(self, pause: float) -> LLMProviderUnavailableError:
        return LLMProviderUnavailableError(
            f"{self._name} failed {self._circuit.failures} times in a row and is not asked for "
            f"{max(1, round(pause))} more seconds. Try again then, or choose another model.",
            retry_after=round(pause, 3),
            detail={"failures": self._circuit.failures, "seconds": round(pause, 3)},
        )


def _circuit_name(target: Target, request: ModelRequest) -> str:
    """Return the name of the circuit for a call: its provider's slug.

    The emulator has one circuit for every model, wire and ordered fault, so that one user's faults do not stop
    other users.
    """
    origin = target.origin
    if not target.emulated:
        return origin.provider
    parts = request.messages[-1].parts if request.messages else ()
    ordered = emulation.upstream().ordered_faults
    orders = (ordered(part.text) for part in parts if isinstance(part, TextPart))
    return " ".join((origin.provider, origin.model, origin.wire, *chain.from_iterable(orders)))
