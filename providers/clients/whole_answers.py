"""Reads answers that are no streams within limits: token counts, lists of models, and errors.

SDKs read such an answer to its end, however long it is.
"""

from contextlib import aclosing, suppress

import httpx2
from django.conf import settings

from providers.errors import LLMOversizedResponseError


async def read(response: httpx2.Response) -> None:
    """Read the body of ``response``, so that the SDK finds it read. Of an error's body, read the beginning only.

    Raises:
        LLMOversizedResponseError: the answer is successful and longer than ``RUNNEL_EVENT_MB``.
        httpx2.HTTPError: a successful answer broke off.
    """
    content = bytearray()
    if response.is_success:
        longest = settings.RUNNEL_EVENT_MB
        if not await _read(response, content, longest * 2**20):
            raise _too_long(longest)
    else:
        await read_error(response, content, settings.RUNNEL_ERROR_BODY_KB * 1024)
    # ``aread`` keeps the body here and returns it when the SDK asks for it.
    response._content = bytes(content)


async def read_error(response: httpx2.Response, content: bytearray, longest: int) -> None:
    """Add at most ``longest`` bytes of an error's body to ``content``, as they come; fewer if it breaks off."""
    with suppress(httpx2.HTTPError, httpx2.StreamError, OSError):
        await _read(response, content, longest)


async def _read(response: httpx2.Response, content: bytearray, longest: int) -> bool:
    """Add at most ``longest`` bytes of the body to ``content``; return whether that was the whole body."""
    async with aclosing(response.aiter_bytes()) as chunks:
        async for chunk in chunks:
            content += chunk[: longest + 1 - len(content)]
            if len(content) > longest:
                del content[longest:]
                await response.aclose()
                return False
    return True


def _too_long(longest: int) -> LLMOversizedResponseError:
    return LLMOversizedResponseError(
        f"The model provider sent more than {longest} MB where a short answer was asked for. "
        "Ask your administrator to check the base URL, or to raise the limit.",
        detail={"limit": "RUNNEL_EVENT_MB", "value": longest},
    )
