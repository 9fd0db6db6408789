"""Standing decisions over HTTP: list, make, revoke."""

import json
from http import HTTPStatus
from typing import Any
from uuid import UUID

from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse

from runs import errors
from runs.calls.standing import may_allow
from runs.http.json_api import api, error, not_found
from runs.models.standing_decision import Verdict
from runs.models.token import Scope
from runs.services import standing

_FIELDS = frozenset({"verdict", "pattern", "conversation_id"})
_WRONG = 'Send {"verdict": "allow", "ask" or "deny", "pattern": …} and, if it is for one conversation, its "conversation_id".'


@api("GET", "POST", scope=Scope.APPROVE)
def standing_decisions(request: HttpRequest, user: User) -> HttpResponseBase:
    """List the user's standing decisions; POST makes one."""
    if request.method == "POST":
        return _make(user, request.body)
    return JsonResponse({"decisions": standing.shown(user), "may_allow": may_allow(user.pk)})


@api("DELETE", scope=Scope.APPROVE)
def standing_decision(request: HttpRequest, user: User, decision_id: int) -> HttpResponseBase:
    """Revoke one of the user's standing decisions."""
    try:
        standing.revoke(user, decision_id)
    except errors.NotFound:
        return not_found()
    return HttpResponse(status=HTTPStatus.NO_CONTENT)


def _make(user: User, body: bytes) -> HttpResponseBase:
    sent = _sent(body)
    if sent is None:
        return error(HTTPStatus.BAD_REQUEST, "bad_request", _WRONG)
    verdict, pattern, conversation_id = sent
    try:
        made = standing.add(user, verdict, pattern, conversation_id=conversation_id)
    except errors.NotFound:
        return not_found()
    except errors.BadDecision as refusal:
        return error(HTTPStatus.BAD_REQUEST, "bad_request", refusal.message)
    except errors.Unsupported as refusal:
        return error(HTTPStatus.CONFLICT, refusal.code, refusal.message)
    return JsonResponse({"id": made.pk}, status=HTTPStatus.CREATED)


def _sent(body: bytes) -> tuple[Verdict, str, UUID | None] | None:
    """Return what a request's body asks for; ``None`` for any other body."""
    try:
        sent: Any = json.loads(body)
        if not isinstance(sent, dict) or sent.keys() - _FIELDS or not isinstance(sent.get("pattern"), str):
            return None
        given = sent.get("conversation_id")
        return Verdict(sent["verdict"]), sent["pattern"], None if given is None else UUID(given)
    except (ValueError, RecursionError, TypeError, KeyError, AttributeError):
        return None
