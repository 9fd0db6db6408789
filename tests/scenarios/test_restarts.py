"""A run that waits outlives the process that paused it, for as long as somebody may decide."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.scenarios.sent import Called
from tests.scenarios.server import WIRES, Recorder, Server
from tests.scenarios.talk import Talk, approve, call, deny
from tests.scenarios.viewer import Viewer

type Open = Callable[..., Server]


@pytest.fixture
def start(tmp_path: Path, upstream: Recorder) -> Iterator[Open]:
    servers = []

    def open_server(**environment: str) -> Server:
        servers.append(Server(tmp_path, upstream, **environment))
        return servers[-1]

    yield open_server
    for server in servers:
        server.close()


def test_it_survives_a_restart_while_it_waits(start: Open) -> None:
    server = start()
    with server.viewer() as viewer:
        talks = [Talk(server, viewer, wire) for wire in WIRES]
        for talk in talks:
            talk.start(call("launch", label=talk.label) + call("count", label=talk.label))
            talk.pause()
    server.process.kill()
    server.process.start()

    with server.viewer() as viewer:
        for talk in talks:
            seen = talk.viewer.events[talk.run_id]
            talk.viewer = viewer
            assert talk.row()["status"] == "awaiting_approval"
            assert viewer.ask("subscribe", run_id=talk.run_id, after=0)["type"] == "ok"
            [interrupt] = talk.pause()
            assert viewer.events[talk.run_id] == seen
            assert talk.executions() == []
            talk.go_on(approve(interrupt))
            assert talk.end(2)["outcome"] == {"type": "success"}
            assert sorted(talk.executions()) == ["count", "launch"]
            talk.next_turn(
                Called("launch", {"label": talk.label}, f"launched {talk.label} × 1"),
                Called("count", {"label": talk.label}, f"counted {talk.label}"),
            )


def test_another_process_continues_what_one_has_paused(start: Open) -> None:
    server = start()
    with ExitStack() as stack:
        first = stack.enter_context(server.viewer())
        port = stack.enter_context(server.second())
        second = stack.enter_context(Viewer.on(port, server.token))
        for wire in WIRES:
            talk = Talk(server, first, wire)
            talk.start(call("launch", label=talk.label))
            [interrupt] = talk.pause()
            assert talk.resolve(approve(interrupt), viewer=second)["state"] == "resolved"
            # Whoever watches at the first process sees how it goes on at the second.
            assert talk.end(2)["outcome"] == {"type": "success"}
            assert talk.executions() == ["launch"]
            talk.next_turn(Called("launch", {"label": talk.label}, f"launched {talk.label} × 1"))


def test_nobody_decides_in_time(start: Open) -> None:
    server = start(RUNNEL_APPROVAL_TIMEOUT="1", RUNNEL_HEARTBEAT_SECONDS="0.2")
    with server.viewer() as viewer:
        talks = [Talk(server, viewer, wire) for wire in WIRES]
        pending = []
        for talk in talks:
            talk.start(call("launch", label=talk.label) + call("count", label=talk.label))
            pending.append(talk.pause()[0])
        began = time.monotonic()
        for talk, interrupt in zip(talks, pending, strict=True):
            end = talk.end(2)
            assert (end["type"], end["code"]) == ("RUN_ERROR", "timeout")
            assert time.monotonic() - began < 10
            assert (talk.row()["status"], talk.row()["stop_reason"]) == ("failed", "timeout")
            assert [row["status"] for row in talk.call_rows()] == ["expired", "expired"]
            assert [result["metadata"]["status"] for result in talk.results(2)] == ["expired", "expired"]
            assert talk.resolve(deny(interrupt))["code"] == "already_terminal"
            assert talk.executions() == []
            talk.next_turn(
                *[
                    Called(row["name"], {"label": talk.label}, row["result"], is_error=True)
                    for row in talk.call_rows()
                ]
            )
