"""How much a client may send, how long it may take, and how many connections there may be."""

import resource
from dataclasses import dataclass

from django.conf import settings

#: Bytes of a request's body, unless it is the upload of a signed-in user.
BODY_BYTES = 1024 * 1024
#: Bytes that a form adds to the file that is uploaded in it.
FORM_BYTES = 64 * 1024
#: Bytes of a WebSocket's frame.
FRAME_BYTES = 1024 * 1024
#: Connections that wait in the kernel until they are accepted. Whoever finds no place there tries again after a second.
BACKLOG = 1024
#: The most descriptors that the process asks for. Nothing here needs more.
_DESCRIPTORS = 65_536
#: Descriptors that no connection of a client takes: for the database, providers, files.
_RESERVED = 256


@dataclass(frozen=True, kw_only=True, slots=True)
class Bounds:
    """The limits of one server."""

    #: Connections at the same time, in all and of one address without its WebSockets.
    connections: int
    per_address: int
    #: No connection gets a descriptor with a higher number: the others are for the database and for providers.
    last_descriptor: int
    #: Bodies that are in files at the same time, each with a descriptor.
    body_files: int
    #: Seconds for the head of a request, and for each megabyte of a body.
    header_seconds: float
    body_seconds: float
    #: Seconds for which a client may leave an answer unread.
    stalled_seconds: float
    #: Whether a proxy stands in front, so that all connections have its address.
    behind_proxy: bool


class BodyFiles:
    """The bodies of one server that are in files. There are at most so many at the same time."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._open = 0

    def take(self) -> bool:
        """Count one more; return ``False``, and count none, if there are too many."""
        if self._open >= self._most:
            return False
        self._open += 1
        return True

    def give_back(self) -> None:
        """Count one less."""
        self._open -= 1


def from_settings() -> Bounds:
    """Return the bounds of the settings, as far as the process may have descriptors."""
    descriptors = _raise_descriptors()
    reserved = min(_RESERVED, descriptors // 3)
    return Bounds(
        connections=settings.RUNNEL_CONNECTIONS,
        per_address=settings.RUNNEL_CONNECTIONS_PER_ADDRESS,
        last_descriptor=descriptors - reserved,
        body_files=max(1, reserved // 2),
        header_seconds=settings.RUNNEL_HEADER_SECONDS,
        body_seconds=settings.RUNNEL_BODY_SECONDS,
        stalled_seconds=settings.RUNNEL_STALLED_SECONDS,
        behind_proxy=settings.SECURE_PROXY_SSL_HEADER is not None,
    )


def _raise_descriptors() -> int:
    """Raise the soft limit of open descriptors towards the hard one. Return how many there may be."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = _DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, _DESCRIPTORS)
    if soft == resource.RLIM_INFINITY or soft >= most:
        return _DESCRIPTORS if soft == resource.RLIM_INFINITY else soft
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    except (OSError, ValueError):
        return soft
    return most
