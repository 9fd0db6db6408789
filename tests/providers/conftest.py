"""One emulator and one set of SDK clients per test, closed on the event loop to which they belong."""

from collections.abc import AsyncIterator

import pytest

from emulator import Emulator, close_shared, shared
from providers import clients


@pytest.fixture
async def emulator() -> AsyncIterator[Emulator]:
    yield await shared()
    await clients.close_all()
    await close_shared()


@pytest.fixture
async def fresh_clients() -> AsyncIterator[None]:
    yield
    await clients.close_all()
