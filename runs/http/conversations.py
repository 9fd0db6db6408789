"""Conversations over HTTP: list, search, read, change, delete; and cancelling a run.

Responses about another user's data and about missing data are identical. Views change runs only through
``runs.services``.
"""

from contextlib import suppress
from http import HTTPStatus
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.utils import timezone

from providers.text.cleaning import clean
from providers.types.usage import COUNTS, ESTIMATES
from providers.usage import unpriced
from runs import errors, services
from runs.http import run_pages
from runs.http.figures import conversation_cost, figures, seconds_between
from runs.http.json_api import api, error, not_found, sent_object
from runs.models import Conversation, Message, Run, Share, ToolCall
from runs.models.tool_call import ToolCallStatus
from runs.retention import daily
from runs.services import own_ids, sharing
from runs.store import listing
from runs.store.branches import Tree
from runs.store.listing import Wanted

#: Conversations on one page of the list.
PAGE_SIZE = listing.PAGE_SIZE
#: Characters of a search; the rest is ignored.
LONGEST_SEARCH = 500


def _own(user: Any) -> Any:
    return Conversation.objects.filter(owner=user)


@api("GET")
def conversations(request: HttpRequest, user: User) -> JsonResponse:
    """List the user's conversations, newest first. ``before`` is the cursor from the previous page.

    ``q`` searches in titles and in what was said; ``folder`` chooses one folder, empty those without one; ``archived``
    chooses what was put away. The first page of the plain list also names the folders and what is pinned.
    """
    asked = request.GET
    wanted = Wanted(
        text=clean(asked.get("q", "")[:LONGEST_SEARCH]),
        folder=None if (named := asked.get("folder")) is None else clean(named),
        is_archived=asked.get("archived") in {"1", "true"},
    )
    cursor = asked.get("before")
    try:
        place = run_pages.place(cursor) if cursor else None
        page, before = listing.page(user.pk, wanted, after=place)
    except (ValueError, OverflowError):
        return error(HTTPStatus.BAD_REQUEST, "bad_request", "That is no place in the list.")
    shelf = {}
    if wanted == Wanted() and place is None:
        shelf = {
            "pinned": list(map(listing.shown, listing.pinned(user.pk))),
            "folders": listing.folders(user.pk),
            "shared": list(map(listing.shown, listing.shared_with(user.pk))),
        }
    return JsonResponse({"conversations": list(map(listing.shown, page)), "before": before} | shelf)


@api("PATCH")
def folder(request: HttpRequest, user: User) -> JsonResponse:
    """Rename a folder: ``{"name": …, "new_name": …}``. An empty ``new_name`` takes all conversations out of it."""
    sent = sent_object(request, {"name": str, "new_name": str})
    if sent is None or sent.keys() != {"name", "new_name"}:
        return error(HTTPStatus.BAD_REQUEST, "bad_request", 'Send {"name": …, "new_name": …}, both text.')
    try:
        return JsonResponse({"conversations": services.rename_folder(user, sent["name"], sent["new_name"])})
    except errors.BadChange as refusal:
        return error(HTTPStatus.BAD_REQUEST, refusal.code, refusal.message)


@api("GET", "PATCH", "DELETE")
def conversation(request: HttpRequest, user: User, conversation_id: UUID) -> HttpResponseBase:
    """Return the newest runs of a conversation's shown branch with their messages, change its place in the list, or delete it.

    ``before`` is the cursor from the previous page, for older runs. ``branch`` is the last run of another branch.
    ``run``, once or several times, asks for runs by their ids instead.
    """
    if request.method == "DELETE":
        return _delete(user, conversation_id)
    if request.method == "PATCH":
        return _change(request, user, conversation_id)
    found = sharing.readable(user).select_related("owner").filter(id=conversation_id).first()
    if found is None:
        return not_found()
    is_own = found.owner_id == user.pk
    share = None if is_own else sharing.share_for(sharing.Onlooker(user_id=user.pk), conversation_id)
    return read(request, found, share=share) if is_own or share is not None else not_found()


def read(request: HttpRequest, found: Conversation, *, share: Share | None) -> HttpResponseBase:
    """Return runs of a conversation as the request asks. Through a ``share``, less is told than to the owner."""
    try:
        named = request.GET.get("branch")
        branch = Tree(found).branch(UUID(named) if named else None)
        page = run_pages.read(
            found,
            branch,
            before=request.GET.get("before"),
            only=request.GET.getlist("run"),
            show_run=_run,
            show_message=_message,
        )
    except (ValueError, OverflowError):
        return error(HTTPStatus.BAD_REQUEST, "bad_request", "That is no place in the conversation.")
    about = {name: getattr(found, name) for name in ("id", "title", "updated_at")}
    if share is None:
        about |= services.outline_of(found, branch, is_whole=True)
        about |= {"pinned": found.is_pinned, "archived": found.is_archived, "folder": found.folder}
        about |= {"tools": found.tools, "settings": found.settings} | conversation_cost(found)
    else:
        # What waits to be said is the owner's.
        about |= services.outline_of(found, branch, with_queue=False)
        about["shared"] = {"owner": found.owner.get_username(), "may_stop": share.may_stop}
    text = page.json(about)
    return HttpResponse(text, content_type="application/json")


#: What a change of a conversation may name, with its type and the name that the services have for it.
_CHANGES = {
    "title": (str, "title"),
    "pinned": (bool, "is_pinned"),
    "archived": (bool, "is_archived"),
    "folder": (str, "folder"),
    "seen": (bool, "is_seen"),
}


def _change(request: HttpRequest, user: User, conversation_id: UUID) -> HttpResponseBase:
    if not _own(user).filter(id=conversation_id).exists():
        return not_found()
    sent = sent_object(request, {name: kind for name, (kind, _) in _CHANGES.items()})
    if not sent:
        message = f"Send an object with some of {', '.join(_CHANGES)}."
        return error(HTTPStatus.BAD_REQUEST, "bad_request", message)
    named = {_CHANGES[name][1]: value for name, value in sent.items()}
    try:
        services.change_conversation(user, conversation_id, services.Changes(**named))
    except errors.NotFound:
        return not_found()
    except errors.BadChange as refusal:
        return error(HTTPStatus.BAD_REQUEST, refusal.code, refusal.message)
    entry = next(iter(listing.of_ids([conversation_id])), None)
    return not_found() if entry is None else JsonResponse(listing.shown(entry))


@api("POST")
def restore(request: HttpRequest, user: User, conversation_id: UUID) -> HttpResponseBase:
    """Undo the deletion of a conversation, as long as ``RUNNEL_UNDO_SECONDS`` allow it."""
    try:
        services.restore_conversation(user, conversation_id)
    except errors.NotFound:
        return not_found()
    return HttpResponse(status=HTTPStatus.NO_CONTENT)


def _delete(user: User, conversation_id: UUID) -> HttpResponseBase:
    try:
        services.delete_conversation(user, conversation_id)
        # A little later than the last moment at which it could be undone.
        daily.empty_soon(after=settings.RUNNEL_UNDO_SECONDS * 1.02)
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
            return JsonResponse(
                {"state": services.cancel_from_thread(user.pk, own_id, name=user.get_username())}
            )
    return not_found()


def _message(message: Message) -> dict[str, Any]:
    return {
        "id": message.id,
        "role": message.role,
        "run_id": message.run.shown_id,
        "parent_id": message.parent_id,
        "created_at": message.created_at,
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
        "cancelled_by_name",
        "stream_was_cancelled",
        "left_out_of",
        "parent_id",
        "begins",
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
    goes_on = call.status == ToolCallStatus.RUNNING
    told = {
        "decided_by": username,
        "seconds": seconds_between(call.started_at, call.finished_at),
        "running_seconds": seconds_between(call.started_at, timezone.now()) if goes_on else None,
    }
    return {name: getattr(call, name) for name in names} | told
