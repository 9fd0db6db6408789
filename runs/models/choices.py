"""What a user has chosen for writing, in all conversations."""

from django.conf import settings
from django.db import models
from django.db.models import Value


def _empty_list() -> "models.JSONField[list[object], list[object]]":
    return models.JSONField(default=list, db_default=Value([], models.JSONField()), blank=True)


class WritingChoices(models.Model):
    """One user's presets and favourite models. ``runs.http.writing`` checks what is stored here."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, primary_key=True, related_name="writing_choices"
    )
    #: Objects with a ``name`` and ``settings``, which are those of ``Conversation.settings``.
    presets = _empty_list()
    #: Names of models, as ``provider/name``.
    favourite_models = _empty_list()

    class Meta:
        verbose_name = verbose_name_plural = "writing choices"

    def __str__(self) -> str:
        return f"writing choices of {self.user}"
