"""Bodies of requests: where they are while they arrive, and how the application gets them.

uvicorn and granian call the application at the end of a head, and hand it the body as it comes. ``read_bodies`` reads it
first, within bounds: else a slow sender would keep a turn of ``project.turns``, a stranger could send without end, and
Django would not read a form that does not tell its length. Under ``manage.py serve`` with Daphne the connection does the
same, and sooner (``channel``).
"""

import asyncio
import contextlib
import functools
import tempfile
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import quote

from project.application import Application
from project.server import admission, bounds
from project.server.bounds import BODY_BYTES, BodyFiles
from runs.http import upload_admission
from runs.http.upload_admission import Refusal

#: Bytes of a body that the application gets at once.
_PIECE = 64 * 1024
#: Bytes of a body that stay in memory. A longer one goes into a file, which takes a descriptor.
IN_MEMORY = 32 * 1024
#: The member of a scope which says that the server itself has read the body.
IS_READ = "runnel.body_is_read"

type Receive = Callable[[], Awaitable[Any]]


def new_file() -> Any:
    """Return a file for a body. What is short stays in memory."""
    return tempfile.SpooledTemporaryFile(max_size=IN_MEMORY)


def receive_from(file: Any, receive: Receive) -> Receive:
    """Return a ``receive`` that gives a body from its file, piece by piece, and afterwards what ``receive`` gives."""
    is_whole = False

    async def receive_piece() -> Any:
        nonlocal is_whole
        if is_whole or file.closed:
            message = await receive()
            # Daphne's own message about the body says that it is empty.
            return message if message["type"] != "http.request" else await receive()
        piece = file.read(_PIECE)
        is_whole = len(piece) < _PIECE
        return {"type": "http.request", "body": piece, "more_body": not is_whole}

    return receive_piece


def read_bodies(application: Application) -> Application:
    """Return ``application``, which is called when a request's body is there, and not at all if it is refused."""

    async def wrapped(scope: Any, receive: Any, send: Any) -> None:
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        # Over HTTP/2 a body need not be announced.
        has_body = "transfer-encoding" in headers or headers.get("content-length", "0") != "0"
        has_body |= scope.get("http_version") == "2" and "content-length" not in headers
        if IS_READ in scope or not has_body:
            await application(scope, receive, send)
            return
        body, limit = _Body(), BODY_BYTES
        try:
            if {"transfer-encoding", "content-length"} <= headers.keys():
                # A proxy in front may have believed the other one.
                raise _Refused(admission.UNCLEAR)
            limit = await _limit(scope, headers)
            await body.read(limit, headers, receive)
            whole = scope | {"headers": _with_length(scope["headers"], body.size)}
            await application(whole, receive_from(body.file, receive), send)
        except _Refused as refused:
            await _refuse(refused.refusal, limit, receive, send)
        except _Disconnected:
            return
        finally:
            body.close()

    return wrapped


class _Refused(Exception):  # noqa: N818 - it names what happened
    """A body is not read to its end."""

    def __init__(self, refusal: Refusal) -> None:
        self.refusal = refusal


class _Disconnected(Exception):  # noqa: N818 - it names what happened
    """The sender is gone before the end of the body."""


class _Body:
    """One body, while it arrives and until it was answered."""

    def __init__(self) -> None:
        self.file = new_file()
        self.size = 0
        self._is_in_file = False

    async def read(self, limit: int, headers: dict[str, str], receive: Receive) -> None:
        """Read a body of at most ``limit`` bytes.

        Raises:
            _Refused: it is too long, it takes too long, or there is no room for it.
            _Disconnected: its sender is gone.
        """
        expected = int(headers.get("content-length", limit))
        if expected > limit:
            raise _Refused(admission.too_long(limit))
        try:
            async with asyncio.timeout(admission.seconds_for(expected, _bounds().body_seconds)):
                is_whole = False
                while not is_whole:
                    message = await receive()
                    if message["type"] != "http.request":
                        raise _Disconnected
                    self._add(message.get("body", b""), limit)
                    is_whole = not message.get("more_body", False)
        except TimeoutError:
            raise _Refused(admission.TOO_SLOW) from None
        self.file.seek(0)

    def _add(self, piece: bytes, limit: int) -> None:
        self.size += len(piece)
        if self.size > limit:
            raise _Refused(admission.too_long(limit))
        if self.size > IN_MEMORY and not self._is_in_file:
            if not _body_files().take():
                raise _Refused(admission.TOO_MANY)
            self._is_in_file = True
        self.file.write(piece)

    def close(self) -> None:
        """Free the memory, or the descriptor."""
        self.file.close()
        if self._is_in_file:
            self._is_in_file = False
            _body_files().give_back()


@functools.cache
def _bounds() -> bounds.Bounds:
    return bounds.from_settings()


@functools.cache
def _body_files() -> BodyFiles:
    return BodyFiles(_bounds().body_files)


async def _limit(scope: Any, headers: dict[str, str]) -> int:
    """Return how many bytes the body of a request may have.

    Raises:
        _Refused: an upload's sender may send nothing.
    """
    target = scope.get("raw_path") or quote(scope["path"]).encode()
    upload = upload_admission.upload_of(scope["method"].encode(), target)
    if upload is None:
        return BODY_BYTES
    size = int(headers["content-length"]) if "content-length" in headers else None
    client = scope.get("client")
    most = await admission.most_of_upload(upload, headers, size, client[0] if client else None)
    if isinstance(most, Refusal):
        raise _Refused(most)
    return most


def _with_length(headers: Any, size: int) -> list[tuple[bytes, bytes]]:
    """Return a request's headers as if it had told the length of its body."""
    kept = [(name, value) for name, value in headers if name not in {b"content-length", b"transfer-encoding"}]
    return [*kept, (b"content-length", str(size).encode())]


async def _refuse(refusal: Refusal, limit: int, receive: Receive, send: Any) -> None:
    """Answer, and read on for a while: whoever is still sending would be reset before reading the answer."""
    headers, content = admission.answer(refusal)
    raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": refusal.status, "headers": raw})
    await send({"type": "http.response.body", "body": content, "more_body": True})
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(admission.linger_seconds(refusal, limit)):
            while (await receive()).get("more_body", False):
                pass
    await send({"type": "http.response.body"})
