"""The page on which users make, list and revoke their own API tokens. Only a browser session opens it."""

from datetime import timedelta
from http import HTTPStatus
from typing import Any

from django import forms
from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from providers.text.cleaning import clean
from runs.models import ApiToken
from runs.models.token import USUAL_SCOPES, Scope

#: Tokens that one user may have.
_MOST = 50
_VALIDITY = ((7, "7 days"), (30, "30 days"), (90, "90 days"), (365, "a year"), (0, "no end"))


class TokenForm(forms.Form):
    """What a new token is for, what it may do, and for how long."""

    name = forms.CharField(max_length=100, help_text="What it is for, such as the program that uses it.")
    scopes = forms.MultipleChoiceField(
        label="It may",
        choices=Scope.choices,
        initial=USUAL_SCOPES,
        widget=forms.CheckboxSelectMultiple,
    )
    days = forms.TypedChoiceField(label="It is valid for", choices=_VALIDITY, coerce=int, initial=90)

    def __init__(self, data: object, user: User) -> None:
        """Take what was sent, ``None`` for nothing, and the user who asks."""
        super().__init__(data)  # type: ignore[arg-type]  # request.POST, or None
        self._user = user

    def clean_name(self) -> str:
        """Return the name without characters that no database stores. A page that is sent again makes no second token."""
        name = clean(self.cleaned_data["name"])
        if ApiToken.live().filter(user=self._user, name=name).exists():
            raise forms.ValidationError(
                "You have a token with this name. Revoke it first, or choose another name."
            )
        return name

    def clean(self) -> None:
        """Refuse one token too many, counted without the expired ones."""
        if ApiToken.live().filter(user=self._user).count() >= _MOST:
            raise forms.ValidationError(f"You have {_MOST} tokens. Revoke one that you do not need any more.")

    def issue(self) -> tuple[ApiToken, str]:
        """Store the token; return its row and its text."""
        days = self.cleaned_data["days"]
        return ApiToken.issue(
            self._user,
            self.cleaned_data["name"],
            scopes=self.cleaned_data["scopes"],
            expires_at=timezone.now() + timedelta(days=days) if days else None,
        )


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def tokens(request: HttpRequest) -> HttpResponse:
    """List the user's tokens; POST makes one, and shows its text this one time."""
    user: Any = request.user
    form, made = TokenForm(request.POST or None, user), None
    if request.method == "POST" and form.is_valid():
        _, made = form.issue()
        form = TokenForm(None, user)
    rows = ApiToken.objects.filter(user=user).order_by("-created_at", "-pk")
    return render(request, "account/tokens.html", {"form": form, "made": made, "tokens": rows})


@never_cache
@login_required
@require_POST
def revoke(request: HttpRequest, token_id: int) -> HttpResponse:
    """Revoke one of the user's tokens. Another user's looks absent."""
    user: Any = request.user
    token = ApiToken.objects.filter(user=user, pk=token_id).first()
    if token is None:
        return render(request, "404.html", status=HTTPStatus.NOT_FOUND)
    token.delete()
    return HttpResponseRedirect(reverse("tokens"))
