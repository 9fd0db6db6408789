"""What a worker answers on a port of its own, asked over a real connection."""

import asyncio
import socket
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest
from pytest_django.fixtures import Settings

from project import listening, readiness, worker_probes

pytestmark = pytest.mark.django_db(transaction=True)

type Answered = tuple[int, str, str]


@pytest.fixture(autouse=True)
def working(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readiness, "has_begun", True)
    monkeypatch.setattr(readiness, "problem", "")


@pytest.fixture
def reserved() -> Iterator[socket.socket]:
    with listening.reserve("127.0.0.1", 0) as found:
        yield found


def _ask(request: urllib.request.Request) -> Answered:
    try:
        answer = urllib.request.urlopen(request, timeout=10)
    except urllib.error.HTTPError as refused:
        answer = refused
    with answer:
        return answer.status, answer.headers["content-type"], answer.read().decode()


async def ask(reserved: socket.socket, path: str, method: str = "GET", **headers: str) -> Answered:
    url = f"http://127.0.0.1:{reserved.getsockname()[1]}{path}"
    return await asyncio.to_thread(_ask, urllib.request.Request(url, headers=headers, method=method))


async def test_a_worker_answers_the_probes_and_nothing_else(reserved: socket.socket) -> None:
    with worker_probes.answered(reserved):
        assert await ask(reserved, "/healthz") == (200, "text/plain; charset=utf-8", "ok\n")
        assert (await ask(reserved, "/healthz", "HEAD"))[::2] == (200, "")
        status, _, body = await ask(reserved, "/readyz?exclude=database")
        assert (status, '"status":"ready"' in body) == (200, True)
        assert (await ask(reserved, "/login/"))[0] == 404


async def test_nothing_goes_on_when_the_worker_ends(reserved: socket.socket) -> None:
    with worker_probes.answered(reserved):
        assert (await ask(reserved, "/healthz"))[0] == 200
    async with asyncio.timeout(10):
        while any(thread.name.startswith("runnel-probes") for thread in threading.enumerate()):
            await asyncio.sleep(0.01)
    assert reserved.fileno() == -1


async def test_a_worker_tells_what_it_counts_to_whom_the_token_names(
    reserved: socket.socket, settings: Settings
) -> None:
    settings.RUNNEL_METRICS_TOKEN = "s3cret"
    with worker_probes.answered(reserved):
        assert (await ask(reserved, "/metrics"))[0] == 404
        status, _, body = await ask(reserved, "/metrics", Authorization="Bearer s3cret")
        assert (status, "runnel_runs_started_total" in body) == (200, True)


async def test_a_worker_that_hangs_does_not_say_that_it_is_well(
    reserved: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_probes, "PATIENCE", 0.05)
    url = f"http://127.0.0.1:{reserved.getsockname()[1]}/healthz"
    with worker_probes.answered(reserved):
        # Asked from the event loop's own thread, which therefore cannot answer.
        assert _ask(urllib.request.Request(url))[0] == 503


def test_a_port_that_is_taken_is_named_by_its_variable(reserved: socket.socket) -> None:
    reserved.listen()
    with pytest.raises(listening.Unavailable, match="Set RUNNEL_WORKER_PORT to another one"):
        listening.reserve("127.0.0.1", reserved.getsockname()[1], variable="RUNNEL_WORKER_PORT")
