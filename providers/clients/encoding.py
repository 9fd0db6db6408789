"""Writes the body of a request as JSON. The SDKs' own way takes half a second of the event loop for a file of 19 MB."""

import orjson

from concurrency.conversions import off_loop
from providers.text.cleaning import JsonText, is_longer
from providers.types import Json

#: Characters that take about 1 ms to write.
_SHORT = 1_000_000


async def encoded(body: Json) -> bytes:
    """Return ``body``, which is clean (``providers.text.cleaning``), as JSON. A long one is put together on a thread.

    Texts that are written already (``JsonText``) are copied.
    """
    if is_longer(body, _SHORT):
        return await off_loop(_dumps, body)
    return _dumps(body)


def _dumps(body: Json) -> bytes:
    return orjson.dumps(body, default=_as_json)


def _as_json(value: object) -> orjson.Fragment:
    if isinstance(value, JsonText):
        return orjson.Fragment(value.json)
    raise TypeError(f"{type(value).__name__} is no JSON")
