"""Closes the SDK clients on the event loop to which they belong."""

from collections.abc import AsyncIterator

import pytest

from providers import clients


@pytest.fixture
async def fresh_clients() -> AsyncIterator[None]:
    yield
    await clients.close_all()
