"""A list filter that shows the same words as the documentation and the API."""

from copy import copy
from typing import Any

from django.contrib.admin import ChoicesFieldListFilter
from django.db.models import Field


class StoredValues(ChoicesFieldListFilter):
    """Shows a field's choices as they are stored: ``end_turn`` instead of Django's "End Turn"."""

    def __init__(self, field: "Field[Any, Any]", *args: Any, **names: Any) -> None:
        plain = copy(field)
        plain.choices = [(value, value) for value, _ in field.flatchoices]
        super().__init__(plain, *args, **names)
