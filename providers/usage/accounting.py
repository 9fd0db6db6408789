"""Determines the usage of a finished call: as reported, with missing counts estimated and marked so.

If the settings allow it, the provider counts the input tokens, for at most 1 s. Long texts are measured on a
thread. ``estimates`` decides which counts to estimate.
"""

import asyncio
import logging
from dataclasses import dataclass

from django.conf import settings

from concurrency.conversions import off_loop
from providers import clients
from providers.catalog import Target
from providers.errors.translation import from_exception
from providers.types import Json, ModelRequest, StepResult
from providers.types.usage import Usage, as_count
from providers.usage import estimates
from providers.usage.estimates import Missing

logger = logging.getLogger("runnel.providers")

#: Seconds to wait for a provider's token count; after that the count is estimated from the length.
_COUNT_SECONDS = 1.0


@dataclass(frozen=True, kw_only=True, slots=True)
class FinishedCall:
    """One finished call."""

    target: Target
    request: ModelRequest
    #: The request body that was sent; ``None`` if none was.
    body: Json | None
    result: StepResult
    #: Whether the answer is complete.
    has_ended: bool
    #: The number of upstream events with a piece of the answer; ``None`` if not counted.
    pieces: int | None = None


def usage_at_once(case: FinishedCall) -> Usage:
    """Return the usage of ``case`` without waiting. Missing counts are estimated from the text."""
    usage, what = _known(case)
    return _estimated(usage, what, case, read=None) if what else usage


async def usage(case: FinishedCall) -> Usage:
    """Return the usage of ``case``; ask the provider for a missing input count, for at most 1 s."""
    known, what = _known(case)
    if not what:
        return known
    read = await _counted(case) if what.input else None
    if estimates.takes_long(case.request, case.result.parts):
        return await off_loop(_estimated, known, what, case, read=read)
    return _estimated(known, what, case, read=read)


def _known(case: FinishedCall) -> tuple[Usage, Missing]:
    what = estimates.missing(case.result, has_ended=case.has_ended)
    return estimates.settled(case.result.usage), what


def _estimated(usage: Usage, what: Missing, case: FinishedCall, *, read: int | None) -> Usage:
    if read is None:
        read = estimates.input_tokens(case.request) if what.input else 0
    written = estimates.output_tokens(case.result.parts, pieces=case.pieces) if what.output else 0
    return estimates.filled(usage, what, read=read, written=written)


async def _counted(case: FinishedCall) -> int | None:
    """Return the provider's count of input tokens; ``None`` if it is disabled, fails or takes too long."""
    if not settings.RUNNEL_COUNT_TOKENS or case.body is None:
        return None
    try:
        async with asyncio.timeout(_COUNT_SECONDS):
            return as_count(await clients.count_input(case.target, case.body))
    except Exception as exc:  # noqa: BLE001 - SDKs raise any type; an estimate never fails a call
        message = from_exception(exc).message
        logger.info("%s did not count the tokens of a call: %s", case.target.origin.provider, message)
        return None
