"""Files that users upload and then name in what they ask."""

from typing import Any

from django.conf import settings
from django.core.files.storage import Storage, storages
from django.db import models

from runs.models.fields import uuid7


def storage() -> Storage:
    """Return the storage that the installation has for files."""
    return storages["files"]


def place(file: "File", name: str) -> str:
    """Return where the bytes lie: under the id, since names are the user's and may say anything."""
    return str(file.id)


class File(models.Model):
    """One uploaded file. Its bytes lie in the storage ``files``, by default in the data folder."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="files")
    #: As its owner calls it.
    name = models.CharField(max_length=255)
    #: What its bytes say that it is, not what its sender said.
    mime_type = models.CharField(max_length=100)
    size = models.PositiveBigIntegerField()
    content = models.FileField(upload_to=place, storage=storage, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return self.name


def delete_bytes(sender: type[File], instance: File, **kwargs: Any) -> None:
    """Delete what a deleted row had in the storage; Django leaves it there."""
    if instance.content:
        instance.content.delete(save=False)


models.signals.post_delete.connect(delete_bytes, sender=File, dispatch_uid="delete the bytes of a file")
