"""What a run is made of: its provider calls and the functions that the models asked for."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.admin import TabularInline

from runs.admin import wording
from runs.admin.readonly import ReadOnlyInline
from runs.models import Step, ToolCall
from runs.states import StopReason


class StepInline(ReadOnlyInline, TabularInline):
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
        return step.stop_reason or wording.UNKNOWN

    @admin.display(description="Usage")
    def reported(self, step: Step) -> str:
        return wording.usage_source(step.usage_source, is_over=step.finished_at is not None)

    @admin.display(description="Input")
    def input_used(self, step: Step) -> str:
        return wording.tokens(step.input_tokens, step.usage_source)

    @admin.display(description="Cached")
    def cached(self, step: Step) -> str:
        return wording.tokens(step.cached_input_tokens, step.usage_source)

    @admin.display(description="Output")
    def output_used(self, step: Step) -> str:
        return wording.tokens(step.output_tokens, step.usage_source)

    @admin.display(description="Reasoning")
    def reasoning(self, step: Step) -> str:
        return wording.tokens(step.reasoning_tokens, step.usage_source)

    @admin.display(description="First token")
    def first_token(self, step: Step) -> str:
        return wording.duration(step.first_token_at - step.started_at if step.first_token_at else None)

    @admin.display(description="Duration")
    def duration(self, step: Step) -> str:
        # Where the worker died, the end is when that was noticed.
        if step.finished_at is None or step.error_code == StopReason.WORKER_LOST:
            return wording.UNKNOWN
        return wording.duration(step.finished_at - step.started_at)


class ToolCallInline(ReadOnlyInline, TabularInline):
    """The function calls that a run's models asked for."""

    model = ToolCall
    fields = ("step_index", "name", "call_id", "outcome", "asked_with")
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[ToolCall]:
        rows: QuerySet[ToolCall] = super().get_queryset(request).select_related("step")
        return rows

    @admin.display(description="Step")
    def step_index(self, call: ToolCall) -> int:
        return call.step.index

    @admin.display(description="Status")
    def outcome(self, call: ToolCall) -> str:
        return call.status

    @admin.display(description="Arguments")
    def asked_with(self, call: ToolCall) -> SafeString:
        return format_html('<pre class="runnel-json runnel-small">{}</pre>', call.arguments)
