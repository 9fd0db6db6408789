"""Pages about errors while DEBUG is on: a friendly one for unknown addresses, and Django's without passwords in addresses.

It masks settings by their names; the address of a database, of Redis or of a provider may hold a password, too,
and so may any local variable on the page.
"""

import re
from collections.abc import Callable
from http import HTTPStatus
from inspect import iscoroutinefunction
from typing import Any, override

from asgiref.sync import sync_to_async
from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.decorators import sync_and_async_middleware
from django.utils.safestring import SafeString, mark_safe
from django.views.debug import ExceptionReporter

#: Name and password in an address; also on their own as HTML shows them.
_CREDENTIALS = re.compile(r"(?<=://)[^\s/?#\"'<>\\]{1,500}@")


#: What Django's own page about an unknown address begins with, which lists the addresses of the project.
_TECHNICAL = b"<title>Page not found at"
#: Bytes of a page in which its title stands.
_HEAD = 1_000


@sync_and_async_middleware
def replace_technical_404(get_response: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Any]:
    """Answer an unknown address in the local mode as in any other. Its place is after the authentication."""

    async def async_middleware(request: HttpRequest) -> Any:
        response = await get_response(request)
        return await sync_to_async(_nothing_here)(request) if _is_technical(response) else response

    def middleware(request: HttpRequest) -> Any:
        response = get_response(request)
        return _nothing_here(request) if _is_technical(response) else response

    return async_middleware if iscoroutinefunction(get_response) else middleware


def _is_technical(response: Any) -> bool:
    return (
        settings.DEBUG
        and response.status_code == HTTPStatus.NOT_FOUND
        and not response.streaming
        and _TECHNICAL in response.content[:_HEAD]
    )


def _nothing_here(request: HttpRequest) -> HttpResponse:
    if request.path_info.startswith("/api/"):
        told = {"code": "not_found", "message": "There is nothing here."}
        return JsonResponse(told, status=HTTPStatus.NOT_FOUND)
    return render(request, "404.html", status=HTTPStatus.NOT_FOUND)


def _without_credentials(page: str) -> SafeString:
    return mark_safe(_CREDENTIALS.sub("…@", page))  # noqa: S308 - Django has escaped it


class Reporter(ExceptionReporter):
    """Writes the page."""

    @override
    def get_traceback_html(self) -> SafeString:
        return _without_credentials(super().get_traceback_html())

    @override
    def get_traceback_text(self) -> SafeString:
        return _without_credentials(super().get_traceback_text())

    @override
    def get_traceback_data(self) -> dict[str, Any]:
        return super().get_traceback_data() | {"settings": {}}
