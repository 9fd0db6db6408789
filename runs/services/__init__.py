"""The only doors through which a run changes: start, cancel, resolve; and what belongs to them.

Callers (a socket, a view, the admin) get a typed error with a sentence for the user. What belongs to
somebody else raises the same error as what does not exist.
"""

from runs.services.cancelling import cancel, cancel_from_thread
from runs.services.conversations import delete_conversation
from runs.services.lookup import Position, locate_conversation, locate_run
from runs.services.new_run import Started, StartRequest
from runs.services.resolving import resolve
from runs.services.starting import paused_run_to_cancel, start

__all__ = [
    "Position",
    "StartRequest",
    "Started",
    "cancel",
    "cancel_from_thread",
    "delete_conversation",
    "locate_conversation",
    "locate_run",
    "paused_run_to_cancel",
    "resolve",
    "start",
]
