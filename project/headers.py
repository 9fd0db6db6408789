"""Headers of every response, and hosts that are refused before anything else looks at the request."""

from collections.abc import Callable
from http import HTTPStatus
from inspect import iscoroutinefunction
from typing import Any

from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponse
from django.utils.decorators import sync_and_async_middleware

#: What browsers may not do for our pages: none of them needs it.
_REFUSED = (
    *("accelerometer", "camera", "display-capture", "geolocation", "gyroscope", "hid", "magnetometer"),
    *("microphone", "midi", "payment", "publickey-credentials-get", "serial", "usb", "xr-spatial-tracking"),
)
#: The media types of what cannot be shown as a page that may do something.
_NO_PAGES = ("text/javascript", "text/css", "font/")
#: What browsers heed for pages only.
_OF_PAGES = ("Permissions-Policy", "Cross-Origin-Opener-Policy")
HEADERS = {
    "Permissions-Policy": ", ".join(f"{name}=()" for name in _REFUSED),
    # Other sites may not show our pictures, scripts or files.
    "Cross-Origin-Resource-Policy": "same-origin",
}


@sync_and_async_middleware
def add_headers(get_response: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Any]:
    """Add ``HEADERS`` to each response, and refuse hosts that are none of ours. Its place is before all others."""

    async def async_middleware(request: HttpRequest) -> Any:
        return _with_headers(_foreign_host(request) or await get_response(request))

    def middleware(request: HttpRequest) -> Any:
        return _with_headers(_foreign_host(request) or get_response(request))

    return async_middleware if iscoroutinefunction(get_response) else middleware


def _with_headers(response: Any) -> Any:
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    if response.headers.get("Content-Type", "").startswith(_NO_PAGES):
        # A script or a style sheet is no page, and a page loads a hundred of them.
        for name in _OF_PAGES:
            response.headers.pop(name, None)
    return response


def _foreign_host(request: HttpRequest) -> HttpResponse | None:
    """Return the answer to a request for a foreign host.

    Django's own shows all settings while DEBUG is on, to any page whose name an attacker points to this machine.
    """
    try:
        request.get_host()
    except DisallowedHost:
        return HttpResponse(
            "This server does not answer to that name. ALLOWED_HOSTS has the names that it answers to.\n",
            status=HTTPStatus.BAD_REQUEST,
            content_type="text/plain; charset=utf-8",
            headers={"Content-Security-Policy": "default-src 'none'", "X-Content-Type-Options": "nosniff"},
        )
    return None
