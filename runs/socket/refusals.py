"""Turns what a command raised into the ``error`` frame that answers it."""

import logging

from django.db import InterfaceError, OperationalError

from providers.catalog import CatalogError
from runs.errors import ServiceError
from runs.socket import server_frames
from runs.socket.frame_parsing import BadFrame

logger = logging.getLogger("runnel.socket")

#: The answer while the database is away, and the seconds after which to ask again.
_NO_DATABASE = (
    "Nothing can be saved at the moment: the database cannot be reached. Try again in a few seconds."
)
_ASK_AGAIN = 2.0

#: The answer to an unexpected error.
_OUR_FAULT = "Something went wrong on our side. Try again."


def answer_to(failure: Exception, *, frame_id: str) -> str:
    """Return the answer to a frame that has failed. An unexpected error is logged with its traceback."""
    match failure:
        case ServiceError() | CatalogError():
            return server_frames.error(
                failure.code,
                failure.message,
                frame_id=frame_id,
                retryable=getattr(failure, "retryable", False),
                limit=getattr(failure, "limit", None),
                retry_after=getattr(failure, "retry_after", None),
            )
        case BadFrame():
            return server_frames.error(failure.code, failure.message, frame_id=frame_id)
        case OperationalError() | InterfaceError():
            logger.warning("a frame could not be carried out", exc_info=failure)
            return server_frames.error(
                "internal", _NO_DATABASE, frame_id=frame_id, retryable=True, retry_after=_ASK_AGAIN
            )
        case _:
            logger.error("a frame failed", exc_info=failure)
            return server_frames.error("internal", _OUR_FAULT, frame_id=frame_id, retryable=True)
