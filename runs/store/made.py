"""Stores files that a model or a tool has made, as files of the conversation's owner.

They are files like uploads: ``/api/files/ID/`` sends them to their owner only. They belong to the run that made
them and are deleted with it. Written on a thread first (``save_content``); the row follows in the transaction
of the event that shows the file (``add_row``), so that no viewer gets a link that leads nowhere.
"""

import mimetypes
import re
from dataclasses import dataclass
from uuid import UUID

from django.core.files.base import ContentFile
from uuid6 import uuid7

from providers.types import Json
from runs.models import File
from runs.models.file import storage
from runs.store.files import type_of_head

#: The note in the place of a file for which its owner has no room.
NO_ROOM = "[A file is not kept: the user has as many files as allowed.]"

#: The type of bytes that nobody knows more about.
UNKNOWN_TYPE = "application/octet-stream"

#: First bytes of types that models make and that no upload may have.
_SIGNATURES = (
    (b"fLaC", "audio/flac"),
    (b"OggS", "audio/ogg"),
    (b"BM", "image/bmp"),
    (b"\x1aE\xdf\xa3", "video/webm"),
)
#: ISO media files by their brand, which is at bytes 8 to 11 after ``ftyp``.
_BRANDS = {b"avif": "image/avif", b"heic": "image/heic", b"M4A ": "audio/mp4"}

#: A media type as it may stand in an HTTP header.
_TYPE = re.compile(r"(audio|image|video|application|text)/[\w.+-]{1,60}(;[\w.=;-]{1,30})?", re.ASCII)
#: Samples without a header, whose first bytes may look like anything.
_RAW = re.compile(r"audio/(l16|pcm)\b", re.IGNORECASE)
#: Types that a browser would execute.
_ACTIVE = re.compile(r"html|xml|svg|script|pdf|ecma", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True, slots=True)
class MadeFile:
    """A file whose bytes are stored."""

    id: UUID
    mime_type: str
    #: Bytes.
    size: int
    name: str

    @property
    def url(self) -> str:
        """The path from which its owner gets it."""
        return f"/api/files/{self.id}/"

    @property
    def in_place(self) -> str:
        """What stands in an item in the place of the file's text."""
        return self.url

    def shown(self) -> Json:
        """Return the file as events and stored parts tell it, in their list ``files``."""
        return {
            "id": str(self.id),
            "url": self.url,
            "mime_type": self.mime_type,
            "name": self.name,
            "size": self.size,
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class NotKept:
    """A file of a model's that is not stored, although its bytes came."""

    #: What stands in an item in the place of the file's text.
    in_place: str


def type_of(content: bytes, claimed: str) -> str:
    """Return the media type of ``content``: as its bytes say, else the ``claimed`` one if that is harmless."""
    claimed = claimed.strip().replace(" ", "")
    is_harmless = _TYPE.fullmatch(claimed) and not _ACTIVE.search(claimed)
    if is_harmless and _RAW.match(claimed):
        return claimed
    if (known := type_of_head(content)) is not None:
        return known
    for signature, mime_type in _SIGNATURES:
        if content.startswith(signature):
            return mime_type
    if content[4:8] == b"ftyp":
        return _BRANDS.get(content[8:12], "video/mp4")
    return claimed if is_harmless else UNKNOWN_TYPE


def save_content(content: bytes, *, mime_type: str, name: str = "") -> MadeFile:
    """Write ``content`` to the storage and return the file; blocks. Its row is still missing.

    Args:
        content: the bytes.
        mime_type: the type that the model or the tool says; empty if it says none.
        name: the file's name; without one, it is named by its type.

    Raises:
        OSError: the storage failed.
    """
    found = type_of(content, mime_type)
    made = MadeFile(id=uuid7(), mime_type=found, size=len(content), name=_name(name, found))
    storage().save(str(made.id), ContentFile(content))
    return made


def _name(name: str, mime_type: str) -> str:
    printable = "".join(character for character in name if character.isprintable())
    if printable:
        return printable[-255:]
    essence = mime_type.partition(";")[0]
    medium = essence.partition("/")[0]
    stem = medium if medium in {"audio", "image", "video"} else "file"
    return f"{stem}{mimetypes.guess_extension(essence) or ''}"


def add_row(made: MadeFile, *, owner_id: int, run_id: UUID) -> None:
    """Insert the row of a file. Runs in the transaction of the event that shows it."""
    File.objects.create(
        id=made.id,
        owner_id=owner_id,
        run_id=run_id,
        name=made.name,
        mime_type=made.mime_type,
        size=made.size,
        content=str(made.id),
    )


def discard(made: MadeFile) -> None:
    """Delete the bytes of a file whose row could not be stored; blocks."""
    storage().delete(str(made.id))
