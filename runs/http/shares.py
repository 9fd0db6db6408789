"""Shares over HTTP: the owner makes, lists, changes and revokes them."""

from http import HTTPStatus
from uuid import UUID

from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.urls import reverse

from runs import errors
from runs.http.json_api import api, error, not_found, sent_object
from runs.services import sharing


@api("GET", "POST", "DELETE")
def shares(request: HttpRequest, user: User, conversation_id: UUID) -> HttpResponseBase:
    """List the shares of a conversation, or make one: ``{"username"?: …, "may_stop"?: …}``; without a name a link.

    ``DELETE`` takes a conversation of somebody else out of the list of the user with whom it is shared.
    """
    try:
        if request.method == "GET":
            return JsonResponse(
                {"shares": [share.shown() for share in sharing.shares(user, conversation_id)]}
            )
        if request.method == "DELETE":
            sharing.leave(user, conversation_id)
            return HttpResponse(status=HTTPStatus.NO_CONTENT)
        return _make(request, user, conversation_id)
    except errors.NotFound:
        return not_found()
    except errors.BadChange as refusal:
        return error(HTTPStatus.BAD_REQUEST, refusal.code, refusal.message)


def _make(request: HttpRequest, user: User, conversation_id: UUID) -> HttpResponseBase:
    sharing.shares(user, conversation_id)
    sent = sent_object(request, {"username": str, "may_stop": bool})
    if sent is None:
        message = 'Send {"username": …, "may_stop": …}; leave the name out for a link.'
        return error(HTTPStatus.BAD_REQUEST, "bad_request", message)
    may_stop = sent.get("may_stop", False)
    if (username := sent.get("username")) is not None:
        share = sharing.share_with(user, conversation_id, username=username, may_stop=may_stop)
        return JsonResponse(share.shown(), status=HTTPStatus.CREATED)
    share, secret = sharing.share_by_link(user, conversation_id, may_stop=may_stop)
    address = request.build_absolute_uri(reverse("shared", args=[secret]))
    return JsonResponse(share.shown() | {"url": address}, status=HTTPStatus.CREATED)


@api("PATCH", "DELETE")
def share(request: HttpRequest, user: User, share_id: int) -> HttpResponseBase:
    """Change a share with ``{"may_stop": …}``, or revoke it."""
    try:
        if request.method == "DELETE":
            sharing.revoke(user, share_id)
            return HttpResponse(status=HTTPStatus.NO_CONTENT)
        sent = sent_object(request, {"may_stop": bool})
        may_stop = bool(sent and sent.get("may_stop"))
        changed = sharing.change_share(user, share_id, may_stop=may_stop)
    except errors.NotFound:
        return not_found()
    return JsonResponse(changed.shown())
