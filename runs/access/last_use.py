"""When API tokens were last used: collected in memory, and stored at most once a minute for each token.

A request or a handshake only notes the token. ``runs.access.rights`` stores the notes, so that no request waits for
the database's writer.
"""

import threading
import time
from collections.abc import Iterable

from django.utils import timezone

from runs.models import ApiToken

#: Seconds between two writes of one token.
_PAUSE = 60.0

_noted: set[int] = set()
#: ``time.monotonic()`` of the last write, by token.
_stored: dict[int, float] = {}
_lock = threading.Lock()


def note(token_id: int) -> None:
    """Note that a token is being used. Costs no query."""
    with _lock:
        _noted.add(token_id)


def store(also: Iterable[int] = ()) -> None:
    """Store the noted uses, in one query, without tokens that were stored less than a minute ago.

    Args:
        also: tokens that are in use now, such as those of open sockets.
    """
    now = time.monotonic()
    with _lock:
        used = _noted.union(also)
        _noted.clear()
        for token_id in [token_id for token_id, at in _stored.items() if at <= now - _PAUSE]:
            del _stored[token_id]
        due = used - _stored.keys()
        _stored.update(dict.fromkeys(due, now))
        _noted.update(used - due)
    if due:
        ApiToken.objects.filter(pk__in=due).update(last_used_at=timezone.now())
