"""Files that a user shows the model, as far as all wires agree on them. Pure.

Each wire says for itself which it takes, and refuses the others with ``LLMUnsupportedError``.
"""

import mimetypes
from collections.abc import Callable, Iterable, Iterator
from collections.abc import Set as AbstractSet
from dataclasses import replace

from providers.errors import LLMUnsupportedError
from providers.text.cleaning import JsonText
from providers.text.file_text import prefixed
from providers.types import ChatMessage, Json, MediaPart, TextPart, ToolResultPart

#: The media types of pictures that every model with eyes reads, and of documents.
PICTURES = frozenset({"image/jpeg", "image/png", "image/gif", "image/webp"})
DOCUMENTS = frozenset({"application/pdf"})

#: Base64 characters of a file in a tool's result; Anthropic refuses larger pictures.
_LARGEST_SHOWN = 5 * 1024 * 1024

#: How the audio formats are called that OpenAI takes.
AUDIO_FORMATS = {
    "audio/mp3": "mp3",
    "audio/mpeg": "mp3",
    "audio/wav": "wav",
    "audio/wave": "wav",
    "audio/x-wav": "wav",
}


def with_notes(messages: Iterable[ChatMessage], show: Callable[[MediaPart], Json]) -> Iterator[ChatMessage]:
    """Yield ``messages`` with a note in place of each file that ``show`` refuses.

    A new one is refused when its run is started; what gets here was shown to another model before, and
    must not end the conversation.
    """
    for message in messages:
        if any(isinstance(part, MediaPart) for part in message.parts):
            parts = tuple(
                _noted(part, show) if isinstance(part, MediaPart) else part for part in message.parts
            )
            yield replace(message, parts=parts)
        else:
            yield message


def _noted(part: MediaPart, show: Callable[[MediaPart], Json]) -> MediaPart | TextPart:
    try:
        show(part)
    except LLMUnsupportedError:
        named = f" named {part.name}" if part.name else ""
        return TextPart(text=f"[Here stood a file ({part.kind}){named}, which cannot be shown to you.]")
    return part


def split_result(part: ToolResultPart, taken: AbstractSet[str]) -> tuple[str, list[MediaPart]]:
    """Return the text of a tool's result, and the files in it that the model is shown.

    The text names the other files. A file of a kind that a provider refuses would block the conversation for good.

    Args:
        part: the result.
        taken: the media types that the wire takes in a result.
    """
    shown = [
        file for file in part.media if file.mime_type in taken and len(file.data or "") <= _LARGEST_SHOWN
    ]
    others = [file for file in part.media if file not in shown]
    notes = [
        f"[{file_name(file)} ({file.mime_type}) is shown to the user, but cannot be shown to you.]"
        for file in others
    ]
    return "\n".join(filter(None, (part.content, *notes))), shown


def data_url(part: MediaPart) -> str | JsonText:
    """Return the bytes of ``part`` in the form of an address."""
    return prefixed(f"data:{part.mime_type};base64,", part.data or "")


def file_name(part: MediaPart) -> str:
    """Return the name of ``part``; providers tell by its end what it is."""
    return part.name or f"{part.kind}{mimetypes.guess_extension(part.mime_type) or ''}"


def refused(part: MediaPart, instead: str) -> LLMUnsupportedError:
    """Return the error for a file that a wire does not take, and say what it takes ``instead``."""
    kind = f"{part.kind} of the type {part.mime_type}" if part.mime_type else part.kind
    how = "by its address" if part.data is None else "as a file"
    return LLMUnsupportedError(f"This model's provider takes no {kind} {how}. {instead}")
