"""Reaches into h11: hands out all HTTP chunks of one read as one piece, and sees what follows an answer.

Servers send each token in a chunk of its own. When tokens come in bursts, taking the chunks one by one through h11,
httpcore2 and httpx2 costs more than everything else that happens to a token.
"""

import re
from typing import Any

import h11
import httpx2
from h11._readers import ChunkedReader

#: From httpx2's response to h11's connection. None of these is public, so any of them may be missing.
_WAY = ("stream", "_stream", "_httpcore_stream", "_stream", "_connection", "_h11_state")

#: The end of a chunk and the head of the next. Any other head, such as one with an extension, is h11's own task.
_BETWEEN = re.compile(rb"\r\n([0-9A-Fa-f]{1,8})\r\n")

#: States of a connection whose request is answered, and which waits for the next one.
_AT_REST = (h11.DONE, h11.IDLE)


def join(response: httpx2.Response) -> bool:
    """Join the chunks of ``response``, whose body has not been read yet. Return whether that is possible.

    If it is not, because the body is no chunked one or the libraries have changed, the body is read as usual.
    """
    connection = _h11_of(response)
    if type(getattr(connection, "_reader", None)) is not ChunkedReader:
        return False
    connection._reader = _JoiningReader()
    return True


def has_more(response: httpx2.Response) -> bool:
    """Return whether bytes have come behind the end of the body: the next call must not take them for its answer."""
    connection = _h11_of(response)
    return connection is not None and connection.our_state in _AT_REST and bool(connection.trailing_data[0])


def _h11_of(response: httpx2.Response) -> Any:
    """Return h11's connection, ``None`` if it is not where it was."""
    found: Any = response
    for name in _WAY:
        found = getattr(found, name, None)
    return found


class _JoiningReader(ChunkedReader):
    """h11's reader of a chunked body, which returns whole chunks that have come together as one."""

    def __call__(self, buf: Any) -> Any:
        event = super().__call__(buf)
        if not isinstance(event, h11.Data) or self._bytes_in_chunk:
            return event
        # A whole chunk, whose line end comes next.
        unread, position = buf._data, 0
        pieces = [event.data]
        while head := _BETWEEN.match(unread, position):
            start, size = head.end(), int(head[1], 16)
            if not size or start + size > len(unread):
                break
            position = start + size
            pieces.append(unread[start:position])
        if not position:
            return event
        buf._extract(position)
        return h11.Data(data=b"".join(pieces))
