"""Files in a user message of a Messages request. Pure.

Source: https://platform.claude.com/docs/en/build-with-claude/pdf-support and …/vision
"""

from providers.text.cleaning import JsonText, from_base64
from providers.text.file_text import in_request, prefixed
from providers.types import Json, MediaPart
from providers.wires._media import PICTURES, refused

_PDF = "application/pdf"


def show(part: MediaPart) -> Json:
    """Return ``part`` as a content block.

    Raises:
        LLMUnsupportedError: the API does not accept this file.
    """
    match part:
        case MediaPart(kind="image", data=str(data), mime_type=mime_type) if mime_type in PICTURES:
            return {
                "type": "image",
                "source": {"type": "base64", "media_type": mime_type, "data": prefixed("", data)},
            }
        case MediaPart(kind="image", data=None, url=str(url)):
            return {"type": "image", "source": {"type": "url", "url": url}}
        case MediaPart(kind="document", data=str(data), mime_type="application/pdf"):
            return _document(part, {"type": "base64", "media_type": _PDF, "data": prefixed("", data)})
        case MediaPart(kind="document", data=None, url=str(url), mime_type="application/pdf" | ""):
            return _document(part, {"type": "url", "url": url})
        case MediaPart(kind="document", data=str(data)) if (text := _text(part.mime_type, data)) is not None:
            return _document(part, {"type": "text", "media_type": "text/plain", "data": text})
    raise refused(part, "Send an image as JPEG, PNG, GIF or WebP, or a document as PDF or as text in UTF-8.")


def _document(part: MediaPart, source: Json) -> Json:
    block: Json = {"type": "document", "source": source}
    return {**block, "title": part.name} if part.name else block


def _text(mime_type: str, data: str) -> str | JsonText | None:
    if not mime_type.startswith("text/") and mime_type != "application/json":
        return None
    return in_request(data, "decoded", lambda: _decoded(data))


def _decoded(data: str) -> str | None:
    try:
        return from_base64(data).decode()
    except ValueError:
        return None
