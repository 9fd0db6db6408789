"""The account page: how pages look, and the browsers in which the user is signed in. Only a browser session opens it."""

import json
import re
from http import HTTPStatus
from typing import Any

from django import forms
from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from runs.access import browser_sessions
from runs.http.json_api import api, error
from runs.models import BrowserSession, Preferences
from runs.models.preferences import DATE_LOCALES

#: Names of browsers and systems, by what stands in the header ``User-Agent``; the first that is found counts.
_BROWSERS = {
    "Edg/": "Edge",
    "OPR/": "Opera",
    "Firefox/": "Firefox",
    "FxiOS/": "Firefox",
    "CriOS/": "Chrome",
    "Chromium/": "Chromium",
    "Chrome/": "Chrome",
    "Safari/": "Safari",
}
_SYSTEMS = {
    "Android": "Android",
    "iPhone": "iPhone",
    "iPad": "iPad",
    "CrOS": "ChromeOS",
    "Windows": "Windows",
    "Mac OS X": "macOS",
    "Linux": "Linux",
}


class PreferencesForm(forms.ModelForm):  # type: ignore[type-arg]  # only the stubs are generic
    """How pages look for the user."""

    date_locale = forms.ChoiceField(
        label="Language of dates", choices=list(DATE_LOCALES.items()), required=False
    )

    class Meta:
        model = Preferences
        fields = ("theme", "date_locale")
        widgets = {"theme": forms.RadioSelect}
        labels = {"theme": "Colours"}


@api("GET", "PUT")
def preferences(request: HttpRequest, user: User) -> JsonResponse:
    """Return how pages look for the user; PUT changes what is sent of it."""
    own = Preferences.objects.filter(pk=user.pk).first() or Preferences(user=user)
    known = {"theme": own.theme, "date_locale": own.date_locale}
    if request.method == "PUT":
        try:
            sent = json.loads(request.body)
        except (ValueError, RecursionError):
            sent = None
        form = PreferencesForm(known | sent, instance=own) if _is_about(sent, known) else None
        if form is None or not form.is_valid():
            return error(
                HTTPStatus.BAD_REQUEST, "bad_request", 'Send {"theme": …, "date_locale": …}, or one of them.'
            )
        form.save()
        known = form.cleaned_data
    return JsonResponse(known)


def _is_about(sent: Any, known: dict[str, str]) -> bool:
    return (
        isinstance(sent, dict)
        and sent.keys() <= known.keys()
        and all(isinstance(value, str) for value in sent.values())
    )


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def account(request: HttpRequest) -> HttpResponse:
    """Show the account; POST stores the preferences."""
    user: Any = request.user
    own = Preferences.objects.filter(pk=user.pk).first() or Preferences(user=user)
    form = PreferencesForm(request.POST or None, instance=own)
    if request.method == "POST" and form.is_valid():
        form.save()
        return HttpResponseRedirect(f"{reverse('account')}?saved")
    browser_sessions.note(request)
    sessions = [
        (row, name_of(row), row.session_key == request.session.session_key)
        for row in browser_sessions.of(user)
    ]
    return render(
        request,
        "account/account.html",
        {"form": form, "sessions": sessions, "saved": "saved" in request.GET},
    )


def name_of(session: BrowserSession) -> str:
    """Return what a browser calls itself, in a few words."""
    browser = next((name for mark, name in _BROWSERS.items() if mark in session.agent), "")
    system = next((name for mark, name in _SYSTEMS.items() if mark in session.agent), "")
    if browser or system:
        return f"{browser or 'A browser'} on {system}" if system else browser
    first = re.match(r"[A-Za-z0-9._-]{1,40}", session.agent)
    return first[0] if first else "An unknown program"


@never_cache
@login_required
@require_POST
def end_session(request: HttpRequest, session_id: int) -> HttpResponse:
    """End one of the user's sessions. Another user's looks absent."""
    if not browser_sessions.end(request.user, session_id):
        return render(request, "404.html", status=HTTPStatus.NOT_FOUND)
    return HttpResponseRedirect(reverse("account"))


@never_cache
@login_required
@require_POST
def end_other_sessions(request: HttpRequest) -> HttpResponse:
    """End all of the user's sessions but this one."""
    browser_sessions.end_others(request.user, request.session.session_key)
    return HttpResponseRedirect(reverse("account"))
