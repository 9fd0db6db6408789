"""Columns with the usage and cost of a run or a step."""

from django.contrib import admin

from providers.usage import unpriced
from runs.admin import wording
from runs.models import Run, Step


class ShowsUsage:
    """A mix-in for model admins and inlines of runs and steps."""

    @admin.display(description="Input", ordering="input_tokens")
    def input_used(self, row: Run | Step) -> str:
        return wording.tokens(row.input_tokens, row.estimated_input_tokens)

    @admin.display(description="Output", ordering="output_tokens")
    def output_used(self, row: Run | Step) -> str:
        return wording.tokens(row.output_tokens, row.estimated_output_tokens)

    @admin.display(description="Cached")
    def cached(self, row: Run | Step) -> str:
        return wording.count(row.cached_input_tokens)

    @admin.display(description="Written to the cache")
    def cache_write(self, row: Run | Step) -> str:
        return wording.count(row.cache_write_input_tokens)

    @admin.display(description="Reasoning")
    def reasoning(self, row: Run | Step) -> str:
        return wording.count(row.reasoning_tokens)

    @admin.display(description="Cost", ordering="cost")
    def cost_known(self, row: Run | Step) -> str:
        if row.cost is not None or row.finished_at is None:
            return wording.dollars(row.cost, row.cost_is)
        provider = row.provider if isinstance(row, Step) else row.model.partition("/")[0]
        return f"{wording.UNKNOWN} ({unpriced.reason(row.usage, provider)})"
