"""What every page is told of its reader's preferences, so that it has the right colours from the first byte on."""

from typing import Any

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from runs.models import Preferences


def appearance(request: HttpRequest) -> dict[str, Any]:
    """Return ``preferences`` for templates: the user's, or the defaults. Read when a template uses it."""

    def read() -> Preferences:
        user = getattr(request, "user", None)
        own = None
        if user is not None and user.is_authenticated:
            own = Preferences.objects.filter(pk=user.pk).first()
        return own or Preferences()

    return {"preferences": SimpleLazyObject(read)}
