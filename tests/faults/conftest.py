"""The ``Line`` fixture: server, emulator and sockets in one process, set up and torn down for each test."""

from collections.abc import AsyncIterator
from importlib import import_module
from typing import Any

import pytest

from emulator import close_shared, shared
from runs.models import ApiToken
from tests.faults.line import Line


@pytest.fixture(scope="session")
def sdks() -> None:
    """Import the SDKs first, as the server does: the import takes longer than any run in these tests."""
    for module in ("anthropic", "google.genai", "openai"):
        import_module(module)


@pytest.fixture
def person(transactional_db: None, django_user_model: Any) -> tuple[Any, str]:
    """A user and their API token."""
    user = django_user_model.objects.create_superuser("ada")
    return user, ApiToken.issue(user)[1]


@pytest.fixture
async def line(sdks: None, person: tuple[Any, str]) -> AsyncIterator[Line]:
    user, token = person
    line = Line(user=user, token=token, emulator=await shared())
    yield line
    await line.close()
    await close_shared()
