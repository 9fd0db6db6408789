"""Which scope of an API token each frame and each HTTP address needs. The only place where that is said."""

from collections.abc import Set as AbstractSet

from runs.errors import Forbidden
from runs.models.token import Scope

#: The scopes of a browser session: all that its user may do.
ALL = frozenset(scope.value for scope in Scope)

#: Of somebody with a share link: to look. Beside it, to stop an answer, if the owner lets them.
LOOK = "look"
STOP = "stop"
OF_LINKS = frozenset({LOOK})
#: The client frames that somebody with a link may send. All others are refused, also those that need no scope.
_FRAMES_OF_LINKS = frozenset({"subscribe", "unsubscribe", "ack", "ping"})

#: By a client frame's type; a type that is not here needs no scope.
_OF_FRAMES = {
    "start": Scope.RUN,
    "cancel": Scope.RUN,
    "resolve": Scope.APPROVE,
    "show": Scope.RUN,
    "steer": Scope.RUN,
    "queue_edit": Scope.RUN,
    "queue_move": Scope.RUN,
    "queue_remove": Scope.RUN,
    "queue_send": Scope.RUN,
    "queue_pause": Scope.RUN,
    "queue_resume": Scope.RUN,
    "subscribe": Scope.READ,
    "unsubscribe": Scope.READ,
}
#: Methods of HTTP that only read.
_READING = frozenset({"GET", "HEAD", "OPTIONS"})


def check_frame(scopes: AbstractSet[str], frame_type: str) -> None:
    """Check that a client frame of this type may be executed.

    Raises:
        Forbidden: the scope is missing.
    """
    if LOOK in scopes:
        if frame_type in _FRAMES_OF_LINKS or (frame_type == "cancel" and STOP in scopes):
            return
        raise Forbidden("Whoever has a link may read along, and nothing else.")
    if (needed := _OF_FRAMES.get(frame_type)) is not None:
        _check(scopes, needed)


def check_method(scopes: AbstractSet[str], method: str | None, changing: Scope | None = None) -> None:
    """Check that an HTTP request with this method may be answered.

    Args:
        scopes: what the token has.
        method: the request's method.
        changing: the scope for a method that changes something; ``None`` for the usual one.

    Raises:
        Forbidden: the scope is missing.
    """
    _check(scopes, Scope.READ if method in _READING else changing or Scope.RUN)


def _check(scopes: AbstractSet[str], needed: Scope) -> None:
    if needed not in scopes and Scope.ADMIN not in scopes:
        raise Forbidden(
            f"This API token may not do that: it lacks the scope {needed.value}. Make one that has it."
        )
