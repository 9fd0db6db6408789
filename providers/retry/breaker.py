"""Connects one attempt to the circuit breaker of its provider and model.

``circuit`` makes the decisions. This module adds the settings, the log and the message for the user.
"""

import logging
from itertools import chain

from django.conf import settings

from providers import emulation
from providers.catalog import Target
from providers.errors import LLMError, LLMProviderUnavailableError
from providers.retry import circuit
from providers.retry.circuit import Caller, CallToken, Observation, Rules
from providers.types import ModelRequest, TextPart
from providers.types.trace import CallContext

logger = logging.getLogger("runnel.providers")


class BreakerCall:
    """One attempt's call through the circuit of its provider and model."""

    def __init__(self, target: Target, request: ModelRequest, call: CallContext) -> None:
        self._name = f"{target.origin.provider}/{target.origin.model}"
        self._caller = Caller(call.user_id, call.run_id)
        rules = Rules(failures=settings.RUNNEL_CIRCUIT_FAILURES, pause=settings.RUNNEL_CIRCUIT_SECONDS)
        self._circuit = circuit.of(_circuit_name(target, request), rules)
        self._token: CallToken | None = None

    def check(self) -> None:
        """Check the circuit without entering it.

        Raises:
            LLMProviderUnavailableError: the circuit is open.
        """
        if (pause := self._circuit.paused_for()) > 0:
            raise self._refusal(pause)

    def enter(self) -> None:
        """Enter the circuit, maybe as its probe.

        Raises:
            LLMProviderUnavailableError: the circuit is open.
        """
        self._token = self._circuit.enter(self._caller)
        if self._token is None:
            raise self._refusal(self._circuit.paused_for())

    def record_answer(self) -> None:
        """Report that the provider answered."""
        self._report(Observation.ANSWERS)

    def record_failure(self, error: LLMError) -> None:
        """Report the failure of the attempt."""
        self._report(circuit.observe(error))

    def leave(self) -> None:
        """End the attempt. If nothing was reported before, report an unknown outcome."""
        self._report(Observation.UNKNOWN)

    def _report(self, observation: Observation) -> None:
        if self._token is not None and self._circuit.report(self._token, observation):
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
    """Return the name of the call's circuit: its provider and model.

    In the emulator, each combination of model, wire and ordered fault has its own circuit. Faults that one
    person orders therefore do not block other people.
    """
    origin = target.origin
    if not target.emulated:
        return f"{origin.provider}/{origin.model}"
    parts = request.messages[-1].parts if request.messages else ()
    ordered = emulation.upstream().ordered_faults
    orders = (ordered(part.text) for part in parts if isinstance(part, TextPart))
    return " ".join((origin.provider, origin.model, origin.wire, *chain.from_iterable(orders)))
