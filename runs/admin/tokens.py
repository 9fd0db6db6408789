"""The admin page of API tokens, to list and revoke them. ``manage.py api_token`` makes them."""

from django.contrib import admin
from django.http import HttpRequest
from unfold.admin import ModelAdmin

from providers.admin.lookups import NoSecretLookups
from runs.admin import wording
from runs.models import ApiToken


@admin.register(ApiToken)
class ApiTokenAdmin(NoSecretLookups, ModelAdmin):
    """All API tokens. Deleting a token revokes it."""

    list_display = ("label", "number", "user", "may", "created", "expires", "last_used")
    list_select_related = ("user",)
    list_filter = ("created_at", "expires_at", "last_used_at")
    search_fields = ("name", "user__username", "user__email")
    search_help_text = "Name or owner"
    list_before_template = "admin/tokens_note.html"
    fields = ("label", "number", "user", "may", "created", "expires", "last_used")
    readonly_fields = fields

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: ApiToken | None = None) -> bool:
        return False

    @admin.display(description="Token", ordering="name")
    def label(self, token: ApiToken) -> str:
        return str(token)

    @admin.display(description="No.", ordering="pk")
    def number(self, token: ApiToken) -> str:
        """The token's number, to distinguish tokens of one day without names."""
        return f"#{token.pk}"

    @admin.display(description="Scopes", ordering="scopes")
    def may(self, token: ApiToken) -> str:
        return token.scope_list

    @admin.display(description="Created", ordering="created_at")
    def created(self, token: ApiToken) -> str:
        return wording.moment(token.created_at)

    @admin.display(description="Valid until", ordering="expires_at")
    def expires(self, token: ApiToken) -> str:
        return "no end" if token.expires_at is None else wording.moment(token.expires_at)

    @admin.display(description="Last used", ordering="last_used_at")
    def last_used(self, token: ApiToken) -> str:
        return "never" if token.last_used_at is None else wording.moment(token.last_used_at)
