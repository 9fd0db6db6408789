"""Mix-ins for read-only admin pages. Viewing needs Django's view permission."""

from typing import Any

from django.db.models import Model
from django.http import HttpRequest

from runs.admin import wording


class ReadOnly:
    """A mix-in for model admins and inlines: no user may add, change or delete rows, not even a superuser."""

    empty_value_display = wording.UNKNOWN

    def has_add_permission(self, request: HttpRequest, *args: Any) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class ReadOnlyInline(ReadOnly):
    """The same for inlines, without the empty rows and links for editing."""

    extra = 0
    max_num = 0
    can_delete = False
    show_title = False
    per_page = 50
