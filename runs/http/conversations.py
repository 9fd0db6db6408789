"""Conversations over HTTP: list, read, delete; and cancelling a run.

Responses about another user's data and about missing data are identical. Views change runs only through
``runs.services``.
"""

from contextlib import suppress
from http import HTTPStatus
from typing import Any
from uuid import UUID

from django.contrib.auth.models import User
from django.db.models import OuterRef, Q, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse

from providers.types.usage import COUNTS, ESTIMATES
from providers.usage import unpriced
from runs import errors, services
from runs.http import run_pages
from runs.http.figures import conversation_cost, figures, seconds_between
from runs.http.json_api import api, error, not_found
from runs.models import Conversation, Message, Run, ToolCall
from runs.retention import daily
from runs.services import own_ids
from runs.states import ACTIVE

#: Conversations on one page of the list.
PAGE_SIZE = 50


def _own(user: Any) -> Any:
    return Conversation.objects.filter(owner=user)


@api("GET")
def conversations(request: HttpRequest, user: User) -> JsonResponse:
    """List the user's conversations, newest first. ``before`` is the cursor from the previous page."""
    found = _own(user).order_by("-updated_at", "-id")
    if cursor := request.GET.get("before"):
        try:
            updated_at, last_id = run_pages.place(cursor)
        except (ValueError, OverflowError):
            return error(HTTPStatus.BAD_REQUEST, "bad_request", "That is no place in the list.")
        found = found.filter(Q(updated_at__lt=updated_at) | Q(updated_at=updated_at, id__lt=last_id))
    active = Run.objects.filter(conversation=OuterRef("pk"), status__in=ACTIVE)
    found = found.annotate(
        active_run_id=Subquery(active.annotate(shown=Coalesce("chosen_id", "id")).values("shown")[:1]),
        active_run_status=Subquery(active.values("status")[:1]),
    )
    fields = ("id", "title", "updated_at", "active_run_id", "active_run_status")
    page = list(found.values(*fields)[: PAGE_SIZE + 1])
    more, page = len(page) > PAGE_SIZE, page[:PAGE_SIZE]
    before = f"{page[-1]['updated_at'].isoformat()},{page[-1]['id']}" if more else None
    return JsonResponse({"conversations": page, "before": before})


@api("GET", "DELETE")
def conversation(request: HttpRequest, user: User, conversation_id: UUID) -> HttpResponseBase:
    """Return the newest runs of a conversation with their messages, or delete it.

    ``before`` is the cursor from the previous page, for older runs. ``run``, once or several times, asks for runs
    by their ids instead.
    """
    if request.method == "DELETE":
        return _delete(user, conversation_id)
    found = _own(user).filter(id=conversation_id).first()
    if found is None:
        return not_found()
    try:
        page = run_pages.read(
            found,
            before=request.GET.get("before"),
            only=request.GET.getlist("run"),
            show_run=_run,
            show_message=_message,
        )
    except (ValueError, OverflowError):
        return error(HTTPStatus.BAD_REQUEST, "bad_request", "That is no place in the conversation.")
    about = {name: getattr(found, name) for name in ("id", "title", "updated_at", "tools", "settings")}
    text = page.json(about | conversation_cost(found))
    return HttpResponse(text, content_type="application/json")


def _delete(user: User, conversation_id: UUID) -> HttpResponseBase:
    try:
        services.delete_conversation(user, conversation_id)
        daily.empty_soon()
    except errors.NotFound:
        return not_found()
    except errors.ConversationBusy:
        return error(
            HTTPStatus.CONFLICT, "conversation_busy", "An answer is still being written here. Stop it first."
        )
    return HttpResponse(status=HTTPStatus.NO_CONTENT)


@api("POST")
def cancel(request: HttpRequest, user: User, run_id: UUID) -> JsonResponse:
    """Cancel a run. A repeated or late request changes nothing; the response names the state."""
    # Where another user has a run with this id, the user's own is stored under the substitute.
    for own_id in (run_id, own_ids.substitute(user.pk, run_id)):
        with suppress(errors.NotFound):
            return JsonResponse({"state": services.cancel_from_thread(user.pk, own_id)})
    return not_found()


def _message(message: Message) -> dict[str, Any]:
    return {
        "id": message.id,
        "role": message.role,
        "run_id": message.run.shown_id,
        "text": message.text,
        "parts": message.parts,
    }


def _run(run: Run) -> dict[str, Any]:
    names = (
        "status",
        "stop_reason",
        "model",
        "error_code",
        "error_message",
        "cancelled_by",
        "stream_was_cancelled",
        "left_out_of",
        "created_at",
        "started_at",
        "finished_at",
        "last_seq",
    )
    usage = {name: getattr(run, name) for name in (*COUNTS, *ESTIMATES, "usage_source")}
    cost: dict[str, Any] = {
        "cost": None if run.cost is None else float(run.cost),
        "cost_is": run.cost_is or None,
    }
    if run.cost is None:
        cost["cost_missing"] = unpriced.reason(run.usage, run.model.partition("/")[0])
    calls = [_tool_call(call) for call in run.tool_calls.all()]
    return (
        {"id": run.shown_id}
        | {name: getattr(run, name) for name in names}
        | cost
        | figures(run)
        | {"usage": usage, "tool_calls": calls}
    )


def _tool_call(call: ToolCall) -> dict[str, Any]:
    names = (
        "id",
        "call_id",
        "name",
        "arguments",
        "edited_arguments",
        "status",
        "requires_approval",
        "source",
        "decision",
        "standing_decision",
        "reason",
        "result",
        "is_error",
        "files",
    )
    username = call.decided_by.get_username() if call.decided_by else None
    told = {"decided_by": username, "seconds": seconds_between(call.started_at, call.finished_at)}
    return {name: getattr(call, name) for name in names} | told
