"""The HTTP transport for providers from the admin: it connects only to addresses that it has checked.

A name is looked up once for each connection, on a thread. All its addresses are checked
(``providers.security.addresses``), and the connection goes to a checked address, not to the name. So a name
server that later gives another answer (DNS rebinding) has no effect. TLS and the connection pool use the name
as usual. This module depends on no provider and sees no key.
"""

import asyncio
import socket
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from ssl import SSLContext
from time import monotonic

import httpcore2
import httpx2

from providers.network.streams import AsyncioBackend
from providers.network.transport import Transport
from providers.security.addresses import Address, AddressRefused, check_addresses, check_url

#: Returns the addresses of a host and port; raises ``OSError`` or ``UnicodeError`` if there are none.
type Lookup = Callable[[str, int], list[str]]

#: The most addresses of one name that are tried for a connection.
_MOST_TRIED = 4
#: Seconds that a form waits for a name's addresses. They are checked again at each connection.
_FORM_WAITS = 3.0

#: Separate threads, because a name server that does not answer blocks a thread for half a minute.
_threads = ThreadPoolExecutor(8, thread_name_prefix="runnel-names")


def look_up(host: str, port: int) -> list[str]:
    """Return the addresses of ``host`` in the system's order of preference. Blocks the calling thread.

    Raises:
        OSError: the name has no address, or the name server did not answer.
        UnicodeError: ``host`` is not a valid name.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(address[0]) for *_, address in found]


class ConnectionRefused(AddressRefused, httpcore2.ConnectError):
    """A refused address at connection time.

    The type itself carries the reason, because the pool passes exceptions on without their cause.
    """


class PinnedTransport(Transport):
    """The transport with connections to checked addresses only, and without proxies."""

    def __init__(
        self,
        *,
        limits: httpx2.Limits,
        allow_loopback: Callable[[], bool],
        lookup: Lookup = look_up,
        ssl_context: SSLContext | None = None,
    ) -> None:
        """Keep the pool's limits, the name lookup and the TLS context.

        ``allow_loopback`` is called for each connection; it returns whether this machine is allowed.

        Raises:
            TypeError: the installed httpx2 keeps its connection pool in another place.
        """
        super().__init__(_CheckedBackend(lookup, allow_loopback), limits=limits, ssl_context=ssl_context)


class _CheckedBackend(AsyncioBackend):
    """Opens TCP connections for the pool, after checking their addresses."""

    def __init__(self, lookup: Lookup, allow_loopback: Callable[[], bool]) -> None:
        self._lookup = lookup
        self._allow_loopback = allow_loopback

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """Connect to the first checked address of ``host`` that answers.

        ``timeout``, in seconds, covers the lookup and all attempts.

        Raises:
            ConnectionRefused: an address of ``host`` must not be called.
            httpcore2.ConnectError: ``host`` has no address, or no address accepts the connection.
            httpcore2.ConnectTimeout: the time is up.
        """
        until = None if timeout is None else monotonic() + timeout
        addresses = (await self._checked(host, port, timeout))[:_MOST_TRIED]
        failure: Exception = httpcore2.ConnectTimeout()
        for tried, address in enumerate(addresses):
            share = None if until is None else (until - monotonic()) / (len(addresses) - tried)
            if share is not None and share <= 0:
                break
            try:
                return await super().connect_tcp(str(address), port, share, local_address, socket_options)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as exc:
                failure = exc
        raise failure

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """Refuse Unix sockets: providers from the admin may not use them.

        Raises:
            httpcore2.ConnectError: always.
        """
        raise httpcore2.ConnectError("no connection to a socket of this machine")

    async def _checked(self, host: str, port: int, timeout: float | None) -> tuple[Address, ...]:
        looking = asyncio.get_running_loop().run_in_executor(_threads, self._lookup, host, port)
        try:
            found = await asyncio.wait_for(looking, timeout)
            return check_addresses(host, found, allow_loopback=self._allow_loopback())
        except TimeoutError as exc:
            raise httpcore2.ConnectTimeout(f"no address for {host} in time") from exc
        except AddressRefused as refusal:
            raise ConnectionRefused(refusal.message) from None
        except (OSError, UnicodeError) as exc:
            raise httpcore2.ConnectError(str(exc)) from exc


def check_entered(url: str, *, allow_loopback: bool, lookup: Lookup = look_up) -> str:
    """Return ``url`` in its normal form after checking the addresses of its host; for a form, on a thread.

    A name that cannot be resolved within ``_FORM_WAITS`` seconds is accepted, because its addresses are
    checked again at each connection.

    Raises:
        AddressRefused: the URL, or one of its host's addresses, is not allowed.
    """
    url = check_url(url, allow_loopback=allow_loopback)
    parsed = httpx2.URL(url)
    host = parsed.raw_host.decode("ascii")
    with suppress(TimeoutError, OSError, UnicodeError):
        found = _threads.submit(lookup, host, parsed.port or 443).result(_FORM_WAITS)
        check_addresses(host, found, allow_loopback=allow_loopback)
    return url
