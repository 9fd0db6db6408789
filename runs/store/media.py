"""The files of a conversation as a request carries them: the newest ones, within a number and an amount of bytes.

Every request repeats the whole conversation, so without a limit each turn would take as much memory as all files
that were ever shown. A file that is left out becomes a note for the model.
"""

from collections.abc import Iterable, Mapping
from uuid import UUID

from django.conf import settings

from providers.text.cleaning import to_base64
from providers.text.file_text import of_file
from providers.types import Json
from runs.models import File

#: The text that a model reads in place of a deleted file.
DELETED = "[A file that was shown here has been deleted.]"

_MEGABYTE = 1024 * 1024

#: The Base64 of the files that a run has read: by their ids, and of those without one, each by itself.
type Contents = dict[UUID | str, str]


def most_bytes() -> int:
    """Return the most bytes of files that one request carries."""
    return settings.RUNNEL_MEDIA_MB * _MEGABYTE


def refusal(parts: Iterable[Json], files: Mapping[UUID, File]) -> str | None:
    """Return a sentence if the stored ``parts`` of new messages carry more than one request may.

    A file counts as often as it is named: the request repeats it.
    """
    sizes = [_size(part, files) for part in parts if part["kind"] == "media"]
    if len(sizes) > settings.RUNNEL_MEDIA_PARTS:
        return (
            f"This message shows {len(sizes)} files, and a request to a model may carry "
            f"{settings.RUNNEL_MEDIA_PARTS}. Show fewer."
        )
    if sum(sizes) > most_bytes():
        return (
            f"The files of this message have {sum(sizes) / _MEGABYTE:.1f} MB, and a request to a model may carry "
            f"{settings.RUNNEL_MEDIA_MB} MB. Show fewer or smaller files."
        )
    return None


def _size(part: Json, files: Mapping[UUID, File]) -> int:
    """Return the bytes of a stored media part; 0 for a file that the provider fetches itself."""
    return files[UUID(part["file"])].size if "file" in part else len(part["data"] or "") * 3 // 4


def files_of(stored: Json) -> list[UUID]:
    """Return the ids of the files in a stored part: an upload, or what a model or a tool has made."""
    own = [UUID(stored["file"])] if "file" in stored else []
    return [*own, *(UUID(file["id"]) for file in stored.get("files", ()))]


class ConversationFiles:
    """The files of one conversation while its messages are read for a request, the newest message first."""

    def __init__(self, rows: Mapping[UUID, File], contents: Contents) -> None:
        """Keep the rows of the files by id, and the Base64 of those that were read before."""
        self._rows = rows
        self._contents = contents
        self._parts_left = settings.RUNNEL_MEDIA_PARTS
        self._bytes_left = most_bytes()

    def take(self, ids: Iterable[UUID]) -> list[File] | str:
        """Return these files, which then count; or the note for the model, if one of them cannot be sent."""
        rows = [self._rows.get(file_id) for file_id in ids]
        files = [file for file in rows if file is not None]
        if len(files) < len(rows):
            return DELETED
        if self._fits(len(files), sum(file.size for file in files)):
            return files
        return _left_out(" and ".join(file.name for file in files))

    def take_inline(self, stored: Json) -> str | None:
        """Count a media part without a stored file. Return the note for the model, if it cannot be sent."""
        return None if self._fits(1, _size(stored, {})) else _left_out(stored.get("name") or "")

    def _fits(self, parts: int, size: int) -> bool:
        if parts > self._parts_left or size > self._bytes_left:
            return False
        self._parts_left -= parts
        self._bytes_left -= size
        return True

    def base64_of(self, file: File) -> str:
        """Return a file's content, from the storage if it was not read before."""
        if (known := self._contents.get(file.id)) is None:
            with file.content.open() as content:
                known = self._contents[file.id] = of_file(to_base64(content.read))
        return known

    def kept(self, data: str) -> str:
        """Return the Base64 of a media part without a stored file: the same object for all steps of a run."""
        if (known := self._contents.get(data)) is None:
            known = of_file(data)
            self._contents[known] = known
        return known


def _left_out(name: str) -> str:
    named = f"A file named {name}" if name else "A file"
    return (
        f"[{named} stood here. It is left out, because the newer files of this conversation are all that one "
        "request may carry. The user can attach it again.]"
    )
