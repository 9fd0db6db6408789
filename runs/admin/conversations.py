"""The admin pages of conversations, with their runs and notes. A conversation is deleted as a whole."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.db import transaction
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin, TabularInline

from providers.admin.lookups import NoSecretLookups
from providers.text.hidden import visible
from runs.admin import deletion, wording
from runs.admin.readonly import ReadOnlyInline
from runs.admin.runs import status_label
from runs.admin.usage_columns import ShowsUsage
from runs.models import Conversation, Note, Run


class RunInline(ShowsUsage, ReadOnlyInline, TabularInline):
    """The runs of a conversation, each with a link to its page."""

    model = Run
    fields = ("page", "model", "status_label", "why_it_ended", "input_used", "output_used", "duration")
    readonly_fields = fields
    ordering = ("-created_at",)

    @admin.display(description="Run")
    def page(self, run: Run) -> SafeString:
        address = reverse("admin:runs_run_change", args=[run.pk])
        return format_html('<a class="runnel-link" href="{}">{}</a>', address, wording.moment(run.created_at))

    @admin.display(description="Status")
    def status_label(self, run: Run) -> SafeString:
        return status_label(run)

    @admin.display(description="Stop reason")
    def why_it_ended(self, run: Run) -> str:
        return wording.reason(run.stop_reason)

    @admin.display(description="Duration")
    def duration(self, run: Run) -> str:
        return wording.duration(None if run.duration is None else timedelta(seconds=run.duration))


class NoteInline(ReadOnlyInline, TabularInline):
    """The notes of a conversation."""

    model = Note
    fields = ("said", "written")
    readonly_fields = fields

    @admin.display(description="Text")
    def said(self, note: Note) -> str:
        return visible(note.text)

    @admin.display(description="Written")
    def written(self, note: Note) -> str:
        return wording.moment(note.created_at)


@admin.register(Conversation)
class ConversationAdmin(NoSecretLookups, ModelAdmin):
    """The conversations of all users."""

    list_display = ("name", "owner", "run_count", "updated")
    list_select_related = ("owner",)
    list_filter = ("updated_at",)
    list_per_page = 50
    show_full_result_count = False
    search_fields = ("^id", "title", "owner__username", "owner__email")
    search_help_text = "Title, owner or conversation id"
    date_hierarchy = "updated_at"
    inlines = (RunInline, NoteInline)
    fields = (("shown_title", "owner"), ("created", "updated"), "id")
    readonly_fields = ("id", "shown_title", "owner", "created", "updated")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Conversation]:
        rows: QuerySet[Conversation] = super().get_queryset(request)
        return rows.select_related("owner").annotate(run_total=Count("runs"))

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Conversation | None = None) -> bool:
        return False

    def get_deleted_objects(
        self, objs: QuerySet[Conversation] | Sequence[Any], request: HttpRequest
    ) -> tuple[list[str], dict[str, int], set[str], list[SafeString]]:
        """Count the rows that are deleted with the conversations, instead of loading and listing them all."""
        chosen = Conversation.objects.filter(pk__in=[conversation.pk for conversation in objs])
        names = [str(conversation) for conversation in objs]
        return names, deletion.counts(chosen), set(), deletion.under_way(chosen)

    def delete_model(self, request: HttpRequest, obj: Conversation) -> None:
        self.delete_queryset(request, Conversation.objects.filter(pk=obj.pk))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Conversation]) -> None:
        """Delete the conversations and their provider traces in one transaction."""
        # A new queryset, because a DELETE cannot have the annotations of the list.
        chosen = Conversation.objects.filter(pk__in=list(queryset.values_list("pk", flat=True)))
        with transaction.atomic():
            deletion.delete_traces(chosen)
            chosen.delete()

    @admin.display(description="Conversation", ordering="title")
    def name(self, conversation: Conversation) -> str:
        return str(conversation)

    @admin.display(description="Title")
    def shown_title(self, conversation: Conversation) -> str:
        return visible(conversation.title)

    @admin.display(description="Runs", ordering="run_total")
    def run_count(self, conversation: Conversation) -> int:
        total: int = getattr(conversation, "run_total")  # noqa: B009 - an annotation, unknown to types
        return total

    @admin.display(description="Begun", ordering="created_at")
    def created(self, conversation: Conversation) -> str:
        return wording.moment(conversation.created_at)

    @admin.display(description="Updated", ordering="updated_at")
    def updated(self, conversation: Conversation) -> str:
        return wording.moment(conversation.updated_at)
