"""The admin page for the traces of provider calls, to find out why a call failed. Read-only."""

from datetime import datetime, timedelta
from typing import Any

from django.contrib import admin
from django.db.models import F, Model, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin
from unfold.utils import display_for_label

from providers.admin import formatting
from providers.admin.lookups import NoSecretLookups
from providers.models import ProviderTrace
from providers.types.trace import TraceStatus

_COLOURS: dict[str, str] = {
    TraceStatus.COMPLETED.value: "success",
    TraceStatus.CANCELLED.value: "warning",
    TraceStatus.FAILED.value: "danger",
}

#: A payload can be megabytes, and the list shows none.
_PAYLOADS = (
    "packed_request",
    "packed_response",
    "unpacked_request",
    "unpacked_response",
    "raw_usage",
    "error",
)


class HTTPStatusFilter(admin.AllValuesFieldListFilter):
    """A filter by HTTP status whose title is spelled right."""

    def __init__(self, *args: Any, **names: Any) -> None:
        super().__init__(*args, **names)
        self.title = "HTTP status"


def _length(begin: datetime, end: datetime | None) -> str:
    if end is None:
        return formatting.UNKNOWN
    took = (end - begin) / timedelta(milliseconds=1)
    return f"{took:,.0f} ms" if took < 10_000 else f"{took / 1000:,.1f} s"


@admin.register(ProviderTrace)
class ProviderTraceAdmin(NoSecretLookups, ModelAdmin):
    """Every call, including failed and cancelled ones."""

    list_display = (
        "started",
        "outcome",
        "models",
        "status_of_http",
        "first_token",
        "duration",
        "run_link",
    )
    list_filter = (
        "status",
        "started_at",
        "provider",
        "wire",
        ("http_status", HTTPStatusFilter),
        "error_code",
    )
    list_per_page = 50
    show_full_result_count = False
    search_fields = ("=run_id", "=step_id", "=upstream_request_id", "model")
    search_help_text = "Run id, step id, the provider's request id, or model"
    date_hierarchy = "started_at"
    empty_value_display = formatting.UNKNOWN
    fieldsets = (
        (
            "The call",
            {
                "fields": (
                    ("status_label", "status_of_http"),
                    ("model_asked", "model_served"),
                    ("wire", "address"),
                    ("upstream_request_id", "raw_stop_reason"),
                    ("run_link", "attempt"),
                )
            },
        ),
        (
            "How long it took",
            {
                "fields": (
                    ("started", "duration"),
                    ("first_byte", "first_token"),
                    ("stream", "upstream_closed"),
                    ("events", "bytes"),
                    ("beside_events",),
                )
            },
        ),
        ("What went wrong", {"fields": ("error_code", "error_json")}),
        ("Request", {"fields": ("request_json",)}),
        ("Response", {"fields": ("response_json",)}),
        ("Usage as it was reported", {"fields": ("usage_json",)}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[ProviderTrace]:
        rows: QuerySet[ProviderTrace] = super().get_queryset(request)
        if request.resolver_match and request.resolver_match.url_name == "providers_providertrace_changelist":
            return rows.defer(*_PAYLOADS)
        return rows

    def get_fieldsets(
        self, request: HttpRequest, obj: ProviderTrace | None = None
    ) -> list[tuple[str, dict[str, Any]]]:
        """Return the fieldsets, without the error if the call had none."""
        failed = obj is not None and bool(obj.error_code or obj.error)
        return [item for item in self.fieldsets if failed or item[0] != "What went wrong"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    @admin.display(description="Status", ordering="status")
    def status_label(self, trace: ProviderTrace) -> SafeString:
        label = display_for_label(trace.status, formatting.UNKNOWN, _COLOURS)
        return format_html('<span class="runnel-status">{}</span>', label)

    @admin.display(description="Status", ordering="status")
    def outcome(self, trace: ProviderTrace) -> SafeString:
        """The status, with the error code below."""
        return format_html('{}<p class="runnel-below">{}</p>', self.status_label(trace), trace.error_code)

    @admin.display(description="HTTP status", ordering="http_status")
    def status_of_http(self, trace: ProviderTrace) -> str:
        return formatting.UNKNOWN if trace.http_status is None else str(trace.http_status)

    @admin.display(description="URL")
    def address(self, trace: ProviderTrace) -> str:
        return trace.url or formatting.UNKNOWN

    @admin.display(description="Started", ordering="started_at")
    def started(self, trace: ProviderTrace) -> str:
        return formatting.moment(trace.started_at)

    @admin.display(description="Model asked for")
    def model_asked(self, trace: ProviderTrace) -> str:
        return f"{trace.provider}/{trace.model}"

    @admin.display(description="Model", ordering="model")
    def models(self, trace: ProviderTrace) -> SafeString:
        """The model in the request; below it the model in the answer, if its name differs."""
        served = "" if trace.model_served == trace.model else trace.model_served
        return format_html('{}<p class="runnel-below">{}</p>', self.model_asked(trace), served)

    @admin.display(description="First byte")
    def first_byte(self, trace: ProviderTrace) -> str:
        return _length(trace.started_at, trace.first_byte_at)

    @admin.display(description="First token", ordering=F("first_token_at") - F("started_at"))
    def first_token(self, trace: ProviderTrace) -> str:
        return _length(trace.started_at, trace.first_token_at)

    @admin.display(description="Duration", ordering=F("ended_at") - F("started_at"))
    def duration(self, trace: ProviderTrace) -> str:
        return _length(trace.started_at, trace.ended_at)

    @admin.display(description="Stream")
    def stream(self, trace: ProviderTrace) -> str:
        return "cut by a cancel" if trace.stream_was_cancelled else "not cut"

    @admin.display(description="Closed after the cancel")
    def upstream_closed(self, trace: ProviderTrace) -> str:
        return (
            formatting.UNKNOWN if trace.upstream_closed_ms is None else f"{trace.upstream_closed_ms:.1f} ms"
        )

    @admin.display(description="Beside plain events")
    def beside_events(self, trace: ProviderTrace) -> str:
        return ", ".join(trace.oddities) or "nothing"

    @admin.display(description="Run")
    def run_link(self, trace: ProviderTrace) -> SafeString:
        # The run may be gone: a trace outlives it. The admin then says so.
        address = reverse("admin:runs_run_change", args=[trace.run_id])
        return format_html('<a class="runnel-link" href="{}">{}</a>', address, f"…{str(trace.run_id)[-8:]}")

    @admin.display(description="")
    def error_json(self, trace: ProviderTrace) -> SafeString:
        return formatting.readable(trace.error)

    @admin.display(description="")
    def request_json(self, trace: ProviderTrace) -> SafeString:
        return formatting.readable(trace.request)

    @admin.display(description="")
    def response_json(self, trace: ProviderTrace) -> SafeString:
        return formatting.readable(trace.response)

    @admin.display(description="")
    def usage_json(self, trace: ProviderTrace) -> SafeString:
        return formatting.readable(trace.raw_usage)
