"""Runs with their steps and tool calls: how they ended, what they used, and a way to stop them."""

from collections import Counter
from datetime import timedelta
from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.models import AnonymousUser
from django.db.models import F, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin, TabularInline
from unfold.utils import display_for_label

from runs.admin import transcript, wording
from runs.admin.readonly import ReadOnly, ReadOnlyInline
from runs.models import Run, Step, ToolCall
from runs.services import cancel_from_thread
from runs.states import RunStatus

#: The colour of each status, in Unfold's words.
_COLOURS: dict[str, str] = {
    RunStatus.CREATED: "primary",
    RunStatus.RUNNING: "info",
    RunStatus.AWAITING_APPROVAL: "primary",
    RunStatus.COMPLETED: "success",
    RunStatus.FAILED: "danger",
    RunStatus.CANCELLED: "warning",
}


def status_label(run: Run) -> str:
    """Return the run's status as a coloured label."""
    label: str = display_for_label(run.status, wording.UNKNOWN, _COLOURS)
    return label


class StepInline(ReadOnlyInline, TabularInline):
    """The provider calls of a run."""

    model = Step
    fields = (
        "index",
        "model_asked",
        "model_served",
        "ending",
        "usage_source",
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
        return wording.duration(step.finished_at - step.started_at if step.finished_at else None)


class ToolCallInline(ReadOnlyInline, TabularInline):
    """The function calls that a run's models asked for."""

    model = ToolCall
    fields = ("step_index", "name", "call_id", "status", "asked_with")
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[ToolCall]:
        rows: QuerySet[ToolCall] = super().get_queryset(request).select_related("step")
        return rows

    @admin.display(description="Step")
    def step_index(self, call: ToolCall) -> int:
        return call.step.index

    @admin.display(description="Arguments")
    def asked_with(self, call: ToolCall) -> SafeString:
        return format_html('<pre class="runnel-json runnel-small">{}</pre>', call.arguments)


@admin.register(Run)
class RunAdmin(ReadOnly, ModelAdmin):
    """Every run of everybody."""

    list_display = (
        "created",
        "conversation",
        "owner",
        "model",
        "status_label",
        "stop_reason",
        "input_used",
        "output_used",
        "duration",
    )
    list_display_links = ("created", "conversation")
    list_filter = ("status", "stop_reason", "created_at", "usage_source", "model")
    list_select_related = ("conversation", "owner")
    list_per_page = 50
    # Counting a whole table of runs for "n in total" is a scan that nobody asked for.
    show_full_result_count = False
    search_fields = ("^id", "model", "owner__username", "owner__email", "conversation__title")
    search_help_text = "Run id, model, owner or conversation"
    date_hierarchy = "created_at"
    actions = ("cancel_selected",)
    inlines = (StepInline, ToolCallInline)
    fieldsets = (
        (
            "How it stands",
            {
                "fields": (
                    ("status_label", "stop_reason"),
                    ("owner", "conversation_link"),
                    ("model", "trace_links"),
                    ("created", "started"),
                    ("finished", "duration"),
                )
            },
        ),
        ("What was said", {"fields": ("said",)}),
        (
            "What it used",
            {
                "fields": (
                    ("input_used", "output_used"),
                    ("cached", "cache_write"),
                    ("reasoning", "usage_source"),
                )
            },
        ),
        ("What it was asked to do", {"fields": ("id", "system", "options")}),
        ("What went wrong", {"fields": (("error_code", "error_message"),)}),
        (
            "Who stopped it",
            {
                "fields": (
                    ("cancel_requested_at", "cancelled_by"),
                    ("cancel_mode", "cancel_reason"),
                    ("stream_was_cancelled", "upstream_closed_ms"),
                )
            },
        ),
        (
            "Where it runs",
            {"classes": ["collapse"], "fields": (("worker", "lease_until"), ("fence", "last_seq"))},
        ),
    )
    _ONLY_WHEN = {"What went wrong": "error_code", "Who stopped it": "cancelled_by"}

    def get_fieldsets(self, request: HttpRequest, obj: Run | None = None) -> list[tuple[str, dict[str, Any]]]:
        """Leave out what did not happen."""
        return [
            (title, options)
            for title, options in self.fieldsets
            if title not in self._ONLY_WHEN or (obj and getattr(obj, self._ONLY_WHEN[title]))
        ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Run]:
        rows: QuerySet[Run] = super().get_queryset(request).select_related("conversation", "owner")
        return rows

    def has_cancel_permission(self, request: HttpRequest) -> bool:
        """Stopping changes a run, so it takes Django's permission to change runs."""
        return not isinstance(request.user, AnonymousUser) and request.user.has_perm("runs.change_run")

    @admin.action(description="Cancel selected runs", permissions=["cancel"])
    def cancel_selected(self, request: HttpRequest, queryset: QuerySet[Run]) -> None:
        answers = Counter(
            str(cancel_from_thread(request.user, run_id, by="admin"))
            for run_id in queryset.values_list("pk", flat=True)
        )
        stopped, ended = answers["requested"], answers["already_terminal"]
        self.message_user(
            request,
            f"Stopped: {stopped}. Had already ended: {ended}.",
            messages.SUCCESS if stopped else messages.INFO,
        )

    @admin.display(description="Status", ordering="status")
    def status_label(self, run: Run) -> str:
        return status_label(run)

    @admin.display(description="Created", ordering="created_at")
    def created(self, run: Run) -> str:
        return wording.moment(run.created_at)

    @admin.display(description="Started")
    def started(self, run: Run) -> str:
        return wording.moment(run.started_at)

    @admin.display(description="Finished")
    def finished(self, run: Run) -> str:
        return wording.moment(run.finished_at)

    @admin.display(description="Input", ordering="input_tokens")
    def input_used(self, run: Run) -> str:
        return wording.tokens(run.input_tokens, run.usage_source)

    @admin.display(description="Output", ordering="output_tokens")
    def output_used(self, run: Run) -> str:
        return wording.tokens(run.output_tokens, run.usage_source)

    @admin.display(description="Cached input")
    def cached(self, run: Run) -> str:
        return wording.tokens(run.cached_input_tokens, run.usage_source)

    @admin.display(description="Written to the cache")
    def cache_write(self, run: Run) -> str:
        return wording.tokens(run.cache_write_input_tokens, run.usage_source)

    @admin.display(description="Reasoning")
    def reasoning(self, run: Run) -> str:
        return wording.tokens(run.reasoning_tokens, run.usage_source)

    @admin.display(description="Duration", ordering=F("finished_at") - F("started_at"))
    def duration(self, run: Run) -> str:
        return wording.duration(None if run.duration is None else timedelta(seconds=run.duration))

    @admin.display(description="Conversation")
    def conversation_link(self, run: Run) -> SafeString:
        address = reverse("admin:runs_conversation_change", args=[run.conversation_id])
        return format_html('<a class="runnel-link" href="{}">{}</a>', address, run.conversation)

    @admin.display(description="Provider calls")
    def trace_links(self, run: Run) -> SafeString:
        address = reverse("admin:providers_providertrace_changelist", query={"run_id": str(run.pk)})
        return format_html('<a class="runnel-link" href="{}">{}</a>', address, "Traces of this run")

    @admin.display(description="")
    def said(self, run: Run) -> SafeString:
        return transcript.render(run.messages.order_by("position"))
