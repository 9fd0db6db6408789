"""How one MCP server is reached, with its secrets open: what a session is made of. Never stored or logged."""

from dataclasses import dataclass, field

from django.conf import settings

from providers.security.addresses import AddressRefused, check_url
from providers.security.vault import Unsealable
from runs.models import McpServer
from runs.models.mcp_server import Transport


class Unusable(Exception):  # noqa: N818 - it names what the server is
    """A server that cannot be reached as its row says; ``message`` is fit for an admin."""

    def __init__(self, message: str) -> None:
        self.message = message
        super().__init__(message)


@dataclass(frozen=True, kw_only=True, slots=True)
class McpEndpoint:
    """An MCP server. Equal targets are reached in the same way with the same secrets."""

    name: str
    #: Program and arguments, or nothing.
    command: tuple[str, ...] = ()
    #: The address, or nothing.
    url: str = ""
    #: Environment variables, or headers.
    secrets: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    #: Seconds that opening it may take.
    patience: float


def may_be_here() -> bool:
    """Whether an HTTP server may lie on this machine: as providers may, and for who tries things out."""
    return bool(settings.DEBUG or settings.RUNNEL_ALLOW_LOOPBACK_PROVIDERS)


def read(row: McpServer) -> McpEndpoint:
    """Return how the server of ``row`` is reached.

    The address is judged again, so that a row that came another way than through the admin's form is no
    way around its checks.

    Raises:
        Unusable: its secrets cannot be opened, or its address may not be called.
    """
    try:
        secrets = tuple(row.unseal().items())
        if row.transport == Transport.STDIO:
            command = (row.command, *map(str, row.arguments))
            return McpEndpoint(name=row.name, command=command, secrets=secrets, patience=row.timeout)
        url = check_url(row.url, allow_loopback=may_be_here())
        return McpEndpoint(name=row.name, url=url, secrets=secrets, patience=row.timeout)
    except Unsealable:
        raise Unusable(
            "It was set up for another command or address, or its secrets were sealed with a SECRET_KEY that is "
            "gone. Enter its secrets again and save it."
        ) from None
    except AddressRefused as refusal:
        raise Unusable(refusal.message) from None
