"""Files that users upload for use in their messages, and files that models and tools make."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.files.storage import Storage, storages
from django.db import models, transaction

from runs.models.conversation import Conversation
from runs.models.fields import uuid7


def storage() -> Storage:
    """Return Django's storage named ``files``, as the settings define it."""
    return storages["files"]


def place(file: "File", name: str) -> str:
    """Return the file's path in the storage: its id, because a user's file name is not safe as a path."""
    return str(file.id)


class File(models.Model):
    """One file. Its content is in the storage ``files``, by default in the data folder."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="files")
    #: The run whose model or tool made the file, and with which it is deleted; NULL for an upload.
    run = models.ForeignKey(
        "runs.Run", on_delete=models.CASCADE, null=True, blank=True, editable=False, related_name="files"
    )
    #: The conversations whose messages show the upload. With the last one of them it is deleted.
    conversations = models.ManyToManyField(
        "runs.Conversation", blank=True, editable=False, related_name="uploads"
    )
    #: The owner's name for the file, without non-printable characters.
    name = models.CharField(max_length=255)
    #: The type that was recognised from the bytes, not the one that the client sent.
    mime_type = models.CharField(max_length=100)
    #: Bytes.
    size = models.PositiveBigIntegerField()
    content = models.FileField(upload_to=place, storage=storage, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-created_at"]
        indexes = [
            models.Index(fields=["created_at"], condition=models.Q(run=None), name="upload_by_age"),
        ]

    def __str__(self) -> str:
        return self.name


def delete_bytes(sender: type[File], instance: File, **kwargs: Any) -> None:
    """Delete a deleted row's content from the storage, because Django does not.

    The bytes go after the commit: a transaction that is rolled back keeps the row, which needs them.
    """
    if instance.content:
        content = instance.content
        # A store that fails then costs space, not the deletion, which is committed: Django logs the error.
        transaction.on_commit(lambda: content.delete(save=False), using=kwargs["using"], robust=True)


def delete_unused(ids: Iterable[UUID]) -> int:
    """Delete those of the uploads that no conversation shows. Return how many there were."""
    with transaction.atomic():
        unused = File.objects.filter(id__in=list(ids), run=None, conversations=None)
        return unused.delete()[1].get(File._meta.label, 0)


def delete_uploads(sender: type[Conversation], instance: Conversation, **kwargs: Any) -> None:
    """Delete the uploads of a deleted conversation, after the commit, unless another conversation shows them."""
    if ids := list(instance.uploads.values_list("id", flat=True)):
        transaction.on_commit(lambda: delete_unused(ids), using=kwargs["using"])


models.signals.pre_delete.connect(
    delete_uploads, sender=Conversation, dispatch_uid="delete the uploads of a conversation"
)
models.signals.post_delete.connect(delete_bytes, sender=File, dispatch_uid="delete the bytes of a file")
