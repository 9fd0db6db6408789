"""A message in its provider's own form, as it is stored: without the texts that its parts have too. Pure.

An answer of a few thousand characters would otherwise be stored twice. Where such a text stood, a reference names the
part and the field that has it.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from providers.types import Json
from runs.store.embedded import replaced

#: The only key of a reference, and of the first item of a list that has references.
_KEY = "runnel:part"
_MARK: Json = {_KEY: None}
#: Characters of a text that is worth a reference.
_LONG = 100
#: Fields of a stored part that may be long.
_FIELDS = ("text", "arguments", "content")


def shortened(native: Sequence[Json], parts: Sequence[Json]) -> list[Json]:
    """Return ``native`` with references in place of the long texts of the stored ``parts``.

    What uses the key of a reference itself is returned as it is.
    """
    texts = {
        text: {_KEY: [position, field]}
        for position, part in enumerate(parts)
        for field in _FIELDS
        if isinstance(text := part.get(field), str) and len(text) >= _LONG
    }
    if not texts or any(_KEY in each for each in _objects(native)):
        return list(native)
    short = [replaced(item, texts) for item in native]
    return [_MARK, *short] if any(_KEY in each for each in _objects(short)) else short


def whole(native: Sequence[Json], parts: Sequence[Json]) -> list[Json]:
    """Return what ``shortened`` was given."""
    if not native or native[0] != _MARK:
        return list(native)
    return [_filled(item, parts) for item in native[1:]]


def _filled(value: Any, parts: Sequence[Json]) -> Any:
    match value:
        case {"runnel:part": [int(position), str(field)]}:
            return parts[position][field]
        case Mapping():
            return {key: _filled(item, parts) for key, item in value.items()}
        case list() | tuple():
            return [_filled(item, parts) for item in value]
        case _:
            return value


def _objects(value: Any) -> Iterator[Mapping[str, Any]]:
    match value:
        case Mapping():
            yield value
            for item in value.values():
                yield from _objects(item)
        case list() | tuple():
            for item in value:
                yield from _objects(item)
