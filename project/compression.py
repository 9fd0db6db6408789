"""Compresses pages, JSON and, with ``DEBUG``, static files. Without ``DEBUG`` those are stored compressed."""

from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.middleware.gzip import GZipMiddleware

#: Media types that get smaller. Pictures and sound do not.
_TEXTS = ("text/", "application/json", "application/manifest+json", "application/javascript", "image/svg+xml")


class _OfFiles(GZipMiddleware):
    """Compresses what is the same for everybody, and holds no secret."""

    max_random_bytes = 0


class CompressionMiddleware(GZipMiddleware):
    """Django's middleware for whole responses that are text. Its place is before the static files'.

    Django adds a random number of bytes to each response. That hides the length of a secret in it from an attacker
    who makes a user's browser send requests (BREACH). Pages mask their CSRF token in each response, too.
    """

    def __init__(self, get_response: Any) -> None:
        """Take what answers."""
        super().__init__(get_response)
        self._static = _OfFiles(get_response)

    def process_request(self, request: HttpRequest) -> None:
        """Undo what compression does to an ETag, because the static files compare them literally."""
        if etag := request.META.get("HTTP_IF_NONE_MATCH"):
            request.META["HTTP_IF_NONE_MATCH"] = etag.replace('W/"', '"')

    def process_response(self, request: HttpRequest, response: Any) -> Any:
        """Compress a response, unless it is a part of a file, or no text."""
        is_text = response.headers.get("Content-Type", "").startswith(_TEXTS)
        if not is_text or response.status_code != HTTPStatus.OK:
            return response
        if request.path.startswith(settings.STATIC_URL):
            return self._static.process_response(request, response)
        return super().process_response(request, response)
