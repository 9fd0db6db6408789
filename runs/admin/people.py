"""The admin pages of users and groups, in the style of the other pages."""

from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group, User
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.admin import ModelAdmin
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from providers.admin.lookups import NoSecretLookups
from runs.admin import deletion
from runs.admin.group_limits import GroupLimitsInline
from runs.models import Conversation

admin.site.unregister(User)
admin.site.unregister(Group)


def _masked(name: Any) -> Any:
    """Return the name of a field, or of several on one line, with the password replaced by its state."""
    if isinstance(name, str):
        return "password_state" if name == "password" else name
    return tuple(map(_masked, name))


@admin.register(User)
class UserAdmin(NoSecretLookups, DjangoUserAdmin, ModelAdmin):  # type: ignore[type-arg]  # only the stubs are generic
    """Users. Deleting a user deletes all of the user's rows, provider traces included."""

    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm

    def get_fieldsets(self, request: HttpRequest, obj: User | None = None) -> Any:
        """Return the fieldsets. Who may only view a user does not see the hash of the password.

        Django masks it with a widget that Unfold does not show on read-only pages.
        """
        fieldsets = super().get_fieldsets(request, obj)
        if obj is None or self.has_change_permission(request, obj):
            return fieldsets
        return [
            (title, {**names, "fields": tuple(_masked(name) for name in names["fields"])})
            for title, names in fieldsets
        ]

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> Any:
        """Return the read-only fields, with the masked password where it replaces the hash."""
        return (*super().get_readonly_fields(request, obj), "password_state")

    @admin.display(description="Password")
    def password_state(self, user: User) -> str:
        return (
            "Set, and shown to nobody."
            if user.has_usable_password()
            else "None: the user cannot sign in with one."
        )

    def get_deleted_objects(
        self, objs: QuerySet[User] | Sequence[Any], request: HttpRequest
    ) -> tuple[list[Any], dict[str, int], set[str], list[Any]]:
        """Count the rows that are deleted with the users; active runs and a missing permission prevent it."""
        conversations = Conversation.all_rows.filter(owner__in=[user.pk for user in objs])
        counted = {"users": len(objs), **deletion.counts(conversations)}
        allowed = request.user.has_perm("runs.delete_conversation")
        missing = set() if allowed else {"conversation"}
        return [str(user) for user in objs], counted, missing, deletion.under_way(conversations)

    def delete_model(self, request: HttpRequest, obj: User) -> None:
        self.delete_queryset(request, User.objects.filter(pk=obj.pk))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        """Delete the users and their provider traces in one transaction."""
        with transaction.atomic():
            deletion.delete_traces(Conversation.all_rows.filter(owner__in=queryset))
            queryset.delete()


@admin.register(Group)
class GroupAdmin(NoSecretLookups, DjangoGroupAdmin, ModelAdmin):
    """Sets of permissions, with limits for their users."""

    inlines = (GroupLimitsInline,)
