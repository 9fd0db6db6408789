"""Files over HTTP: upload, read, delete."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from http import HTTPStatus
from uuid import UUID

from django.contrib.auth.models import User
from django.core.handlers.asgi import ASGIRequest
from django.db.models import Q, QuerySet
from django.db.models.fields.files import FieldFile
from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseBase, JsonResponse

from runs.http import wav
from runs.http.json_api import api, error, not_found
from runs.models import Conversation, File, Share
from runs.store import files

#: Bytes of a file that are read at once.
_PIECE = 256 * 1024


@api("POST")
def upload(request: HttpRequest, user: User) -> JsonResponse:
    """Store the file in the form field ``file``. Return the id that a ``start`` frame can name."""
    sent = request.FILES.get("file")
    if sent is None:
        return error(HTTPStatus.BAD_REQUEST, "bad_request", "Send one file as the form field file.")
    try:
        file = files.store(user.id, sent, name=sent.name or "")
    except files.NoRoom as refused:
        return error(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too_large", str(refused))
    except files.FileRefused as refused:
        return error(HTTPStatus.UNPROCESSABLE_ENTITY, "unsupported", str(refused))
    about = {"id": file.id, "name": file.name, "mime_type": file.mime_type, "size": file.size}
    return JsonResponse(about, status=HTTPStatus.CREATED)


@api("GET", "DELETE")
def file(request: HttpRequest, user: User, file_id: UUID) -> HttpResponseBase:
    """Return a file that the user may see, or delete one of theirs. Conversations that named a deleted file say so.

    With ``?as=wav``, samples of sound are returned as a WAVE file.
    """
    found = File.objects.filter(id=file_id, owner=user).first()
    if found is not None and request.method == "DELETE":
        found.delete()
        return HttpResponse(status=HTTPStatus.NO_CONTENT)
    if found is None and request.method != "DELETE":
        shared = Share.valid().filter(user=user).values("conversation")
        found = shown_in(Conversation.objects.filter(pk__in=shared)).filter(id=file_id).first()
    return not_found() if found is None else send(request, found)


def shown_in(conversations: QuerySet[Conversation] | Sequence[Conversation]) -> QuerySet[File]:
    """Return the files that these conversations show: uploads in their messages, and what their runs have made."""
    shown = Q(conversations__in=conversations) | Q(run__conversation__in=conversations)
    return File.objects.filter(shown).distinct()


def send(request: HttpRequest, found: File) -> HttpResponseBase:
    """Return the content of a file."""
    if request.GET.get("as") == "wav" and wav.is_raw(found.mime_type):
        with found.content.open() as samples:
            playable = wav.header(found.mime_type, found.size) + samples.read()
        return HttpResponse(playable, content_type="audio/wav")
    is_picture = found.mime_type.startswith("image/")
    content = found.content.open()
    response = FileResponse(
        content, as_attachment=not is_picture, filename=found.name, content_type=found.mime_type
    )
    if isinstance(request, ASGIRequest):
        # What comes from a store elsewhere does not tell its length by itself.
        response.headers["Content-Length"] = str(found.size)
        # Django would read the whole file into memory, and then wait for the client.
        response.streaming_content = _pieces(content)
    return response


async def _pieces(content: FieldFile) -> AsyncIterator[bytes]:
    while piece := await asyncio.to_thread(content.read, _PIECE):
        yield piece
