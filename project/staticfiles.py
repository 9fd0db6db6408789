"""The addresses of static files, with which browsers keep them until they change."""

import asyncio
import hashlib
import re
import time
from collections.abc import Callable, Iterator
from functools import cache
from importlib.metadata import version
from inspect import iscoroutinefunction
from pathlib import Path
from typing import Any, override

from django.conf import settings
from django.contrib.staticfiles.storage import StaticFilesStorage
from django.http import HttpRequest
from django.utils.decorators import sync_and_async_middleware
from servestatic.middleware import ServeStaticMiddleware
from servestatic.storage import CompressedManifestStaticFilesStorage

#: What browsers are told of a file that never changes under its address.
_FOR_EVER = "max-age=31536000, public, immutable"
#: The part of an address that holds the version of all files.
_VERSION = re.compile(r"v-([0-9a-f]{12})/")
#: The files of which a page loads many.
_VERSIONED = (".js", ".mjs", ".css")
#: Seconds after which the files are looked at again.
_LOOK_EVERY = 1.0


class HashedStaticFilesStorage(CompressedManifestStaticFilesStorage):
    """Without ``DEBUG``: puts a content hash into names, also in imports of ES modules, so that caches never mix versions."""

    support_js_module_import_aggregation = True


class StaticFilesMiddleware(ServeStaticMiddleware):
    """Serves also what another version of Runnel has collected into the same folder.

    While servers are upgraded one after the other, a page of the new version may ask an old server for its files, and a page that
    was opened before asks a new server for old ones. Their names have hashes, so that all of them may stay.
    """

    @override
    async def __call__(self, request: HttpRequest) -> Any:
        path = request.path_info
        if path.startswith(self.static_prefix) and path not in self.files and not self.autorefresh:
            found = await asyncio.to_thread(self.find_file, path)
            if found is not None:
                self.files[path] = found
        return await super().__call__(request)


class VersionedStaticFilesStorage(StaticFilesStorage):
    """With ``DEBUG``: puts the version of all files before the names of scripts and styles.

    What these import stands under the same version, because they name it by its place beside them.
    """

    def url(self, name: str | None, force: bool = False) -> str:
        """Return the address of a file. ``force`` is Django's, and means nothing here."""
        address = super().url(name)
        if not address.endswith(_VERSIONED) or not address.startswith(settings.STATIC_URL):
            return address
        return f"{settings.STATIC_URL}v-{current()}/{address.removeprefix(settings.STATIC_URL)}"


class _Look:
    """When the files were looked at last, as ``time.monotonic`` tells it, and what their version was."""

    at = -_LOOK_EVERY
    version = ""


def current() -> str:
    """Return the version of all static files: another one after any of ours, or a package with some, has changed."""
    if time.monotonic() - _Look.at >= _LOOK_EVERY:
        _Look.version = hashlib.sha256(repr([_packages(), *_files()]).encode()).hexdigest()[:12]
        _Look.at = time.monotonic()
    return _Look.version


@cache
def _packages() -> list[str]:
    return [version(name) for name in ("django", "django-unfold")]


def _files() -> Iterator[tuple[str, int, int]]:
    for folder in settings.STATICFILES_DIRS:
        for path in sorted(Path(folder).rglob("*")):
            told = path.stat()
            yield str(path), told.st_mtime_ns, told.st_size


@sync_and_async_middleware
def serve_versions(get_response: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Any]:
    """Find a file whose address has a version. Its place is before the middleware that serves static files."""

    def asked(request: HttpRequest) -> str | None:
        prefix = settings.STATIC_URL
        found = (
            _VERSION.match(request.path_info, len(prefix)) if request.path_info.startswith(prefix) else None
        )
        if found is None:
            return None
        request.path = request.path_info = prefix + request.path_info[found.end() :]
        return found[1]

    def kept(response: Any, asked_version: str | None) -> Any:
        # Under an old version a page may find newer files, which nobody keeps then.
        if asked_version is not None and response.status_code in {200, 304} and asked_version == current():
            response.headers["Cache-Control"] = _FOR_EVER
            # Nobody asks whether it has changed.
            for name in ("ETag", "Last-Modified"):
                response.headers.pop(name, None)
        return response

    async def async_middleware(request: HttpRequest) -> Any:
        asked_version = asked(request)
        return kept(await get_response(request), asked_version)

    def middleware(request: HttpRequest) -> Any:
        asked_version = asked(request)
        return kept(get_response(request), asked_version)

    return async_middleware if iscoroutinefunction(get_response) else middleware
