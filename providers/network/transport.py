"""httpx2's transport over a network backend of our choice."""

from ssl import SSLContext
from typing import override

import httpcore2
import httpx2

from providers.network.streams import AsyncioStream


class Transport(httpx2.AsyncHTTPTransport):
    """httpx2's transport with connections that ``backend`` opens, and without proxies."""

    def __init__(
        self,
        backend: httpcore2.AsyncNetworkBackend,
        *,
        limits: httpx2.Limits,
        ssl_context: SSLContext | None = None,
    ) -> None:
        """Take what opens connections, the pool's limits, and the TLS context (httpx2's default without one).

        Raises:
            TypeError: the installed httpx2 keeps its connection pool in another place.
        """
        context = ssl_context or httpx2.create_ssl_context()
        super().__init__(verify=context, limits=limits)
        # The parent class has no argument for the network backend, so its pool is replaced. If a later
        # version keeps the pool elsewhere, raise: a connection that is not checked would be worse than none.
        if type(self._pool) is not httpcore2.AsyncConnectionPool:
            raise TypeError("httpx2 keeps its connections somewhere else now")
        self._pool = httpcore2.AsyncConnectionPool(
            ssl_context=context,
            max_connections=limits.max_connections,
            max_keepalive_connections=limits.max_keepalive_connections,
            keepalive_expiry=limits.keepalive_expiry,
            network_backend=backend,
        )

    async def close_expired(self) -> None:
        """Close the connections that were idle for longer than ``limits`` allow: the pool does so at the next call only."""
        await self._pool._close_connections(self._pool._assign_requests_to_connections())

    @override
    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        response = await super().handle_async_request(request)
        if isinstance(stream := response.extensions.get("network_stream"), AsyncioStream):
            stream.head_has_come()
        return response
