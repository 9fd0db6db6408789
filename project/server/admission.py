"""How long a request's body may be, and what its sender is told when it is not read to its end."""

import json
import logging
import math
from collections.abc import Mapping
from http import HTTPStatus

from project.server.bounds import BODY_BYTES, FORM_BYTES
from runs.http import upload_admission
from runs.http.upload_admission import Refusal, Upload

logger = logging.getLogger("runnel.server")

_MEGABYTE = 1024 * 1024
#: Seconds for which a refused body is read on and thrown away, so that its sender reads the answer and is not
#: reset: of a stranger, and of a signed-in user.
_LINGER_SECONDS = 2.0
_LINGER_SECONDS_OF_USER = 30.0

TOO_SLOW = Refusal(
    status=HTTPStatus.REQUEST_TIMEOUT,
    code="timeout",
    message="The request took too long to arrive.",
    of_user=False,
)
TOO_MANY = Refusal(
    status=HTTPStatus.SERVICE_UNAVAILABLE,
    code="busy",
    message="Too many long requests are coming in. Try again in a moment.",
    of_user=False,
    retry_after=5.0,
)
UNCLEAR = Refusal(
    status=HTTPStatus.BAD_REQUEST,
    code="invalid",
    message="A request tells the length of its body in one way.",
    of_user=False,
)
_NOT_NOW = Refusal(
    status=HTTPStatus.SERVICE_UNAVAILABLE, code="internal", message="Try again in a moment.", of_user=False
)


def too_long(limit: int) -> Refusal:
    """Return the refusal of a body of more than ``limit`` bytes."""
    return Refusal(
        status=HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        code="too_large",
        message=f"A request may have {max((limit - FORM_BYTES) // _MEGABYTE, 1)} MB here, and no more.",
        of_user=False,
    )


async def most_of_upload(
    upload: Upload, headers: Mapping[str, str], size: int | None, peer: str | None
) -> int | Refusal:
    """Return the bytes that the body of this upload may have, or the refusal. The arguments are those of ``admit``."""
    try:
        admission = await upload_admission.admit(upload, headers, size, peer)
    except Exception:
        logger.exception("an upload's sender could not be looked up")
        return _NOT_NOW
    return admission if isinstance(admission, Refusal) else admission + FORM_BYTES


def seconds_for(size: int, seconds_per_megabyte: float) -> float:
    """Return how long a body of so many bytes may take to arrive."""
    return seconds_per_megabyte * max(1, -(-size // _MEGABYTE))


def answer(refusal: Refusal) -> tuple[dict[str, str], bytes]:
    """Return the headers and the body of the answer to a sender that is refused."""
    body = json.dumps({"code": refusal.code, "message": refusal.message}).encode()
    headers = {
        "Content-Type": "application/json",
        "Content-Length": str(len(body)),
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
        "Connection": "close",
    }
    if refusal.retry_after is not None:
        headers["Retry-After"] = str(math.ceil(refusal.retry_after))
    return headers, body


def linger_seconds(refusal: Refusal, limit: int) -> float:
    """Return for how long the rest of a refused body is read and thrown away. Only users may send more than others."""
    return _LINGER_SECONDS_OF_USER if refusal.of_user or limit > BODY_BYTES else _LINGER_SECONDS
