"""Columns that several models have in common."""

from django.db import models
from uuid6 import uuid7

from providers.types.usage import COUNTS, Usage, UsageSource

__all__ = ["UsageColumns", "usage_columns", "uuid7"]


class UsageColumns(models.Model):
    """Token counts as ``providers.types.usage`` defines them; NULL means that the count is unknown."""

    input_tokens = models.BigIntegerField(null=True, blank=True, editable=False)
    cached_input_tokens = models.BigIntegerField(null=True, blank=True, editable=False)
    cache_write_input_tokens = models.BigIntegerField(null=True, blank=True, editable=False)
    output_tokens = models.BigIntegerField(null=True, blank=True, editable=False)
    reasoning_tokens = models.BigIntegerField(null=True, blank=True, editable=False)
    usage_source = models.CharField(
        max_length=16,
        choices=[(source.value, source.value) for source in UsageSource],
        default=UsageSource.PARTIAL.value,
        editable=False,
    )

    class Meta:
        abstract = True

    @property
    def usage(self) -> Usage:
        """The columns as one ``Usage``."""
        counts = {name: getattr(self, name) for name in COUNTS}
        return Usage(**counts, source=UsageSource(self.usage_source))


def usage_columns(usage: Usage) -> dict[str, object]:
    """Return ``usage`` as columns: keyword arguments for a model or an UPDATE."""
    return {**{name: getattr(usage, name) for name in COUNTS}, "usage_source": usage.source.value}
