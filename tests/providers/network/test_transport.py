"""Connections that nobody uses any more."""

import asyncio

import httpx2

from emulator import Emulator
from providers.network.streams import AsyncioBackend
from providers.network.transport import Transport


async def test_an_idle_connection_is_closed_without_another_call(emulator: Emulator) -> None:
    limits = httpx2.Limits(max_connections=None, max_keepalive_connections=100, keepalive_expiry=0.01)
    transport = Transport(AsyncioBackend(), limits=limits)
    async with httpx2.AsyncClient(transport=transport) as http:
        await http.get(emulator.origin)
        assert len(transport._pool.connections) == 1
        async with asyncio.timeout(10):
            while transport._pool.connections:
                await transport.close_expired()
                await asyncio.sleep(0.001)
