"""What a stranger may send to a real server: how much, how slowly, on how many connections."""

import contextlib
import os
import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.faults.server_process import ServerProcess
from tests.prepared import prepare

#: Seconds after which a server that does not answer fails a test.
PATIENCE = 30
MEGABYTE = 1024 * 1024
PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="module")
def token(folder: Path) -> str:
    return prepare(folder)


@pytest.fixture(scope="module", params=["daphne", "uvicorn"])
def server(folder: Path, token: str, request: pytest.FixtureRequest) -> Iterator[ServerProcess]:
    """A server with few descriptors and short deadlines."""
    process = ServerProcess(
        folder,
        RUNNEL_SERVER=request.param,
        RUNNEL_HEADER_SECONDS="1",
        RUNNEL_BODY_SECONDS="4",
        RUNNEL_STALLED_SECONDS="1",
        RUNNEL_UPLOAD_MB="4",
    )
    process.descriptors = 256
    process.start()
    yield process
    process.kill()


class Wire:
    """A connection on which a test writes what it likes."""

    def __init__(self, server: ServerProcess) -> None:
        self._socket = socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE)

    def send(self, data: bytes) -> None:
        self._socket.sendall(data)

    def head(self, line: str, **fields: str) -> None:
        """Send the head of a request."""
        lines = [
            f"{line} HTTP/1.1",
            "Host: 127.0.0.1",
            *(f"{name.replace('_', '-')}: {value}" for name, value in fields.items()),
        ]
        self.send("\r\n".join([*lines, "", ""]).encode())

    def answer(self) -> bytes:
        """Return all that the server sends until it closes the connection."""
        received = b""
        while piece := self._socket.recv(65_536):
            received += piece
        return received

    def refusal(self) -> bytes:
        """Return one answer, as soon as it is whole: the server may read on for a while, and throw it away."""
        received = b""
        while not (
            told := re.search(rb"content-length: (\d+)\r\n(?:.+\r\n)*\r\n", received, re.IGNORECASE)
        ) or (len(received) < told.end() + int(told[1])):
            piece = self._socket.recv(65_536)
            assert piece, received
            received += piece
        return received

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def wire(server: ServerProcess) -> Iterator[Wire]:
    opened = Wire(server)
    yield opened
    opened.close()


#: For what is left to a proxy behind other servers.
only_daphne = pytest.mark.parametrize("server", ["daphne"], indirect=True)


def get(server: ServerProcess, path: str, token: str = "") -> httpx2.Response:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return httpx2.get(
        f"http://127.0.0.1:{server.port}{path}", headers=headers, timeout=PATIENCE, trust_env=False
    )


def memory(server: ServerProcess) -> int:
    """Return the bytes that the server's process has in memory."""
    pages = int(Path(f"/proc/{server.pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.parametrize("path", ["/login/", "/nowhere/", "/api/conversations/"])
def test_a_body_of_more_than_a_megabyte_is_refused_before_it_is_sent(wire: Wire, path: str) -> None:
    wire.head(f"POST {path}", Content_Length=str(300 * MEGABYTE))

    answer = wire.refusal()

    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"A request may have 1 MB here, and no more." in answer


def test_a_body_that_does_not_tell_its_length_is_refused_when_it_is_too_long(wire: Wire) -> None:
    wire.head("POST /login/", Transfer_Encoding="chunked")
    piece = b"a" * 65_536
    for _ in range(17):
        wire.send(b"%x\r\n%b\r\n" % (len(piece), piece))

    assert wire.answer().startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize("path", ["/api/files/", "/api/files", "/api/%66iles/"])
@pytest.mark.parametrize("authorization", ["", "Bearer nobody"])
def test_an_upload_is_refused_before_it_is_sent_unless_its_sender_is_known(
    wire: Wire, path: str, authorization: str
) -> None:
    fields = {"Authorization": authorization} if authorization else {}
    wire.head(f"POST {path}", Content_Length=str(2 * MEGABYTE), **fields)

    answer = wire.refusal()

    assert answer.startswith(b"HTTP/1.1 401 ")
    assert b'"Sign in first."' in answer


def test_long_bodies_that_do_not_end_leave_descriptors_to_others(server: ServerProcess) -> None:
    descriptors = Path(f"/proc/{server.pid}/fd")
    get(server, "/login/")
    before = len(list(descriptors.iterdir())) if descriptors.exists() else 0
    with contextlib.ExitStack() as stack:
        wires = [stack.enter_context(contextlib.closing(Wire(server))) for _ in range(60)]
        for wire in wires:
            wire.head("POST /login/", Content_Length="1000000")
            wire.send(b"a" * 40_000)
        # The last one knows when all before it were read.
        assert wires[-1].answer().startswith(b"HTTP/1.1 503 ")
        assert get(server, "/login/").status_code == 200
        if descriptors.exists():
            # 256 descriptors, a third of them in reserve, half of that for bodies. A thread that is new opens the
            # database's three files.
            assert len(list(descriptors.iterdir())) <= before + len(wires) + 42 + 1 + 3


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="only Linux tells a process's memory")
def test_bodies_of_strangers_take_no_memory(server: ServerProcess) -> None:
    def send_bodies(megabytes: int) -> int:
        """Send three bodies to each of two paths; return by how much the process has grown."""
        before = memory(server)
        for path in ("/login/", "/api/files/") * 3:
            wire = Wire(server)
            wire.head(f"POST {path}", Content_Length=str(50 * MEGABYTE))
            # It is refused, and closed after two seconds.
            with contextlib.suppress(OSError):
                for _ in range(megabytes):
                    wire.send(b"a" * MEGABYTE)
            wire.close()
        assert get(server, "/login/").status_code == 200
        return memory(server) - before

    server.wait_until_loaded()
    # The first request to a path imports modules, and opens the database on threads of its own.
    send_bodies(1)
    assert send_bodies(50) < 10 * MEGABYTE
    assert send_bodies(50) < 5 * MEGABYTE


def test_a_user_uploads_a_file_with_and_without_its_length(server: ServerProcess, token: str) -> None:
    content = PNG + os.urandom(3 * MEGABYTE)
    form = (
        b'--between-the-fields\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n\r\n'
        + content
        + b"\r\n--between-the-fields--\r\n"
    )
    pieces: list[Any] = [form, iter([form[:70_000], form[70_000:]])]
    for body in pieces:
        answer = httpx2.post(
            f"http://127.0.0.1:{server.port}/api/files/",
            content=body,
            headers={
                "Authorization": f"Bearer {token}",
                "Content-Type": "multipart/form-data; boundary=between-the-fields",
            },
            timeout=PATIENCE,
            trust_env=False,
        )
        assert answer.status_code == 201, answer.text
        assert get(server, f"/api/files/{answer.json()['id']}/", token).content == content
        assert (server.folder / "files" / answer.json()["id"]).stat().st_mode & 0o777 == 0o600


def test_a_user_imports_a_conversation_of_more_than_a_megabyte(server: ServerProcess, token: str) -> None:
    run = {
        "model": "emulator/echo",
        "status": "completed",
        "messages": [{"role": "user", "parts": [{"kind": "text", "text": "x" * 2 * MEGABYTE}]}],
    }
    answer = httpx2.post(
        f"http://127.0.0.1:{server.port}/api/conversations/import/",
        json={"format": "runnel-conversation", "version": 1, "title": "Long", "runs": [run]},
        headers={"Authorization": f"Bearer {token}"},
        timeout=PATIENCE,
        trust_env=False,
    )
    assert answer.status_code == 201, answer.text


def test_a_users_upload_that_is_too_large_is_refused(wire: Wire, token: str) -> None:
    wire.head("POST /api/files/", Content_Length=str(5 * MEGABYTE), Authorization=f"Bearer {token}")

    answer = wire.refusal()

    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"A request may have 4 MB here, and no more." in answer


@only_daphne
@pytest.mark.parametrize("sent", [b"", b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-A: b\r\n"])
def test_a_head_has_a_deadline_in_all(wire: Wire, sent: bytes) -> None:
    wire.send(sent)

    assert wire.answer().startswith(b"HTTP/1.1 408 ")


def test_a_body_has_a_deadline_in_all(wire: Wire) -> None:
    wire.head("POST /login/", Content_Length="1000")
    wire.send(b"a")

    assert wire.answer().startswith(b"HTTP/1.1 408 ")


def test_a_connection_serves_one_request_after_the_other(wire: Wire) -> None:
    for _ in range(2):
        wire.head("POST /nowhere/", Content_Length="3")
        wire.send(b"abc")
    wire.head("GET /nowhere/", Connection="close")

    answer = wire.answer()

    assert answer.count(b"HTTP/1.1 404 ") == 3


def test_an_answer_that_nobody_reads_is_given_up(server: ServerProcess, token: str) -> None:
    content = PNG + os.urandom(4 * MEGABYTE - 100)
    form = {"file": ("a.png", content)}
    headers = {"Authorization": f"Bearer {token}"}
    stored = httpx2.post(
        f"http://127.0.0.1:{server.port}/api/files/",
        files=form,
        headers=headers,
        timeout=PATIENCE,
        trust_env=False,
    ).json()
    requested = [Wire(server) for _ in range(20)]
    server.wait_until_loaded()
    before = memory(server)
    for wire in requested:
        wire._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        wire.head(f"GET /api/files/{stored['id']}/", Authorization=f"Bearer {token}")

    assert get(server, "/login/").status_code == 200
    assert memory(server) - before < 30 * MEGABYTE
    for wire in requested:
        with contextlib.suppress(ConnectionResetError):
            assert len(wire.answer()) < len(content)
        wire.close()


@only_daphne
def test_connections_that_send_no_whole_request_make_room(server: ServerProcess, token: str) -> None:
    held = []
    for _ in range(400):
        wire = Wire(server)
        wire.send(b"GET / HTTP/1.1\r\nHost: x\r\n")
        held.append(wire)

    # These need descriptors, for the connection and for the database.
    assert get(server, "/login/").status_code == 200
    assert get(server, "/api/conversations/", token).status_code == 200
    for wire in held:
        wire.close()
    assert "unable to open database file" not in server.output


def test_a_client_cannot_choose_where_the_site_is(server: ServerProcess) -> None:
    for path, prefix, expected in (
        ("/public/admin/login/", "/public", (404, None)),
        ("/admin/", "https://evil.example", (302, "/admin/login/?next=/admin/")),
    ):
        answer = httpx2.get(
            f"http://127.0.0.1:{server.port}{path}",
            headers={"Daphne-Root-Path": prefix},
            timeout=PATIENCE,
            trust_env=False,
        )
        assert (answer.status_code, answer.headers.get("Location")) == expected
