"""Words errors of MCP servers for models and admins. The sentences contain no keys and no response bodies."""

from collections.abc import Iterator

import httpx2

from providers.security.addresses import AddressRefused
from providers.security.redaction import redact_text
from providers.text import clean
from runs.toolbox.mcp.target import McpEndpoint

#: Characters of a server's own error message that are repeated.
_LONGEST_QUOTE = 500

#: The JSON-RPC code for invalid arguments or an unknown tool.
_INVALID_PARAMS = -32602
#: The library's own code for a lost connection.
_CONNECTION_CLOSED = -32000


def no_answer(target: McpEndpoint) -> str:
    """Return the sentence for a server that did not answer within the time limit for connecting."""
    return f"The MCP server {target.name} did not answer within {target.timeout:g} seconds."


def is_about_the_call(error: BaseException) -> bool:
    """Return whether ``error`` concerns one call only, so that the session can still be used."""
    return getattr(error, "code", None) == _INVALID_PARAMS


def sentence(target: McpEndpoint, error: BaseException) -> str:
    """Return a sentence about ``error``, which the library raised."""
    about = f"The MCP server {target.name}"
    leaves = list(_leaves(error))
    # The first error of a group counts: the others follow from it.
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
