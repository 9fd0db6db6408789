"""The address of a client, as far as it can be trusted. Limits for strangers are counted by it."""

import ipaddress
from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.http import HttpRequest

#: How much of an IPv6 address counts as one client: a network of this size is what one household gets.
_IPV6_PREFIX = 64


def of_request(request: HttpRequest) -> str | None:
    """Return the client's address, ``None`` if the server does not know it, as with a Unix socket."""
    return trusted(request.META.get("REMOTE_ADDR"), request.headers.get("X-Forwarded-For"))


def of_scope(scope: Mapping[str, Any]) -> str | None:
    """Return the address of a WebSocket's client, ``None`` if the server does not know it."""
    client = scope.get("client")
    # As Django does, several headers of the name count as one.
    forwarded = [value.decode("latin1") for name, value in scope["headers"] if name == b"x-forwarded-for"]
    return trusted(client[0] if client else None, ",".join(forwarded))


def trusted(peer: str | None, forwarded: str | None) -> str | None:
    """Return the address that counts. The proxy appends the last item of ``forwarded``; a client can write the others."""
    if settings.RUNNEL_BEHIND_PROXY and forwarded:
        peer = forwarded.rpartition(",")[2].strip()
    return counted(peer)


def counted(peer: str | None) -> str | None:
    """Return what counts as one client of a peer's address, ``None`` if it is no IP address.

    All addresses of an IPv6 network of 64 bits count as one, and an IPv4 address counts as itself in either form.
    """
    try:
        address = ipaddress.ip_address(peer or "")
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped:
            return str(address.ipv4_mapped)
        return str(ipaddress.ip_network((address, _IPV6_PREFIX), strict=False).network_address)
    return str(address)
