"""The chat page, and the pages for signing in and changing a password."""

from http import HTTPStatus
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.contrib.auth.forms import PasswordChangeForm
from django.contrib.auth.views import LoginView, LogoutView, PasswordChangeView
from django.forms import BooleanField
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache

from providers import catalog
from providers.catalog import cache
from runs.calls.standing import may_allow
from runs.models import ApiToken
from runs.services import sharing


@never_cache
@login_required
def app(request: HttpRequest, conversation_id: UUID | None = None) -> HttpResponse:
    """Show the chat page, empty or with one of the user's conversations."""
    if conversation_id and not sharing.readable(request.user).filter(id=conversation_id).exists():
        # Not Http404: with DEBUG on, Django would show the project's URL patterns instead.
        return render(request, "404.html", status=HTTPStatus.NOT_FOUND)
    user: Any = request.user
    cache.refresh_if_due()
    real = [provider for provider in catalog.providers() if provider.slug != "emulator"]
    return render(
        request,
        "app.html",
        {
            "conversation_id": conversation_id,
            "default_model": catalog.default_model(),
            "upload_mb": settings.RUNNEL_UPLOAD_MB,
            "media_mb": settings.RUNNEL_MEDIA_MB,
            "ready": [provider for provider in real if provider.available],
            "has_emulator": settings.RUNNEL_EMULATOR,
            "may_set_up": request.user.has_perm("providers.add_provider"),
            "may_allow": may_allow(user.pk),
        },
    )


@never_cache
@login_required
def keys(request: HttpRequest) -> HttpResponse:
    """List the keys of the chat page."""
    return render(request, "account/keys.html")


class SignIn(LoginView):
    """Ask for name and password. ``next`` may lead only to this host (Django checks that)."""

    template_name = "account/login.html"
    redirect_authenticated_user = True

    def form_invalid(self, form: Any) -> HttpResponse:
        # The name is usually right, and the form does not keep the password: focus the password field.
        form.fields["username"].widget.attrs.pop("autofocus", None)
        form.fields["password"].widget.attrs["autofocus"] = True
        return super().form_invalid(form)


class SignOut(LogoutView):
    """End the session, by POST only. ``runs.access.sign_out`` closes every socket of the session."""


class PasswordForm(PasswordChangeForm):
    """Django's form, and whether the user's API tokens stay valid."""

    keep_tokens = BooleanField(
        required=False,
        label="Keep my API tokens",
        label_suffix="",
        help_text="Without this all of them are revoked: whoever knew the password may have made one.",
    )

    def __init__(self, user: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(user, *args, **kwargs)
        if not ApiToken.objects.filter(user=user).exists():
            del self.fields["keep_tokens"]

    def save(self, commit: bool = True) -> Any:
        """Store the new password. ``runs.access.sign_out`` revokes the tokens unless they are kept."""
        user: Any = self.user
        user.keeps_tokens = bool(self.cleaned_data.get("keep_tokens"))
        return super().save(commit)


class PasswordChange(PasswordChangeView):
    """Change the password. ``runs.access.sign_out`` closes the sockets of sessions with the old password."""

    template_name = "account/password_change.html"
    form_class = PasswordForm
