"""One server for all contract tests, and two viewers that are connected to it."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from providers import clients
from tests.contract import error_bodies, hand_written, odd_answers
from tests.contract.line import Line, Viewer
from tests.contract.reading import recordings


@pytest.fixture(scope="session")
def line(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Line]:
    """A running server whose emulator plays every recording and every hand-written body."""
    folder = tmp_path_factory.mktemp("recordings")
    for recording in [*recordings(), *hand_written.BODIES, *odd_answers.BODIES]:
        _write(folder / recording.wire / f"{recording.name}.sse", recording.sse)
    for body in error_bodies.error_bodies():
        _write(folder / "errors" / body.provider / f"{body.name}.json", body.record)
    with Line(tmp_path_factory.mktemp("server"), folder) as started:
        yield started


@pytest.fixture(scope="session")
def viewer(line: Line) -> Iterator[Viewer]:
    """The client that starts runs and watches them live."""
    with line.viewer() as opened:
        yield opened


@pytest.fixture(scope="session")
def latecomer(line: Line) -> Iterator[Viewer]:
    """The client that connects after the runs have ended."""
    with line.viewer() as opened:
        yield opened


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


@pytest.fixture
async def fresh_clients() -> AsyncIterator[None]:
    yield
    await clients.close_all()
