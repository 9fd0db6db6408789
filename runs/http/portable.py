"""Conversations as files over HTTP: export as Markdown or JSON, import of the JSON."""

import json
import threading
from collections.abc import Iterator
from http import HTTPStatus
from uuid import UUID

from django.conf import settings
from django.contrib.auth.models import User
from django.db.models import Prefetch
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.utils.http import content_disposition_header
from django.utils.text import slugify

from runs.http.json_api import api, error, not_found
from runs.models import Conversation, Message, Run
from runs.services import importing
from runs.store import portable

#: Runs that are read at once.
_TOGETHER = 20
#: Commas and brackets of an import: parsing so many values holds the event loop for about 0.15 s.
_MOST_VALUES = 1_000_000
#: A conversation of 20 MB takes some ten times as much memory while it is read, so one is read at a time.
_importing = threading.Lock()
#: Seconds after which an import that was refused for that reason may be sent again.
_AGAIN = 5


@api("GET")
def export(request: HttpRequest, user: User, conversation_id: UUID) -> HttpResponseBase:
    """Return a conversation of the user as a file: ``?format=json`` (which can be imported), or Markdown."""
    conversation = Conversation.objects.filter(owner=user, pk=conversation_id).first()
    if conversation is None:
        return not_found()
    if request.GET.get("format") == "json":
        text = json.dumps(portable.to_json(conversation, _runs(conversation)), ensure_ascii=False, indent=1)
        kind, ending = "application/json", "json"
    else:
        text = "".join(portable.to_markdown(conversation, _runs(conversation)))
        kind, ending = "text/markdown; charset=utf-8", "md"
    name = slugify(conversation.title, allow_unicode=True)[:60] or "conversation"
    disposition = content_disposition_header(as_attachment=True, filename=f"{name}.{ending}")
    return HttpResponse(text, content_type=kind, headers={"Content-Disposition": disposition or "attachment"})


@api("POST")
def import_(request: HttpRequest, user: User) -> HttpResponseBase:
    """Store a conversation that was exported as JSON as a new one of the user. Return its ``id``."""
    most = settings.RUNNEL_IMPORT_MB * 1024 * 1024
    body = request.read(most + 1)
    if len(body) > most:
        message = f"A conversation of more than {settings.RUNNEL_IMPORT_MB} MB cannot be imported."
        return error(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too_large", message)
    if sum(map(body.count, (b",", b"[", b"{"))) > _MOST_VALUES:
        return error(HTTPStatus.BAD_REQUEST, "bad_request", "This conversation is too long to be imported.")
    if not _importing.acquire(blocking=False):
        message = "Another conversation is being imported. Try again in a moment."
        busy = error(HTTPStatus.SERVICE_UNAVAILABLE, "busy", message)
        busy["Retry-After"] = str(_AGAIN)
        return busy
    try:
        conversation = importing.store(portable.read(json.loads(body), user))
    except portable.NotPortable as refusal:
        return error(HTTPStatus.BAD_REQUEST, "bad_request", str(refusal))
    except (ValueError, RecursionError):
        return error(HTTPStatus.BAD_REQUEST, "bad_request", "This file is not JSON.")
    finally:
        _importing.release()
    answer = {"id": conversation.pk, "title": conversation.title}
    return JsonResponse(answer, status=HTTPStatus.CREATED)


def _runs(conversation: Conversation) -> Iterator[Run]:
    messages = Prefetch(
        "messages", Message.objects.order_by("position").defer("native", "origin", "folded_text")
    )
    runs = conversation.runs.filter(queue_place=None).order_by("created_at", "id").prefetch_related(messages)
    return runs.iterator(chunk_size=_TOGETHER)
