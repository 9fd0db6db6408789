"""Tools over HTTP: the tools that a user may use, and the choice of a conversation."""

import json
from http import HTTPStatus
from uuid import UUID

from django.contrib.auth.models import User
from django.http import HttpRequest, JsonResponse

from runs.http.json_api import api, error, not_found
from runs.models import Conversation
from runs.toolbox import usable


@api("GET")
def tools(request: HttpRequest, user: User) -> JsonResponse:
    """List the tools that the user may offer to models."""
    return JsonResponse(
        {
            "tools": [
                {
                    "name": tool.name,
                    "description": tool.description,
                    "requires_approval": tool.requires_approval,
                    "source": tool.source,
                }
                for tool in usable(user.pk).values()
            ]
        }
    )


@api("PUT")
def conversation_tools(request: HttpRequest, user: User, conversation_id: UUID) -> JsonResponse:
    """Choose which tools the conversation's runs may use from now on."""
    own = Conversation.objects.filter(owner=user, id=conversation_id)
    if not own.exists():
        return not_found()
    names = _names(request.body)
    if names is None:
        return error(HTTPStatus.BAD_REQUEST, "bad_request", 'Send {"tools": […]} with names of tools.')
    known = usable(user.pk)
    if unknown := [name for name in names if name not in known]:
        return error(HTTPStatus.NOT_FOUND, "not_found", f"There is no tool {unknown[0]}.")
    own.update(tools=names)
    return JsonResponse({"tools": names})


def _names(body: bytes) -> list[str] | None:
    """Return the names in a request's body without repetition; ``None`` for any other body."""
    try:
        sent = json.loads(body)
    except (ValueError, RecursionError):
        return None
    names = sent.get("tools") if isinstance(sent, dict) and sent.keys() == {"tools"} else None
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        return None
    return list(dict.fromkeys(names))
