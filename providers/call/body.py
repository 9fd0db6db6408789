"""Builds the body of a request; a long one on a thread, because converting a large file takes seconds."""

from collections.abc import Iterator

from concurrency.conversions import off_loop
from providers.text.cleaning import clean_json, is_longer
from providers.types import Json, MediaPart, ModelRequest
from providers.wires import Wire

#: Characters of texts and files that take some milliseconds to convert.
_SHORT = 500_000


async def build(wire: Wire, request: ModelRequest) -> Json:
    """Return the clean body of ``request`` on ``wire``.

    Raises:
        LLMError: the wire has no way to say what is asked.
    """
    if _is_long(request):
        return await off_loop(_build, wire, request)
    return _build(wire, request)


def _build(wire: Wire, request: ModelRequest) -> Json:
    body: Json = clean_json(wire.build_body(request))
    return body


def _is_long(request: ModelRequest) -> bool:
    try:
        return is_longer(list(_contents(request)), _SHORT)
    except Exception:  # noqa: BLE001 - building it fails in the same way, and says where
        return False


def _contents(request: ModelRequest) -> Iterator[object]:
    """Yield the texts and files of a request, as far as they can be long."""
    yield request.system
    for message in request.messages:
        yield message.native
        for part in message.parts:
            yield part.data if isinstance(part, MediaPart) else getattr(part, "text", None)
            yield getattr(part, "content", None)
