"""What went wrong with an MCP server, in a sentence that a model or an admin can act on. Never a key, never a body."""

from collections.abc import Iterator

import httpx2

from providers.security.addresses import AddressRefused
from providers.security.redaction import redact_text
from providers.text import clean
from runs.toolbox.mcp.target import McpEndpoint

#: Characters of what a server itself says that are passed on.
_LONGEST_QUOTE = 500

#: JSON-RPC's code for arguments that the server does not take, or a tool that it does not have.
_INVALID_PARAMS = -32602
#: The library's own code for a connection that is gone.
_CONNECTION_CLOSED = -32000


def silent(target: McpEndpoint) -> str:
    """Say that the server did not answer when it was started or first spoken to."""
    return f"The MCP server {target.name} did not answer within {target.patience:g} seconds."


def is_about_the_call(error: BaseException) -> bool:
    """Whether ``error`` says something of the call alone, and nothing against the session."""
    return getattr(error, "code", None) == _INVALID_PARAMS


def sentence(target: McpEndpoint, error: BaseException) -> str:
    """Return what ``error``, which the library raised, means."""
    about = f"The MCP server {target.name}"
    leaves = list(_leaves(error))
    # Of several the one that was there first: the others follow from it.
    for leaf in leaves:
        match leaf:
            case httpx2.ConnectError(__cause__=AddressRefused() as refusal):
                return f"{about} may not be called. {refusal.message}"
            case FileNotFoundError() | PermissionError() | NotADirectoryError():
                return f"{about} cannot be started: {leaf.strerror or 'no such program'}."
            case httpx2.HTTPStatusError():
                return f"{about} answered with HTTP status {leaf.response.status_code}."
            case httpx2.TimeoutException() | TimeoutError():
                return f"{about} did not answer in time."
            case httpx2.TransportError() | OSError():
                return f"{about} cannot be reached."
    for leaf in leaves:
        code, message = getattr(leaf, "code", None), getattr(leaf, "message", None)
        if code == _CONNECTION_CLOSED:
            return f"{about} has ended the connection. Whether the call took effect is not known."
        if isinstance(code, int) and isinstance(message, str):
            return f"{about} refused: {_quoted(message)}"
    return f"{about} did not keep to the protocol ({type(leaves[0]).__name__})."


def _leaves(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from _leaves(inner)
    else:
        yield error


def _quoted(text: str) -> str:
    text = " ".join(clean(redact_text(text)).split())
    return text if len(text) <= _LONGEST_QUOTE else f"{text[:_LONGEST_QUOTE]}…"
