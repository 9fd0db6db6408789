"""Checks the addresses of providers from the admin: they must be public, and use https.

With ``RUNNEL_ALLOW_LOOPBACK_PROVIDERS``, addresses on this machine are allowed too. A person who may enter a
provider must not reach hosts that only this server can reach, such as its network or its cloud's metadata.
``check_url`` checks the URL as entered. ``check_addresses`` checks the addresses of its host before each
connection (``providers.security.pinned``). Pure: this module looks up no names. Addresses from the
environment are not checked, because the operator set them.
"""

from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network

import httpx2

type Address = IPv4Address | IPv6Address

#: The most characters of a base URL.
LONGEST_URL = 500

#: Networks that Python calls global but that hold no public servers: 6to4 relays, the anycast services of
#: RFC 7723, Azure's metadata ("WireServer"), special IPv6 uses (Teredo, ORCHID: RFC 2928), 6to4, and
#: documentation.
_NOT_PUBLIC = tuple(
    ip_network(network)
    for network in (
        "192.88.99.0/24",
        "192.0.0.0/24",
        "168.63.129.16/32",
        "2001::/23",
        "2002::/16",
        "3fff::/20",
    )
)
#: The only part of IPv6 that is allocated for public use (RFC 4291).
_GLOBAL_UNICAST = IPv6Network("2000::/3")
#: The last parts of names that no public server has (RFC 6761, RFC 6762, ICANN's ``.internal``, and what
#: networks use without being told to).
_INSIDE = frozenset(
    ["local", "localhost", "localdomain", "internal", "intranet", "lan", "home", "corp", "private", "onion"]
)
#: IPv4 addresses in the form in which a network with only IPv6 reaches them (RFC 6052).
_NAT64 = IPv6Network("64:ff9b::/96")


class AddressRefused(Exception):  # noqa: N818 - it names what happened
    """The address must not be called. ``message`` can be shown in a form."""

    def __init__(self, message: str) -> None:
        self.message = message
        super().__init__(message)


def check_url(url: str, *, allow_loopback: bool) -> str:
    """Return the base URL ``url`` in a normal form, which every client parses in the same way.

    ``url`` is parsed by the HTTP client that will call it. Every port is allowed, because any service with
    TLS on a public address can be reached without this server too.

    Raises:
        AddressRefused: ``url`` is not an https URL of a public host, or it has a user name, a password, a
            query or a fragment. With ``allow_loopback``, http and https URLs of this machine are allowed too.
    """
    if len(url) > LONGEST_URL:
        raise AddressRefused(f"A base URL has {LONGEST_URL} characters at most.")
    if not url.isprintable() or any(character in url for character in " \\"):
        raise AddressRefused("A base URL has neither spaces, backslashes nor control characters.")
    try:
        parsed = httpx2.URL(url)
        host = parsed.raw_host.decode("ascii").removesuffix(".")
        port = parsed.port
    except (httpx2.InvalidURL, ValueError):
        raise AddressRefused("This is no URL. Write it as https://api.example.org/v1.") from None
    if parsed.scheme not in ("https", "http") or not host:
        raise AddressRefused("Write the base URL as https://api.example.org/v1.")
    if "@" in url:
        raise AddressRefused("A base URL holds no user name and no password. The key has a field of its own.")
    if parsed.query or parsed.fragment or "?" in url or "#" in url:
        raise AddressRefused("A base URL ends with its path: nothing follows after ? or #.")
    if port is not None and not 0 < port < 65_536:
        raise AddressRefused("A port is a number from 1 to 65535.")
    _check_host(host, scheme=parsed.scheme, allow_loopback=allow_loopback)
    return str(parsed.copy_with(host=host)).rstrip("/")


def check_fetched_url(url: str) -> None:
    """Check the URL of a file that a provider will fetch: a server of one's own may reach this network.

    Names are not looked up, because the provider looks them up elsewhere and later.

    Raises:
        AddressRefused: ``url`` has a user name or a password, or its host is an address or a name inside a network.
    """
    # Up to the first slash, as every parser reads it: some see a user name where others see a query.
    authority = url.partition("//")[2].partition("/")[0]
    if "@" in authority or "\\" in url or not url.isprintable():
        raise AddressRefused("The address of a file has no user name, no password and no backslash.")
    try:
        host = httpx2.URL(url).raw_host.decode("ascii").removesuffix(".").lower()
    except (httpx2.InvalidURL, ValueError):
        raise AddressRefused("The address of a file is no URL.") from None
    labels = host.split(".")
    is_inside = _literal(host) is None and (
        len(labels) < 2 or labels[-1] in _INSIDE or host.endswith(".home.arpa")
    )
    if is_inside or is_loopback_name(host):
        raise AddressRefused(f"{host} is inside a network. Upload the file instead of its address.")
    _check_host(host, scheme="https", allow_loopback=False)


@lru_cache(maxsize=512)
def origin_of(url: str) -> str:
    """Return scheme, host and port of ``url``, for which a key is valid.

    A string that is no URL is returned unchanged.
    """
    try:
        parsed = httpx2.URL(url)
    except httpx2.InvalidURL:
        return url
    return f"{parsed.scheme}://{parsed.netloc.decode('ascii')}"


def check_addresses(host: str, addresses: Iterable[str], *, allow_loopback: bool) -> tuple[Address, ...]:
    """Return the IP ``addresses`` of ``host``, without duplicates, if all of them are allowed.

    ``localhost`` and loopback addresses must lead to this machine; all other hosts must not.

    Raises:
        AddressRefused: an address must not be called, or ``addresses`` is empty.
    """
    found = tuple(dict.fromkeys(ip_address(address.partition("%")[0]) for address in addresses))
    if not found:
        raise AddressRefused(f"There is no address for {host}.")
    if is_loopback_name(host):
        if not allow_loopback:
            raise AddressRefused(_LOOPBACK_IS_OFF)
        for address in found:
            if not _is_this_machine(address):
                raise AddressRefused(f"{host} leads to {address}, which is not this machine.")
        return found
    for address in found:
        if not is_public(address):
            raise AddressRefused(f"{host} leads to {address}, which is not a public address.")
    return found


def is_loopback_name(host: str) -> bool:
    """Return whether ``host`` is ``localhost`` (RFC 6761) or a literal loopback address."""
    host = host.lower().removesuffix(".")
    if host == "localhost" or host.endswith(".localhost"):
        return True
    literal = _literal(host)
    return literal is not None and _is_this_machine(literal)


def is_public(address: Address) -> bool:
    """Return whether ``address`` is public. An IPv4 address inside a NAT64 address is checked as IPv4."""
    if isinstance(address, IPv6Address):
        if address in _NAT64:
            return is_public(IPv4Address(int(address) & 0xFFFF_FFFF))
        if address not in _GLOBAL_UNICAST:
            return False
    return (
        address.is_global
        and not address.is_multicast
        and not address.is_reserved
        and not any(address in network for network in _NOT_PUBLIC)
    )


_LOOPBACK_IS_OFF = (
    "Addresses on this machine are switched off. Set RUNNEL_ALLOW_LOOPBACK_PROVIDERS=true in .env, "
    "beside manage.py, and restart Runnel."
)


def _check_host(host: str, *, scheme: str, allow_loopback: bool) -> None:
    if "%" in host:
        raise AddressRefused(f"{host} is no name of a host.")
    literal = _literal(host)
    if is_loopback_name(host):
        if not allow_loopback:
            raise AddressRefused(_LOOPBACK_IS_OFF)
        return
    if scheme != "https":
        raise AddressRefused("A base URL begins with https://: over http anybody on the way reads the key.")
    if literal is not None:
        if not is_public(literal):
            raise AddressRefused(f"{host} is not a public address.")
        return
    labels = host.split(".")
    # A resolver reads these as addresses in an old notation (127.1, 0x7f.1, 2130706433).
    if labels[-1].isdecimal() or labels[-1].startswith("0x"):
        raise AddressRefused(f"{host} is no address. Write all four numbers, or a name.")
    if not all(_is_label(label) for label in labels):
        raise AddressRefused(f"{host} is no name of a host.")


def _is_label(label: str) -> bool:
    known = label.replace("-", "").replace("_", "")
    return 0 < len(label) < 64 and known.isascii() and known.isalnum()


def _literal(host: str) -> Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None


def _is_this_machine(address: Address) -> bool:
    # Newer Python versions call ::ffff:127.0.0.1 a loopback address too; it is refused here.
    return address.is_loopback and getattr(address, "ipv4_mapped", None) is None
