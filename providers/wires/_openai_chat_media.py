"""Pictures and sound that a model makes on Chat Completions, while they stream. Pure.

Sources: OpenAI's audio output (``delta.audio``), OpenRouter's image output (``delta.images``).
"""

from base64 import b64decode, b64encode
from typing import Any

from providers.types import Json
from providers.wires.shapes import object_in, text_in

#: Where servers put the pictures of a delta.
PICTURE_FIELDS = ("images", "image", "generated_images", "image_urls", "multi_mod_content")


class Audio:
    """The sound of one answer: its data comes in pieces, and its transcript beside it."""

    def __init__(self) -> None:
        self._fields: Json = {}
        self._data: list[str] = []
        self._transcript: list[str] = []

    @property
    def has_data(self) -> bool:
        """Whether any sound has come."""
        return bool(self._data)

    def take(self, audio: Any) -> str:
        """Take a piece; return the words of the transcript in it."""
        piece = object_in(audio)
        self._fields |= {
            name: value for name, value in piece.items() if name not in {"data", "transcript"} and value
        }
        if data := text_in(piece.get("data")):
            self._data.append(data)
        transcript = text_in(piece.get("transcript"))
        self._transcript.append(transcript)
        return transcript

    def item(self) -> Json | None:
        """Return the whole sound, its data as one base64 text; ``None`` if none came. There is none afterwards."""
        if not self._data:
            return None
        data, self._data = _joined(self._data), []
        return {**self._fields, "data": data, "transcript": "".join(self._transcript)}


def pictures(images: Any) -> list[Json]:
    """Return the pictures in ``images``, each an object: some servers send one alone, or its address alone."""
    found: list[Json] = []
    for image in images if isinstance(images, list) else [images]:
        if isinstance(image, dict) and image.keys() == {"text"}:
            # New API lists a model's parts with their words, which the content has, too.
            continue
        if isinstance(image, dict) and image:
            found.append(image)
        elif isinstance(image, str) and image:
            url = (
                image if image.startswith(("data:", "http:", "https:")) else f"data:image/png;base64,{image}"
            )
            found.append({"type": "image_url", "image_url": {"url": url}})
    return found


def _joined(pieces: list[str]) -> str:
    """Return one base64 text; pieces that were encoded one by one end in padding."""
    if not any(piece.endswith("=") for piece in pieces[:-1]):
        return "".join(pieces)
    try:
        return b64encode(b"".join(b64decode(piece) for piece in pieces)).decode()
    except ValueError:
        return "".join(pieces)
