"""The service functions: start, cancel and resolve runs. Only they change a run on behalf of a user.

Errors are typed and carry a sentence for the user. Another user's data raises the same error as missing data.
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
