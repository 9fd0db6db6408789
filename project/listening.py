"""Binds the server's address before the server prints it.

Uses sockets only, neither Django nor Daphne.
"""

import errno
import ipaddress
import socket


class Unavailable(Exception):  # noqa: N818 - it names what happened
    """The address cannot be bound. The message says why, and names the variable to change."""


def reserve(host: str, port: int, *, variable: str = "PORT") -> socket.socket:
    """Return a socket that is bound to ``host`` and does not listen yet.

    Port 0 chooses a free port. If a host name has several addresses, IPv4 is preferred. ``variable`` names the port.

    Raises:
        Unavailable: the port is taken or reserved, or ``host`` is not an address of this machine.
    """
    try:
        found = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, kind, protocol, _, address = min(found, key=lambda item: item[0] != socket.AF_INET)
    except (OSError, UnicodeError):
        raise Unavailable(f"HOST takes an address or a name of this machine, not {host!r}.") from None
    reserved = socket.socket(family, kind, protocol)
    # Like Twisted under Daphne: allows a restart on the same port right after the previous server has ended.
    reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        reserved.bind(address)
    except OSError as error:
        reserved.close()
        raise Unavailable(_describe(error, host, port, variable)) from None
    return reserved


def _describe(error: OSError, host: str, port: int, variable: str) -> str:
    match error.errno:
        case errno.EADDRINUSE:
            return f"Port {port} of {host} is taken. Set {variable} to another one."
        case errno.EACCES:
            return f"Port {port} needs more rights than you have here. Set {variable} to one above 1023."
        case errno.EADDRNOTAVAIL:
            return f"HOST takes an address or a name of this machine, not {host!r}."
        case _:
            return f"Nobody can listen on port {port} of {host}: {error.strerror}."


def url(host: str, port: int) -> str:
    """Return the URL to open in a browser on this machine."""
    name = host.strip("[]")
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return f"http://{name}:{port}/"
    if address.is_unspecified:
        address = ipaddress.ip_address("127.0.0.1" if address.version == 4 else "::1")
    return f"http://[{address}]:{port}/" if address.version == 6 else f"http://{address}:{port}/"


def is_for_others(reserved: socket.socket) -> bool:
    """Return whether other machines may reach the socket's address."""
    return not _address(reserved).is_loopback


def is_everywhere(reserved: socket.socket) -> bool:
    """Return whether the socket is bound to all addresses of this machine."""
    return _address(reserved).is_unspecified


def _address(reserved: socket.socket) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    return ipaddress.ip_address(reserved.getsockname()[0].partition("%")[0])
