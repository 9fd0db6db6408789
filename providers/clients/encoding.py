"""Writes the body of a request as JSON. The SDKs' own way takes half a second of the event loop for a file of 19 MB."""

import orjson

from concurrency.conversions import off_loop
from providers.text import is_longer
from providers.types import Json

#: Characters that take about 1 ms to write.
_SHORT = 1_000_000


async def encoded(body: Json) -> bytes:
    """Return ``body``, which is clean (``providers.text``), as JSON. A long one is written on a thread."""
    if is_longer(body, _SHORT):
        return await off_loop(orjson.dumps, body)
    return orjson.dumps(body)
