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
from runs.services.lookup import (
    Place,
    Position,
    locate_conversation,
    locate_run,
    run_to_be_cancelled,
    run_under_way_with,
)
from runs.services.new_run import Started, StartRequest
from runs.services.queue_changes import (
    edit_queued,
    move_queued,
    pause_queue,
    remove_queued,
    resume_queue,
    send_queued,
)
from runs.services.resolving import resolve
from runs.services.sharing import Onlooker
from runs.services.showing import outline, outline_of, show
from runs.services.starting import start
from runs.services.steering import Steered, steer

__all__ = [
    "Changes",
    "Onlooker",
    "Place",
    "Position",
    "StartRequest",
    "Started",
    "Steered",
    "cancel",
    "cancel_from_thread",
    "cancel_shared",
    "change_conversation",
    "delete_conversation",
    "edit_queued",
    "locate_conversation",
    "locate_run",
    "move_queued",
    "outline",
    "outline_of",
    "pause_queue",
    "remove_queued",
    "rename_folder",
    "resolve",
    "restore_conversation",
    "resume_queue",
    "run_to_be_cancelled",
    "run_under_way_with",
    "send_queued",
    "show",
    "start",
    "steer",
]
