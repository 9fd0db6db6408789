"""Finds files inside a provider's items, where they are Base64 texts, and puts links in their place.

Events and stored messages hold the links; the texts go back to the provider. Pure.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from providers.text.cleaning import from_base64
from providers.types import Json
from runs.store.made import UNKNOWN_TYPE, type_of

#: Fields in which some provider puts Base64.
_FIELDS = frozenset(
    {"audio", "b64_json", "base64", "bytes", "data", "file_data", "image_base64", "imageBytes", "result"}
    | {"bytesBase64Encoded", "partial_image_b64"}
)
#: Fields beside it that tell the type.
_TYPES = ("mimeType", "mime_type", "media_type", "format", "output_format")
#: What an item is called whose Base64 text is a file, whatever it holds.
_MEDIA = re.compile(r"image|audio|video|inline_?data|speech", re.IGNORECASE)

_DATA_URL = re.compile(r"data:([\w.+-]*/?[\w.+-]*)((?:;[\w.=+-]+)*);base64,", re.ASCII | re.IGNORECASE)
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]+={0,2}", re.ASCII)
#: Characters that are looked at to tell Base64 from other texts.
_LOOKED_AT = 1_024
#: Characters that hold enough bytes for a signature.
_HEAD = 64

#: Streamed audio without a name for its format: 16 bits at 24 kHz (OpenAI streams nothing else).
_PCM = "audio/L16;rate=24000"
_FORMATS = {
    "wav": "audio/wav",
    "mp3": "audio/mpeg",
    "flac": "audio/flac",
    "opus": "audio/ogg",
    "aac": "audio/aac",
    "pcm16": _PCM,
    "pcm": _PCM,
    "png": "image/png",
    "jpeg": "image/jpeg",
    "webp": "image/webp",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Embedded:
    """A text that holds a file."""

    #: As it stands in the item.
    text: str
    #: What stands before the Base64, such as ``data:image/png;base64,``.
    prefix: str
    #: As the item says; empty if it says nothing.
    mime_type: str

    @property
    def content(self) -> bytes:
        """The file's bytes.

        Raises:
            ValueError: the text is no Base64.
        """
        return _decoded(self.text[len(self.prefix) :])


def _decoded(text: str) -> bytes:
    plain = text.translate(_URL_SAFE) if "-" in text or "_" in text else text
    return from_base64(plain + "=" * (-len(plain) % 4))


_URL_SAFE = str.maketrans("-_", "+/")


def find(kind: str, data: Json) -> list[Embedded]:
    """Return the files in a provider's item, each text once."""
    found = {each.text: each for each in _walk(data, is_media=bool(_MEDIA.search(kind)))}
    return list(found.values())


def _walk(value: Any, *, is_media: bool) -> Iterator[Embedded]:
    if isinstance(value, list):
        for item in value:
            yield from _walk(item, is_media=is_media)
    elif isinstance(value, Mapping):
        said = value.get("type")
        named = isinstance(said, str) and bool(_MEDIA.search(said))
        for key, item in value.items():
            if isinstance(item, str):
                if (found := _look(key, item, value, is_media=is_media or named)) is not None:
                    yield found
            else:
                yield from _walk(item, is_media=is_media or named or bool(_MEDIA.search(str(key))))


def _look(key: str, text: str, beside: Mapping[str, Any], *, is_media: bool) -> Embedded | None:
    if (url := _DATA_URL.match(text)) is not None:
        return Embedded(text=text, prefix=url[0], mime_type=f"{url[1]}{url[2]}".lower())
    if key not in _FIELDS or beside.get("type") == "text" or not _is_base64(text):
        return None
    said = next((beside[name] for name in _TYPES if isinstance(beside.get(name), str)), "")
    mime_type = _FORMATS.get(said.lower(), said)
    if not mime_type and is_media and key in {"data", "audio"} and "transcript" in beside:
        mime_type = _PCM
    is_known = type_of(_head(text), "") != UNKNOWN_TYPE
    return Embedded(text=text, prefix="", mime_type=mime_type) if mime_type or is_media or is_known else None


def _is_base64(text: str) -> bool:
    start = text[:_LOOKED_AT]
    return len(text) % 4 != 1 and _BASE64.fullmatch(start) is not None


def _head(text: str) -> bytes:
    try:
        return _decoded(text[:_HEAD].rstrip("="))
    except ValueError:
        return b""


def replaced(value: Any, texts: Mapping[str, object]) -> Any:
    """Return ``value``, JSON, with each string that is a key of ``texts`` replaced.

    It puts links in the place of files, and files in the place of links.
    """
    match value:
        case str():
            return texts.get(value, value)
        case Mapping():
            return {key: replaced(item, texts) for key, item in value.items()}
        case list() | tuple():
            return [replaced(item, texts) for item in value]
        case _:
            return value
