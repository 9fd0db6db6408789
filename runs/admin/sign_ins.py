"""The admin page of failed sign-ins. Deleting the rows of a user or an address ends the lock."""

from axes.models import AccessAttempt
from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest
from unfold.admin import ModelAdmin

from runs.admin import wording


@admin.register(AccessAttempt)
class FailedSignInAdmin(ModelAdmin):
    """Failed sign-ins by user name and address; nothing can be changed, but deleted."""

    list_display = ("username", "ip_address", "failures_since_start", "last", "until")
    list_filter = ("attempt_time",)
    search_fields = ("username", "ip_address")
    search_help_text = "User name or address"
    list_before_template = "admin/sign_ins_note.html"
    fields = ("username", "ip_address", "failures_since_start", "last", "until", "user_agent")
    readonly_fields = fields

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: AccessAttempt | None = None) -> bool:
        return False

    @admin.display(description="Last", ordering="attempt_time")
    def last(self, attempt: AccessAttempt) -> str:
        return wording.moment(attempt.attempt_time)

    @admin.display(description="Counts until")
    def until(self, attempt: AccessAttempt) -> str:
        return wording.moment(attempt.attempt_time + settings.AXES_COOLOFF_TIME)
