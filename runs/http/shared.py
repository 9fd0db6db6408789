"""What somebody with a share link sees: the page, its JSON and its files. Nothing here needs a sign-in.

A link that was revoked, and one that never was, get the same answers.
"""

import functools
from collections.abc import Callable
from http import HTTPStatus
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from runs.http import conversations, files
from runs.http.json_api import not_found
from runs.models import Share

#: No search engine keeps the page, and no other site learns its address.
HEADERS = {"X-Robots-Tag": "noindex, nofollow, noarchive", "Referrer-Policy": "no-referrer"}

type _View = Callable[..., HttpResponseBase]


def _by_link(missing: Callable[[HttpRequest], HttpResponseBase]) -> Callable[[_View], _View]:
    """Return a decorator that looks up the share of a link for a view; ``missing`` answers without one.

    The view takes the request, the share, and the other parameters of the address by their names.
    """

    def decorate(view: _View) -> _View:
        @never_cache
        @require_safe
        @functools.wraps(view)
        def respond(request: HttpRequest, secret: str, **named: Any) -> HttpResponseBase:
            share = Share.of_link(secret)
            response = missing(request) if share is None else view(request, share, **named)
            for name, value in HEADERS.items():
                response.headers[name] = value
            return response

        return respond

    return decorate


def _no_page(request: HttpRequest) -> HttpResponse:
    return render(request, "404.html", status=HTTPStatus.NOT_FOUND)


@_by_link(_no_page)
def page(request: HttpRequest, share: Share) -> HttpResponseBase:
    """Show the conversation of a link to whoever has it."""
    return render(request, "shared.html", {"share": share})


@_by_link(lambda _: not_found())
def conversation(request: HttpRequest, share: Share) -> HttpResponseBase:
    """Return the newest runs of the conversation, as its owner gets them."""
    return conversations.read(request, share.conversation, share=share)


@_by_link(lambda _: not_found())
def file(request: HttpRequest, share: Share, file_id: UUID) -> HttpResponseBase:
    """Return a file that the conversation shows."""
    found = files.shown_in([share.conversation]).filter(id=file_id).first()
    return not_found() if found is None else files.send(request, found)
