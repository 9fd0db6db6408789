"""The steps of a run on its admin page."""

from django.contrib import admin
from unfold.admin import TabularInline

from runs.admin import wording
from runs.admin.readonly import ReadOnlyInline
from runs.admin.usage_columns import ShowsUsage
from runs.models import Step
from runs.states import StopReason


class StepInline(ShowsUsage, ReadOnlyInline, TabularInline):
    """The provider calls of a run."""

    model = Step
    fields = (
        "index",
        "model_asked",
        "model_served",
        "ending",
        "reported",
        "input_used",
        "cached",
        "output_used",
        "reasoning",
        "cost_known",
        "first_token",
        "duration",
    )
    readonly_fields = fields

    @admin.display(description="Model")
    def model_asked(self, step: Step) -> str:
        return f"{step.provider}/{step.model}"

    @admin.display(description="Ended with")
    def ending(self, step: Step) -> str:
        if step.error_code:
            return step.error_code
        if step.stream_was_cancelled:
            return "stream cut"
        return wording.reason(step.stop_reason)

    @admin.display(description="Usage")
    def reported(self, step: Step) -> str:
        return wording.usage_source(step.usage_source, is_over=step.finished_at is not None)

    @admin.display(description="First token")
    def first_token(self, step: Step) -> str:
        return wording.duration(step.first_token_at - step.started_at if step.first_token_at else None)

    @admin.display(description="Duration")
    def duration(self, step: Step) -> str:
        # If the worker died, finished_at is the time of the recovery, not the end of the step.
        if step.finished_at is None or step.error_code == StopReason.WORKER_LOST:
            return wording.UNKNOWN
        return wording.duration(step.finished_at - step.started_at)
