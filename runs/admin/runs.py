"""The admin pages of runs: status, messages, usage, steps and tool calls, and an action to cancel runs."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.contrib.auth.models import AnonymousUser
from django.db.models import F, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin
from unfold.utils import display_for_label

from providers.admin.lookups import NoSecretLookups
from providers.models import ProviderTrace
from runs.access import audit
from runs.admin import transcript, wording
from runs.admin.filters import StoredValues
from runs.admin.readonly import ReadOnly
from runs.admin.steps import StepInline
from runs.admin.tool_calls import ToolCallInline
from runs.admin.usage_columns import ShowsUsage
from runs.errors import NotFound
from runs.models import Run
from runs.models.tool_call import ToolCallStatus
from runs.services import cancel_from_thread
from runs.states import RunStatus

#: The colour of each status, by Unfold's names.
_COLOURS: dict[str, str] = {
    RunStatus.CREATED: "primary",
    RunStatus.RUNNING: "info",
    RunStatus.AWAITING_APPROVAL: "primary",
    RunStatus.COMPLETED: "success",
    RunStatus.FAILED: "danger",
    RunStatus.CANCELLED: "warning",
}


def status_label(run: Run) -> SafeString:
    """Return the run's status as a coloured label."""
    label = display_for_label(run.status, wording.UNKNOWN, _COLOURS)
    return format_html('<span class="runnel-status">{}</span>', label)


def _cancel(request: HttpRequest, run_id: UUID) -> str:
    """Cancel a run and return the service's answer; a run that was deleted meanwhile counts as ended."""
    try:
        return cancel_from_thread(None, run_id, actor=audit.acting())
    except NotFound:
        return "already_terminal"


@admin.register(Run)
class RunAdmin(NoSecretLookups, ShowsUsage, ReadOnly, ModelAdmin):
    """The runs of all users."""

    list_display = (
        "created",
        "standing",
        "conversation",
        "owner",
        "model_name",
        "input_used",
        "output_used",
        "cost_known",
        "duration",
    )
    list_display_links = ("created", "conversation")
    list_filter = (
        ("status", StoredValues),
        ("stop_reason", StoredValues),
        "created_at",
        "usage_source",
        "model",
    )
    list_select_related = ("conversation", "owner")
    list_per_page = 50
    # The count of all runs ("n in total") would scan the whole table.
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
                    ("status_label", "why_it_ended"),
                    ("owner", "conversation_link"),
                    ("model", "trace_links"),
                    ("created", "started"),
                    ("finished", "duration"),
                )
            },
        ),
        ("What it waits for", {"fields": (("waits_for", "waits_until"),)}),
        ("What went wrong", {"fields": (("error_code", "error_message"),)}),
        (
            "Who stopped it",
            {
                "fields": (
                    ("cancel_requested", "cancelled_by"),
                    ("how_to_cancel", "cancel_reason"),
                    ("stream", "upstream_closed"),
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
                    ("reasoning", "reported"),
                    ("cost_known",),
                )
            },
        ),
        (
            "What it was asked to do",
            {"fields": ("run_id", "system", "options", ("tools_offered", "tools_of_client"), "may_use")},
        ),
        (
            "Where it runs",
            {
                "classes": ["collapse"],
                "fields": (("worker", "lease"), ("fence", "last_seq"), ("segment", "driven")),
            },
        ),
    )
    _ONLY_WHEN: Mapping[str, Callable[[Run], object]] = {
        "What it waits for": lambda run: run.status == RunStatus.AWAITING_APPROVAL,
        "What went wrong": lambda run: run.error_code,
        "Who stopped it": lambda run: run.cancelled_by,
    }

    def get_fieldsets(self, request: HttpRequest, obj: Run | None = None) -> list[tuple[str, dict[str, Any]]]:
        """Leave out the fieldsets that do not apply to the run, such as its error."""
        return [
            (title, options)
            for title, options in self.fieldsets
            if title not in self._ONLY_WHEN or (obj and self._ONLY_WHEN[title](obj))
        ]

    def get_inlines(self, request: HttpRequest, obj: Run | None) -> Sequence[Any]:
        """Leave out the tool calls if there are none."""
        has_calls = obj is not None and obj.tool_calls.exists()
        return self.inlines if has_calls else (StepInline,)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Run]:
        rows: QuerySet[Run] = super().get_queryset(request).select_related("conversation", "owner")
        return rows

    def has_cancel_permission(self, request: HttpRequest) -> bool:
        """Return whether the user may cancel runs: this needs Django's permission to change runs."""
        return not isinstance(request.user, AnonymousUser) and request.user.has_perm("runs.change_run")

    @admin.action(description="Cancel selected runs", permissions=["cancel"])
    def cancel_selected(self, request: HttpRequest, queryset: QuerySet[Run]) -> None:
        """Cancel the runs and report how many were active and how many had ended."""
        answers = Counter(_cancel(request, run_id) for run_id in queryset.values_list("pk", flat=True))
        asked, ended = answers["requested"], answers["already_terminal"]
        self.message_user(
            request,
            f"Asked to stop: {asked}. Had already ended: {ended}.",
            messages.SUCCESS if asked else messages.INFO,
        )

    @admin.display(description="Model", ordering="model")
    def model_name(self, run: Run) -> SafeString:
        return wording.breakable(run.model)

    @admin.display(description="Status", ordering="status")
    def status_label(self, run: Run) -> SafeString:
        return status_label(run)

    @admin.display(description="Status", ordering="status")
    def standing(self, run: Run) -> SafeString:
        """The status, with the approval deadline or a different stop reason below it."""
        detail = "" if run.stop_reason in ("", run.status) else wording.reason(run.stop_reason)
        if run.status == RunStatus.AWAITING_APPROVAL and run.awaiting_until is not None:
            detail = f"until {wording.moment(run.awaiting_until)}"
        return format_html('{}<p class="runnel-below">{}</p>', status_label(run), detail)

    @admin.display(description="Stop reason")
    def why_it_ended(self, run: Run) -> str:
        return wording.reason(run.stop_reason)

    @admin.display(description="Run id")
    def run_id(self, run: Run) -> str:
        return str(run.pk)

    @admin.display(description="Created", ordering="created_at")
    def created(self, run: Run) -> str:
        return wording.moment(run.created_at)

    @admin.display(description="Started")
    def started(self, run: Run) -> str:
        return wording.moment(run.started_at)

    @admin.display(description="Finished")
    def finished(self, run: Run) -> str:
        return wording.moment(run.finished_at)

    @admin.display(description="Usage source")
    def reported(self, run: Run) -> str:
        return wording.usage_source(run.usage_source, is_over=not run.is_active)

    @admin.display(description="Duration", ordering=F("finished_at") - F("started_at"))
    def duration(self, run: Run) -> str:
        return wording.duration(None if run.duration is None else timedelta(seconds=run.duration))

    @admin.display(description="Conversation")
    def conversation_link(self, run: Run) -> SafeString:
        address = reverse("admin:runs_conversation_change", args=[run.conversation_id])
        return format_html('<a class="runnel-link" href="{}">{}</a>', address, run.conversation)

    @admin.display(description="Provider calls")
    def trace_links(self, run: Run) -> SafeString:
        found = ProviderTrace.objects.filter(run_id=run.pk).count()
        if not found:
            return format_html("{}", "No traces yet" if run.is_active else "No traces")
        address = reverse("admin:providers_providertrace_changelist", query={"run_id": str(run.pk)})
        name = "1 trace" if found == 1 else f"{wording.count(found)} traces"
        return format_html('<a class="runnel-link" href="{}">{}</a>', address, name)

    @admin.display(description="Calls that wait")
    def waits_for(self, run: Run) -> str:
        pending = run.tool_calls.filter(status=ToolCallStatus.PENDING)
        return ", ".join(pending.values_list("name", flat=True)) or wording.UNKNOWN

    @admin.display(description="Until")
    def waits_until(self, run: Run) -> str:
        return wording.moment(run.awaiting_until) if run.awaiting_until else "somebody decides"

    @admin.display(description="Server tools")
    def tools_offered(self, run: Run) -> str:
        return ", ".join(run.tool_names) or "none"

    @admin.display(description="Client tools")
    def tools_of_client(self, run: Run) -> str:
        return ", ".join(str(tool.get("name")) for tool in run.client_tools) or "none"

    @admin.display(description="Budget")
    def may_use(self, run: Run) -> str:
        return ", ".join(f"{value} {name}" for name, value in run.budget.items()) or "no limit"

    @admin.display(description="Driven before this segment")
    def driven(self, run: Run) -> str:
        return wording.duration(timedelta(seconds=run.active_seconds))

    @admin.display(description="Asked for")
    def cancel_requested(self, run: Run) -> str:
        return wording.moment(run.cancel_requested_at)

    @admin.display(description="Taking effect")
    def how_to_cancel(self, run: Run) -> str:
        return run.cancel_mode or wording.UNKNOWN

    @admin.display(description="Stream")
    def stream(self, run: Run) -> str:
        return "cut by the cancel" if run.stream_was_cancelled else "not cut"

    @admin.display(description="Upstream closed after")
    def upstream_closed(self, run: Run) -> str:
        return wording.milliseconds(run.upstream_closed_ms)

    @admin.display(description="Promised to be alive until")
    def lease(self, run: Run) -> str:
        return wording.moment(run.lease_until)

    @admin.display(description="")
    def said(self, run: Run) -> SafeString:
        return transcript.render(run)
