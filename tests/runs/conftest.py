"""Two separate users, and sockets that are closed after each test together with their runs."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import pytest

from project.lifecycle import shut_down
from runs.models import ApiToken
from tests.runs.rows import make_user
from tests.runs.sockets import Socket, bearer


@dataclass(frozen=True, kw_only=True, slots=True)
class Person:
    """A user and one of their API tokens."""

    user: Any
    token: str


type Connect = Callable[[Person], Awaitable[Socket]]


def _person(name: str) -> Person:
    user = make_user(name)
    return Person(user=user, token=ApiToken.issue(user)[1])


@pytest.fixture
def ada(transactional_db: None) -> Person:
    return _person("ada")


@pytest.fixture
def eve(transactional_db: None) -> Person:
    return _person("eve")


@pytest.fixture(scope="session")
def sdk() -> None:
    """Load what the first run of a process loads: on a busy machine that takes longer than a test waits."""
    import_module("anthropic")


@pytest.fixture
async def server(sdk: None, transactional_db: None, settings: Any) -> AsyncIterator[None]:
    """After the test, end its runs, tasks and connections, and close sockets that are still open."""
    settings.RUNNEL_DRAIN_SECONDS = 0.0
    yield
    await shut_down()


@pytest.fixture
async def connect(server: None) -> AsyncIterator[Connect]:
    """Return a function that opens a user's socket; all its sockets are closed before the server."""
    sockets = []

    async def open_socket(person: Person) -> Socket:
        socket = Socket(bearer(person.token))
        sockets.append(socket)
        return await socket.open()

    yield open_socket
    for socket in sockets:
        await socket.close()
