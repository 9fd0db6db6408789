from collections.abc import AsyncIterator

import pytest

from emulator import Emulator


@pytest.fixture
async def emulator() -> AsyncIterator[Emulator]:
    running = await Emulator.start()
    yield running
    await running.close()
