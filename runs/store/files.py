"""Checks and stores uploaded files. Independent of views and providers.

The type of a file is determined from its bytes, never from its name: providers refuse an image with the
wrong type, and no stored file may be served as a page that a browser executes.
"""

from collections.abc import Iterable
from datetime import timedelta
from uuid import UUID

import imagesize
from django.conf import settings
from django.contrib.auth.models import User
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.db.models import Count, QuerySet, Sum
from django.utils import timezone

from runs import limits
from runs.models import File

#: The first bytes of the file types that providers read (https://www.iana.org/assignments/media-types).
_SIGNATURES = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"%PDF-", "application/pdf"),
    (b"ID3", "audio/mpeg"),
    # MPEG-1, MPEG-2 and MPEG-2.5 layer III, without a checksum and with one.
    *((bytes((0xFF, second)), "audio/mpeg") for second in (0xFB, 0xFA, 0xF3, 0xF2, 0xE3, 0xE2)),
)
#: RIFF containers by their form type, which is at bytes 8 to 11.
_RIFF = {b"WEBP": "image/webp", b"WAVE": "audio/wav"}

#: Bytes that are read to recognise a type.
_HEAD = 16


_MEGABYTE = 1024 * 1024


class FileRefused(Exception):  # noqa: N818 - it names what happened
    """The file was not accepted; the message is for the user who sent it."""


class NoRoom(FileRefused):
    """The user has as many files, or bytes of files, as allowed."""


def room(owner_id: int) -> int:
    """Return how many bytes of files a user may still store; 0 if there may be no further file."""
    files = File.objects.filter(owner_id=owner_id).aggregate(bytes=Sum("size", default=0), number=Count("id"))
    if files["number"] >= settings.RUNNEL_FILES_PER_USER:
        return 0
    left: int = limits.of(owner_id).stored_megabytes * _MEGABYTE - files["bytes"]
    return max(left, 0)


def no_room(owner_id: int) -> str:
    """Return the sentence for a user for whose file there is no room."""
    return (
        f"You may store {limits.of(owner_id).stored_megabytes} MB in {settings.RUNNEL_FILES_PER_USER} files, and this one "
        "does not fit. Delete files, or conversations with files, that you no longer need."
    )


def store(owner_id: int, upload: "UploadedFile[bytes]", *, name: str) -> File:
    """Store ``upload`` and return its row.

    Args:
        owner_id: the user who owns the file.
        upload: the file, of at most ``RUNNEL_UPLOAD_MB`` MiB.
        name: the file's name; non-printable characters are removed.

    Raises:
        NoRoom: the user has as many files, or bytes of files, as allowed.
        FileRefused: the file is empty, too large, of a type that no model reads, or a picture with too many points.
    """
    max_bytes = settings.RUNNEL_UPLOAD_MB * _MEGABYTE
    if not upload.size:
        raise FileRefused("The file is empty.")
    if upload.size > max_bytes:
        raise FileRefused(f"A file may have {settings.RUNNEL_UPLOAD_MB} MB.")
    if upload.size > room(owner_id):
        raise NoRoom(no_room(owner_id))
    mime_type = _mime_type(upload)
    if mime_type is None:
        raise FileRefused(
            "Only images (PNG, JPEG, GIF, WebP), PDF, sound (WAV, MP3) and plain text are taken."
        )
    if mime_type.startswith("image/"):
        _refuse_huge(upload)
    file = File(owner_id=owner_id, name=_clean(name), mime_type=mime_type, size=upload.size)
    file.content.save(file.name, upload, save=False)
    try:
        _insert(file)
    except BaseException:
        file.content.delete(save=False)
        raise
    return file


def _insert(file: File) -> None:
    """Insert the row if there is room still: other uploads may have taken it. Raises ``NoRoom``."""
    with transaction.atomic():
        # One upload of a user after the other; SQLite has one writer anyway.
        list(User.objects.select_for_update(no_key=True).filter(pk=file.owner_id).values_list("pk"))
        if file.size > room(file.owner_id):
            raise NoRoom(no_room(file.owner_id))
        file.save(force_insert=True)


def expired() -> QuerySet[File]:
    """Return the uploads that no message shows, and that are older than ``RUNNEL_UPLOAD_HOURS``."""
    if not settings.RUNNEL_UPLOAD_HOURS:
        return File.objects.none()
    before = timezone.now() - timedelta(hours=settings.RUNNEL_UPLOAD_HOURS)
    return File.objects.filter(run=None, conversations=None, created_at__lt=before)


def type_of_head(head: bytes) -> str | None:
    """Return the media type that the first bytes of a file tell, ``None`` if they tell none."""
    if head.startswith(b"RIFF"):
        return _RIFF.get(head[8:12])
    for signature, mime_type in _SIGNATURES:
        if head.startswith(signature):
            return mime_type
    return None


def _mime_type(upload: "UploadedFile[bytes]") -> str | None:
    upload.seek(0)
    if (known := type_of_head(upload.read(_HEAD))) is not None:
        return known
    upload.seek(0)
    return "text/plain" if _is_text(upload.read()) else None


def _refuse_huge(upload: "UploadedFile[bytes]") -> None:
    """Raise ``FileRefused`` for a picture that says it has more points than allowed. A broken one says nothing."""
    upload.seek(0)
    width, height = imagesize.get(upload)
    megapixels = width * height / 1_000_000
    if megapixels > settings.RUNNEL_IMAGE_MEGAPIXELS:
        raise FileRefused(
            f"A picture may have {settings.RUNNEL_IMAGE_MEGAPIXELS:g} million points, and this one has {megapixels:,.0f}. "
            "Make it smaller."
        )


def _is_text(content: bytes) -> bool:
    try:
        return "\0" not in content.decode()
    except UnicodeDecodeError:
        return False


def _clean(name: str) -> str:
    printable = "".join(character for character in name if character.isprintable())
    return printable[-255:] or "file"


def owned(owner_id: int, ids: Iterable[UUID]) -> dict[UUID, File]:
    """Return the files among ``ids`` that belong to a user, by id."""
    return {file.id: file for file in File.objects.filter(owner_id=owner_id, id__in=set(ids))}
