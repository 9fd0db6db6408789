"""The part of HTTP/1.1 that an emulated provider needs: requests in, chunked responses out.

This module reads from an ``asyncio.StreamReader`` and formats bytes. It depends on no provider and keeps
no connection. Sources: RFC 9110 and RFC 9112.
"""

from asyncio import IncompleteReadError, LimitOverrunError, StreamReader
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import parse_qs, unquote, urlsplit

#: Bytes of a request line with its headers. Real servers allow 8 to 64 KiB.
MAX_HEAD = 64 * 1024
#: Bytes of a body: the largest limit among the providers (Anthropic: 32 MB).
MAX_BODY = 32 * 1024 * 1024

#: Ends a chunked body.
LAST_CHUNK = b"0\r\n\r\n"

#: Statuses that providers use and that no RFC names.
_REASONS = {529: "Overloaded"}


class HttpError(Exception):
    """The bytes are not a valid request. The connection sends an error and closes."""

    def __init__(self, status: int, message: str) -> None:
        """Keep the HTTP status of the error and a sentence for the peer."""
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, kw_only=True, slots=True)
class HttpRequest:
    """One request. Header names are in lower case, the path is unquoted."""

    method: str
    path: str
    query: Mapping[str, list[str]]
    headers: Mapping[str, str]
    body: bytes

    @property
    def wants_close(self) -> bool:
        """Return whether the peer asks to close the connection after the answer."""
        return "close" in self.headers.get("connection", "").lower()


async def read_request(reader: StreamReader) -> HttpRequest | None:
    """Return the next request, or ``None`` if the peer has closed the connection.

    Raises:
        HttpError: the request is malformed, too large, or not HTTP/1.1.
    """
    try:
        head = await reader.readuntil(b"\r\n\r\n")
        method, target, headers = _parse_head(head)
        body = await reader.readexactly(_body_length(headers))
    except (IncompleteReadError, ConnectionError):
        return None
    except LimitOverrunError as error:
        raise HttpError(431, f"The request's head is longer than {MAX_HEAD} bytes.") from error
    try:
        url = urlsplit(target)
    except ValueError as error:
        raise HttpError(400, "The request's target is not a URL.") from error
    return HttpRequest(
        method=method, path=unquote(url.path), query=parse_qs(url.query), headers=headers, body=body
    )


def _parse_head(head: bytes) -> tuple[str, str, dict[str, str]]:
    request_line, *lines = head[:-4].decode("latin-1").split("\r\n")
    match request_line.split(" "):
        case [method, target, "HTTP/1.1"]:
            pass
        case [_, _, version] if version.startswith("HTTP/"):
            raise HttpError(505, "Only HTTP/1.1 is spoken here.")
        case _:
            raise HttpError(400, "The request line is malformed.")
    headers = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or name != name.strip():
            raise HttpError(400, "A header line is malformed.")
        headers[name.lower()] = value.strip()
    return method, target, headers


def _body_length(headers: Mapping[str, str]) -> int:
    if "transfer-encoding" in headers:
        raise HttpError(411, "Send the body with a Content-Length.")
    length = headers.get("content-length", "0")
    if not (length.isascii() and length.isdigit()):
        raise HttpError(400, "The Content-Length is not a number.")
    if int(length) > MAX_BODY:
        raise HttpError(413, f"The body is longer than {MAX_BODY} bytes.")
    return int(length)


def format_head(status: int, headers: Mapping[str, str]) -> bytes:
    """Return the status line and the header block, with the empty line that ends them."""
    reason = _REASONS.get(status)
    if reason is None:
        reason = HTTPStatus(status).phrase if status in HTTPStatus else "Unknown"
    lines = [f"HTTP/1.1 {status} {reason}", *(f"{name}: {value}" for name, value in headers.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def format_chunk(data: bytes) -> bytes:
    """Return ``data``, which must not be empty, as one chunk of a chunked body."""
    return b"%x\r\n%b\r\n" % (len(data), data)
