"""One server for all scenarios without special settings, and a conversation over each wire."""

from collections.abc import Iterator

import pytest

from tests.contract.reading import recordings
from tests.scenarios.server import WIRES, Recorder, Server
from tests.scenarios.talk import Talk


@pytest.fixture(scope="session")
def upstream(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recorder]:
    folder = tmp_path_factory.mktemp("recordings")
    for recording in recordings():
        path = folder / recording.wire / f"{recording.name}.sse"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(recording.sse)
    upstream = Recorder(folder)
    yield upstream
    upstream.close()


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory, upstream: Recorder) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("server"), upstream)
    yield server
    server.close()


@pytest.fixture(params=WIRES)
def talk(request: pytest.FixtureRequest, server: Server) -> Iterator[Talk]:
    with server.viewer() as viewer:
        yield Talk(server, viewer, request.param)
