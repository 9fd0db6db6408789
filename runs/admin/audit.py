"""The admin page of the audit log. Nobody changes it here, not even a superuser."""

from django.contrib import admin
from unfold.admin import ModelAdmin

from providers.admin.lookups import NoSecretLookups
from runs.admin import wording
from runs.admin.readonly import ReadOnly
from runs.models import AuditEntry


@admin.register(AuditEntry)
class AuditEntryAdmin(NoSecretLookups, ReadOnly, ModelAdmin):
    """All entries, newest first."""

    list_display = ("when", "who", "address", "action", "target", "target_id", "summary")
    list_filter = ("action", "target", "at")
    search_fields = ("actor_name", "address", "target_id", "summary")
    search_help_text = "Name, address, id or words"
    date_hierarchy = "at"
    show_full_result_count = False
    fields = ("when", "who", "address", "action", "target", "target_id", "summary")
    readonly_fields = fields

    @admin.display(description="When", ordering="at")
    def when(self, entry: AuditEntry) -> str:
        return wording.moment(entry.at)

    @admin.display(description="Who", ordering="actor_name")
    def who(self, entry: AuditEntry) -> str:
        return entry.actor_name or "a command, or the server"
