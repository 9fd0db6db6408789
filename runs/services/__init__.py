"""The service functions: start, cancel and resolve runs. Only they change a run on behalf of a user.

Errors are typed and carry a sentence for the user. Another user's data raises the same error as missing data.
"""

from runs.services.cancelling import cancel, cancel_from_thread, cancel_shared
from runs.services.conversations import (
    Changes,
    change_conversation,
    delete_conversation,
    rename_folder,
    restore_conversation,
)
from runs.services.lookup import Place, Position, locate_conversation, locate_run
from runs.services.new_run import Started, StartRequest
from runs.services.resolving import resolve
from runs.services.sharing import Onlooker
from runs.services.showing import outline, outline_of, show
from runs.services.starting import paused_run_to_cancel, start

__all__ = [
    "Changes",
    "Onlooker",
    "Place",
    "Position",
    "StartRequest",
    "Started",
    "cancel",
    "cancel_from_thread",
    "cancel_shared",
    "change_conversation",
    "delete_conversation",
    "locate_conversation",
    "locate_run",
    "outline",
    "outline_of",
    "paused_run_to_cancel",
    "rename_folder",
    "resolve",
    "restore_conversation",
    "show",
    "start",
]
