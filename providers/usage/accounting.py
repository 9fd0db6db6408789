"""What a call has used: as reported, and where nobody reported it as a marked estimate.

The input may be counted by the provider itself, which is asked only where the installation
allows it and for a moment at most. Long texts are measured on a thread. ``estimates`` decides.
"""

import asyncio
import logging
from dataclasses import dataclass

from django.conf import settings

from providers import clients
from providers.catalog import Target
from providers.errors.translation import from_exception
from providers.types import Json, ModelRequest, StepResult
from providers.types.usage import Usage, as_count
from providers.usage import estimates
from providers.usage.estimates import MissingCounts

logger = logging.getLogger("runnel.providers")

#: Seconds for a provider to count; a run's end waits no longer for a better guess.
_COUNT_SECONDS = 1.0


@dataclass(frozen=True, kw_only=True, slots=True)
class FinishedCall:
    """One call that is over."""

    target: Target
    request: ModelRequest
    #: As it was sent; ``None`` when nothing was.
    body: Json | None
    result: StepResult
    #: Whether it came to its own end.
    has_ended: bool


def usage_at_once(case: FinishedCall) -> Usage:
    """Return the usage of ``case`` without waiting for anything."""
    usage, what = _known(case)
    return _guessed(usage, what, case, read=None)


async def usage(case: FinishedCall) -> Usage:
    """Return the usage of ``case``; takes a moment where something has to be guessed."""
    known, what = _known(case)
    if what is MissingCounts.NONE:
        return known
    read = await _counted(case) if what is not MissingCounts.OUTPUT else None
    if estimates.takes_long(case.request):
        return await asyncio.to_thread(_guessed, known, what, case, read=read)
    return _guessed(known, what, case, read=read)


def _known(case: FinishedCall) -> tuple[Usage, MissingCounts]:
    what = estimates.gap(
        case.result, has_ended=case.has_ended, fills_halves=case.target.quirks.estimates_usage
    )
    return estimates.settled(case.result.usage), what


def _guessed(usage: Usage, what: MissingCounts, case: FinishedCall, *, read: int | None) -> Usage:
    if what is MissingCounts.NONE:
        return usage
    if read is None:
        read = estimates.tokens(estimates.length(case.request))
    written = estimates.tokens(estimates.length_of(case.result.parts))
    return estimates.filled(usage, what, read=read, written=written)


async def _counted(case: FinishedCall) -> int | None:
    """Return what the provider counts in the input, if it may be asked and answers in time."""
    if not settings.RUNNEL_COUNT_TOKENS or case.body is None:
        return None
    try:
        async with asyncio.timeout(_COUNT_SECONDS):
            return as_count(await clients.count_input(case.target, case.body))
    except Exception as exc:  # noqa: BLE001 - SDKs raise what they like, and a guess never fails a call
        message = from_exception(exc).message
        logger.info("%s did not count the tokens of a call: %s", case.target.origin.provider, message)
        return None
