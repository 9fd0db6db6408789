"""The admin page of standing decisions, to list and revoke them. Users make them on their page."""

from django.contrib import admin
from django.http import HttpRequest
from unfold.admin import ModelAdmin

from providers.admin.lookups import NoSecretLookups
from runs.admin import wording
from runs.models import StandingDecision


@admin.register(StandingDecision)
class StandingDecisionAdmin(NoSecretLookups, ModelAdmin):
    """All standing decisions. Deleting one revokes it."""

    list_display = ("pattern", "verdict", "owner", "where", "created", "last_used")
    list_select_related = ("owner",)
    list_filter = ("verdict", "created_at", "last_used_at")
    search_fields = ("pattern", "owner__username")
    search_help_text = "Pattern or owner"
    fields = ("pattern", "verdict", "owner", "where", "names", "created", "last_used")
    readonly_fields = fields

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: StandingDecision | None = None) -> bool:
        return False

    @admin.display(description="Where")
    def where(self, decision: StandingDecision) -> str:
        return f"conversation {decision.conversation_id}" if decision.conversation_id else "all conversations"

    @admin.display(description="Allowed tools, as they were")
    def names(self, decision: StandingDecision) -> str:
        return ", ".join(sorted(decision.tools)) or wording.UNKNOWN

    @admin.display(description="Made", ordering="created_at")
    def created(self, decision: StandingDecision) -> str:
        return wording.moment(decision.created_at)

    @admin.display(description="Last used", ordering="last_used_at")
    def last_used(self, decision: StandingDecision) -> str:
        return "never" if decision.last_used_at is None else wording.moment(decision.last_used_at)
