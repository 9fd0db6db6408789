"""What waits for the user's decision, in all conversations; and the page on which that and standing decisions are."""

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

from providers.text.hidden import visible
from runs import errors
from runs.calls.standing import may_allow
from runs.engine import waiting
from runs.engine.waiting import WaitingRun
from runs.http.json_api import api
from runs.models.standing_decision import LONGEST_PATTERN, Verdict
from runs.services import standing

#: Runs that are listed at once.
MOST_RUNS = 50
#: Characters of arguments that are listed; longer ones are seen in their conversation.
_LONGEST_ARGUMENTS = 20_000


@api("GET")
def waiting_calls(request: HttpRequest, user: User) -> JsonResponse:
    """Return how many of the user's runs wait for a decision and, unless only that is asked for, what they wait for."""
    count = waiting.count(user.pk)
    if request.GET.get("only") == "count":
        return JsonResponse({"count": count})
    found = waiting.of(user.pk, most=MOST_RUNS) if count else []
    return JsonResponse({"count": count, "runs": list(map(_shown, found))})


def _shown(waiting_run: WaitingRun) -> dict[str, Any]:
    run = waiting_run.row
    for interrupt in waiting_run.interrupts:
        if len(interrupt["metadata"]["arguments"]) > _LONGEST_ARGUMENTS:
            # As in the event: who wants to read them opens the conversation.
            del interrupt["metadata"]["arguments"]
    return {
        "run_id": run.shown_id,
        "conversation_id": run.conversation_id,
        "title": run.conversation.title,
        "model": run.model,
        "since": waiting_run.since,
        "expires_at": run.awaiting_until,
        "last_seq": run.last_seq,
        "interrupts": waiting_run.interrupts,
    }


class StandingForm(forms.Form):
    """A new standing decision for all of the user's conversations."""

    verdict = forms.ChoiceField(label="Decision", choices=Verdict.choices, initial=Verdict.ASK)
    pattern = forms.CharField(
        label="Tools",
        max_length=LONGEST_PATTERN,
        widget=forms.TextInput(attrs={"spellcheck": "false", "autocapitalize": "off", "autocomplete": "off"}),
    )

    def __init__(self, data: Any, *, is_allowing: bool) -> None:
        """Take what was sent, ``None`` for nothing, and whether calls may be allowed beforehand."""
        super().__init__(data)
        if not is_allowing:
            field: Any = self.fields["verdict"]
            field.choices = [choice for choice in Verdict.choices if choice[0] != Verdict.ALLOW]


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def page(request: HttpRequest) -> HttpResponse:
    """Show what waits and the standing decisions; POST makes one."""
    user: Any = request.user
    is_allowing = may_allow(user.pk)
    form = StandingForm(request.POST or None, is_allowing=is_allowing)
    if request.method == "POST" and form.is_valid():
        try:
            standing.add(user, Verdict(form.cleaned_data["verdict"]), form.cleaned_data["pattern"])
            return HttpResponseRedirect(reverse("approvals"))
        except (errors.BadDecision, errors.Unsupported) as refusal:
            form.add_error("pattern", refusal.message)
    return render(
        request,
        "account/approvals.html",
        {
            "form": form,
            "decisions": [
                {**each, "conversation_title": visible(each["conversation_title"] or "")}
                for each in standing.shown(user)
            ],
            "may_allow": is_allowing,
        },
    )


@never_cache
@login_required
@require_POST
def revoke(request: HttpRequest, decision_id: int) -> HttpResponse:
    """Revoke one of the user's standing decisions. Another user's looks absent."""
    try:
        standing.revoke(request.user, decision_id)
    except errors.NotFound:
        return render(request, "404.html", status=HTTPStatus.NOT_FOUND)
    return HttpResponseRedirect(reverse("approvals"))
