"""Columns that several models have in common."""

import unicodedata
from typing import Any

from django.db import models
from uuid6 import uuid7

from providers.types.cost import Cost, CostIs
from providers.types.usage import COUNTS, ESTIMATES, Usage, UsageSource

__all__ = ["FoldedText", "UsageColumns", "folded", "usage_columns", "uuid7"]


def folded(text: str) -> str:
    """Return ``text`` as the search compares it: without the differences of case, of forms and of spaces."""
    plain = text.lower() if text.isascii() else unicodedata.normalize("NFKC", text).casefold()
    return " ".join(plain.split())


class FoldedText(models.TextField):  # type: ignore[type-arg]  # Django's fields take no types when it runs
    """The ``folded`` value of another attribute of the same row, stored whenever the row is saved.

    Databases fold ASCII letters only, or not at all, and texts inside JSON are escaped there.
    """

    def __init__(self, *, of: str = "", **options: Any) -> None:
        """Take the name of the attribute."""
        usual: dict[str, Any] = {"default": "", "db_default": "", "blank": True, "editable": False}
        super().__init__(**usual | options)
        self.of = of

    def deconstruct(self) -> Any:
        """Return what a migration writes."""
        name, path, arguments, options = super().deconstruct()
        return name, path, arguments, options | {"of": self.of}

    def pre_save(self, model_instance: Any, add: bool) -> str:
        """Return the value to store."""
        text = folded(getattr(model_instance, self.of))
        setattr(model_instance, self.attname, text)
        return text


class UsageColumns(models.Model):
    """Token counts as ``providers.types.usage`` defines them, and their cost; NULL means unknown."""

    input_tokens = models.BigIntegerField(null=True, blank=True, editable=False)
    cached_input_tokens = models.BigIntegerField(null=True, blank=True, editable=False)
    cache_write_input_tokens = models.BigIntegerField(null=True, blank=True, editable=False)
    output_tokens = models.BigIntegerField(null=True, blank=True, editable=False)
    reasoning_tokens = models.BigIntegerField(null=True, blank=True, editable=False)
    estimated_input_tokens = models.BigIntegerField(null=True, blank=True, editable=False)
    estimated_output_tokens = models.BigIntegerField(null=True, blank=True, editable=False)
    usage_source = models.CharField(
        max_length=16,
        choices=[(source.value, source.value) for source in UsageSource],
        default=UsageSource.PARTIAL.value,
        editable=False,
    )

    #: US dollars; NULL if unknown.
    cost = models.DecimalField(max_digits=16, decimal_places=9, null=True, blank=True, editable=False)
    #: How exact ``cost`` is; empty if it is unknown.
    cost_is = models.CharField(
        max_length=16, choices=[(kind.value, kind.value) for kind in CostIs], blank=True, editable=False
    )

    class Meta:
        abstract = True

    @property
    def usage(self) -> Usage:
        """The columns as one ``Usage``."""
        counts = {name: getattr(self, name) for name in (*COUNTS, *ESTIMATES)}
        return Usage(**counts, source=UsageSource(self.usage_source))

    @property
    def known_cost(self) -> Cost | None:
        """The cost, and how exact it is; ``None`` if it is unknown."""
        if self.cost is None:
            return None
        # Rows of earlier versions do not say it.
        return Cost(amount=self.cost, kind=CostIs(self.cost_is or CostIs.EXACT))


def usage_columns(usage: Usage, cost: Cost | None) -> dict[str, object]:
    """Return ``usage`` and ``cost`` as columns: keyword arguments for a model or an UPDATE."""
    return {
        **{name: getattr(usage, name) for name in (*COUNTS, *ESTIMATES)},
        "usage_source": usage.source.value,
        "cost": None if cost is None else cost.amount,
        "cost_is": "" if cost is None else cost.kind.value,
    }
