"""Clients that are closed on the loop that they belong to."""

from collections.abc import AsyncIterator

import pytest

from providers import clients


@pytest.fixture
async def fresh_clients() -> AsyncIterator[None]:
    yield
    await clients.close_all()
