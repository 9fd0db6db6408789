"""The services of the compose file, started as plain processes: two servers on PostgreSQL and Redis behind Caddy."""

import asyncio
import json
import os
import shutil
import ssl
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest
from websockets.asyncio.client import connect

from scripts import compose

PROGRAMS = ("redis-server", "caddy")
pytestmark = pytest.mark.skipif(
    not os.environ.get("STACK"), reason="it starts six programs for minutes: `make thorough` does"
)


@pytest.fixture(scope="module")
def stack() -> Iterator[compose.Stack]:
    missing = [name for name in PROGRAMS if shutil.which(name) is None]
    if missing:
        pytest.skip(f"{' and '.join(missing)} are not installed")
    with compose.running() as stack:
        yield stack


#: Caddy has made its certificate itself.
TRUSTING = ssl.create_default_context()
TRUSTING.check_hostname, TRUSTING.verify_mode = False, ssl.CERT_NONE


def get(url: str, **headers: str) -> tuple[int, str]:
    request = urllib.request.Request(url, headers={k.replace("_", "-"): v for k, v in headers.items()})
    try:
        with urllib.request.urlopen(request, timeout=30, context=TRUSTING) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_servers_and_workers_are_ready_and_only_the_token_reads_metrics(stack: compose.Stack) -> None:
    for name in ("web1", "web2", "worker1", "worker2"):
        address = f"http://127.0.0.1:{stack.ports[name]}"
        assert json.loads(get(f"{address}/readyz")[1])["status"] == "ready"
        assert get(f"{address}/metrics")[0] == 404
        assert get(f"{address}/metrics", Authorization="Bearer metrics")[0] == 200


def test_the_proxy_serves_the_page_and_hides_what_is_for_operators(stack: compose.Stack) -> None:
    status, page = get(f"{stack.url}login/")
    assert (status, "csrfmiddlewaretoken" in page) == (200, True)
    for path in ("healthz", "readyz", "metrics"):
        assert get(stack.url + path, Authorization="Bearer metrics")[0] == 404


async def test_a_socket_passes_the_proxy_and_each_server_knows_the_runs_of_the_other(
    stack: compose.Stack,
) -> None:
    done = await asyncio.create_subprocess_exec(
        *(sys.executable, "manage.py", "api_token", "admin"),
        cwd=compose.ROOT,
        env=stack._environment("web1"),
        stdout=asyncio.subprocess.PIPE,
    )
    token = (await done.communicate())[0].decode().split()[-1]
    headers = {"Authorization": f"Bearer {token}", "X-Forwarded-For": "1.2.3.4", "Daphne-Root-Path": "/x"}

    def opened(url: str) -> connect:
        context = TRUSTING if url.startswith("wss") else None
        return connect(url, additional_headers=headers, ssl=context, proxy=None)

    async with opened(stack.url.replace("https", "wss") + "ws/") as socket:
        assert json.loads(await socket.recv())["type"] == "ready"
        await socket.send(json.dumps({"id": "1", "type": "start", "model": "emulator/hello", "input": "hi"}))
        answer = json.loads(await socket.recv())
        assert (answer["type"], answer["state"]) == ("ok", "created")

    for name in ("web1", "web2"):
        async with opened(f"ws://localhost:{stack.ports[name]}/ws/") as socket, asyncio.timeout(60):
            await socket.send(json.dumps({"id": "2", "type": "subscribe", "run_id": answer["run_id"]}))
            events = []
            while "RUN_FINISHED" not in events:
                frame = json.loads(await socket.recv())
                events += [frame["event"]["type"]] if frame["type"] == "event" else []
            assert events[0] == "RUN_STARTED"
