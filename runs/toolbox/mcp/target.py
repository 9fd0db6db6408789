"""The endpoint of an MCP server with its decrypted secrets, which must not be stored or logged."""

from dataclasses import dataclass, field

from django.conf import settings

from providers.security.addresses import AddressRefused, check_url
from providers.security.vault import Unsealable
from runs.models import McpServer
from runs.models.mcp_server import Transport

COMMANDS_ARE_OFF = (
    "MCP servers that are commands are switched off here. Set RUNNEL_ALLOW_STDIO_MCP=true in .env, beside "
    "manage.py, and restart Runnel, or reach the server by HTTP."
)


class Unusable(Exception):  # noqa: N818 - it names what the server is
    """The server cannot be used as it is set up; ``message`` is for an admin."""

    def __init__(self, message: str) -> None:
        self.message = message
        super().__init__(message)


@dataclass(frozen=True, kw_only=True, slots=True)
class McpEndpoint:
    """The command or address of an MCP server. Equal endpoints may share a session."""

    name: str
    #: The program and its arguments; empty for HTTP.
    command: tuple[str, ...] = ()
    #: Empty for a command.
    url: str = ""
    #: Names and values of the environment variables, or of the headers.
    secrets: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    #: Seconds that opening the connection may take.
    timeout: float


def is_loopback_allowed() -> bool:
    """Return whether an HTTP server may be on this machine."""
    return bool(settings.RUNNEL_ALLOW_LOOPBACK_PROVIDERS)


def why_no_commands() -> str:
    """Return a sentence that says why no command may be started, or empty text if commands may be."""
    return "" if settings.RUNNEL_ALLOW_STDIO_MCP else COMMANDS_ARE_OFF


def read(row: McpServer) -> McpEndpoint:
    """Return the endpoint of the server in ``row``.

    The address is checked here again, because not every row comes from the admin's form.

    Raises:
        Unusable: the secrets cannot be decrypted, the address may not be called, or commands are switched off.
    """
    if row.transport == Transport.STDIO and (refusal := why_no_commands()):
        raise Unusable(refusal)
    try:
        secrets = tuple(row.unseal().items())
        if row.transport == Transport.STDIO:
            command = (row.command, *map(str, row.arguments))
            return McpEndpoint(name=row.name, command=command, secrets=secrets, timeout=row.timeout)
        url = check_url(row.url, allow_loopback=is_loopback_allowed())
        return McpEndpoint(name=row.name, url=url, secrets=secrets, timeout=row.timeout)
    except Unsealable:
        raise Unusable(
            "It was set up for another command or address, or its secrets were sealed with a SECRET_KEY that is "
            "gone. Enter its secrets again and save it."
        ) from None
    except AddressRefused as refusal:
        raise Unusable(refusal.message) from None
