"""Words errors of MCP servers for models and admins, and says what is known about a call that failed.

A call that was not sent had no effect. After it was sent, its effect is known only if the server answered. The
sentences contain no keys, and of a response's body only the server's own words for what went wrong, without secrets.
"""

from collections.abc import Iterator
from http import HTTPStatus

import httpx2

from providers.security.addresses import AddressRefused
from providers.security.redaction import redact_text
from providers.text.cleaning import clean
from runs.toolbox.mcp.messages import NO_SESSION, words_in
from runs.toolbox.mcp.target import McpEndpoint
from runs.toolbox.mcp.trouble import ABOUT, Kind, Trouble

#: Characters of a server's own error message that are repeated.
_LONGEST_QUOTE = 500

#: The library's own code for a lost connection; servers use it for errors of their own, too.
_CONNECTION_CLOSED = -32000
_PARSE_ERROR = -32700
#: How the library's own messages with ``_CONNECTION_CLOSED`` begin.
_ITS_OWN = ("Connection closed", "SSE stream ")

#: Statuses of a session that the server has forgotten.
_GONE = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.GONE})

_NOT_KNOWN = "Whether the call took effect is not known."
_NOT_SENT = "The call was not sent."


def no_answer(target: McpEndpoint) -> str:
    """Return the sentence for a server that did not answer within the time limit for connecting."""
    return f"The MCP server {target.name} did not answer within {target.timeout:g} seconds."


def ends_session(error: BaseException) -> bool:
    """Return whether the session cannot be used after ``error``: the connection failed, not one request."""
    return not isinstance(getattr(error, "code", None), int)


def is_expired(error: BaseException) -> bool:
    """Return whether the server no longer knows the session, so that it has not executed the call."""
    trouble = _trouble(error)
    if trouble is not None and trouble.kind is Kind.EXPIRED:
        return True
    if trouble is None or trouble.kind is not Kind.STATUS or not trouble.in_session:
        return False
    message = getattr(error, "message", "")
    is_unknown = trouble.status in _GONE and not message
    return is_unknown or NO_SESSION.search(message or trouble.said) is not None


def sentence(target: McpEndpoint, error: BaseException, *, was_sent: bool = False) -> str:
    """Return a sentence about ``error``, which the library raised.

    Args:
        target: the server.
        error: the exception.
        was_sent: whether it is about a call that was sent; what is not known of its effect is said then.
    """
    about = f"The MCP server {target.name}"
    unknown = f" {_NOT_KNOWN}" if was_sent else ""
    leaves = list(_leaves(error))
    # The first error of a group counts: the others follow from it.
    for leaf in leaves:
        match leaf:
            case httpx2.ConnectError(__cause__=AddressRefused() as refusal):
                return f"{about} may not be called. {refusal.message}"
            case FileNotFoundError() | PermissionError() | NotADirectoryError():
                return f"{about} cannot be started: {leaf.strerror or 'no such program'}."
            case httpx2.ConnectError() | httpx2.ConnectTimeout() | httpx2.PoolTimeout():
                return f"{about} cannot be reached."
            case httpx2.TimeoutException() | TimeoutError():
                return f"{about} did not answer in time.{unknown}"
            case httpx2.TransportError() | OSError():
                return (
                    f"{about} broke the connection off.{unknown}"
                    if was_sent
                    else f"{about} cannot be reached."
                )
    for leaf in leaves:
        if (said := _of_request(about, leaf, was_sent=was_sent)) is not None:
            return said
    return f"{about} did not keep to the protocol ({type(leaves[0]).__name__}).{unknown}"


def _of_request(about: str, error: BaseException, *, was_sent: bool) -> str | None:
    """Return a sentence about one failed request; ``None`` if ``error`` is something else."""
    code, message = getattr(error, "code", None), getattr(error, "message", None)
    if not isinstance(code, int) or not isinstance(message, str):
        return None
    unknown = f" {_NOT_KNOWN}" if was_sent else ""
    if (trouble := _trouble(error)) is not None:
        return _of_trouble(about, trouble, message, unknown)
    if code == _CONNECTION_CLOSED and message.startswith(_ITS_OWN):
        return f"{about} has ended the connection.{unknown}"
    if code == _PARSE_ERROR:
        return f"{about} answered in a form that cannot be read.{unknown}"
    more = words_in(getattr(getattr(error, "error", None), "data", None))
    return f"{about} refused: {_quoted(message if more in message else f'{message}: {more}')}"


def _of_trouble(about: str, trouble: Trouble, message: str, unknown: str) -> str:
    match trouble.kind:
        case Kind.UNREACHED:
            return f"{about} cannot be reached. {_NOT_SENT}"
        case Kind.LOST:
            return f"{about} broke the connection off.{unknown}"
        case Kind.UNANSWERED:
            return f"{about} took the request and promised no answer (HTTP status 202).{unknown}"
        case Kind.WRONG_TYPE:
            return f"{about} answered with {trouble.detail[:80]} instead of JSON.{unknown}"
        case Kind.UNREADABLE:
            return f"{about} answered in a form that cannot be read.{unknown}"
        case Kind.TOO_LONG:
            return (
                f"{about} answered with more than {trouble.detail}, which is not read. Ask for less.{unknown}"
            )
        case Kind.EXPIRED:
            return f"{about} refused: {_quoted(message)}"
        case Kind.STATUS if message:
            return f"{about} refused with HTTP status {trouble.status}: {_quoted(message)}"
        case Kind.STATUS:
            # A server's own fault says nothing about what happened before; a client's fault is a refusal.
            effect = unknown if trouble.status >= HTTPStatus.INTERNAL_SERVER_ERROR else ""
            pause = trouble.detail[:40]
            wait = f" It asks to wait {pause} s." if pause.isdigit() else f" It asks to wait until {pause}."
            said = f": {_quoted(trouble.said)}" if trouble.said else "."
            return f"{about} answered with HTTP status {trouble.status}{said}{wait if pause else ''}{effect}"


def _trouble(error: BaseException) -> Trouble | None:
    data = getattr(getattr(error, "error", None), "data", None)
    return Trouble.of(data.get(ABOUT)) if isinstance(data, dict) else None


def _leaves(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from _leaves(inner)
    else:
        yield error


def _quoted(text: str) -> str:
    text = " ".join(clean(redact_text(text)).split())
    return text if len(text) <= _LONGEST_QUOTE else f"{text[:_LONGEST_QUOTE]}…"
