"""Conversations as files over HTTP: export as Markdown or JSON, import of the JSON."""

import json
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
    try:
        imported = portable.read(json.loads(body), user)
    except portable.NotPortable as refusal:
        return error(HTTPStatus.BAD_REQUEST, "bad_request", str(refusal))
    except (ValueError, RecursionError):
        return error(HTTPStatus.BAD_REQUEST, "bad_request", "This file is not JSON.")
    conversation = importing.store(imported)
    answer = {"id": conversation.pk, "title": conversation.title}
    return JsonResponse(answer, status=HTTPStatus.CREATED)


def _runs(conversation: Conversation) -> Iterator[Run]:
    messages = Prefetch(
        "messages", Message.objects.order_by("position").defer("native", "origin", "folded_text")
    )
    runs = conversation.runs.filter(queue_place=None).order_by("created_at", "id").prefetch_related(messages)
    return runs.iterator(chunk_size=_TOGETHER)
