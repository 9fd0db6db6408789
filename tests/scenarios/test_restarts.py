"""A run that waits outlives the process that paused it, for as long as somebody may decide."""

import signal
import time
from collections.abc import Iterator

import pytest

from tests.contract.reading import Json
from tests.scenarios.sent import Called
from tests.scenarios.server import WIRES, Server
from tests.scenarios.talk import Talk, approve, call, deny
from tests.scenarios.viewer import Viewer


def begin_to_wait(server: Server, viewer: Viewer) -> list[tuple[Talk, Json]]:
    """Return a conversation over each wire that waits for somebody, and what for."""
    waiting = []
    for wire in WIRES:
        talk = Talk(server, viewer, wire)
        talk.start(call("launch", label=talk.label) + call("count", label=talk.label))
        [interrupt] = talk.pause()
        waiting.append((talk, interrupt))
    return waiting


def ends_well(talk: Talk) -> None:
    assert talk.end(2)["outcome"] == {"type": "success"}
    assert sorted(talk.executions()) == ["count", "launch"]
    talk.next_turn(
        Called("launch", {"label": talk.label}, f"launched {talk.label} × 1"),
        Called("count", {"label": talk.label}, f"counted {talk.label}"),
    )


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL], ids=["stopped", "killed"])
def test_it_survives_a_restart_while_it_waits(server: Server, how: signal.Signals) -> None:
    with server.viewer() as viewer:
        waiting = begin_to_wait(server, viewer)
    server.restart(how)

    with server.viewer() as viewer:
        for talk, interrupt in waiting:
            seen = talk.viewer.events[talk.run_id]
            talk.viewer = viewer
            assert talk.row()["status"] == "awaiting_approval"
            assert viewer.ask("subscribe", run_id=talk.run_id, after=0)["type"] == "ok"
            assert talk.pause() == [interrupt]
            assert viewer.events[talk.run_id] == seen
            assert talk.executions() == []
            talk.go_on(approve(interrupt))
            ends_well(talk)


def test_another_process_continues_what_one_has_paused(server: Server) -> None:
    with server.viewer() as first, server.second() as port, Viewer.on(port, server.token) as second:
        for talk, interrupt in begin_to_wait(server, first):
            assert talk.resolve(approve(interrupt), viewer=second)["state"] == "resolved"
            second.ask("subscribe", run_id=talk.run_id, after=0)
            # Whoever watches at the first process sees how it goes on at the second.
            assert second.segment(talk.run_id, 2) == first.segment(talk.run_id, 2)
            ends_well(talk)


@pytest.fixture
def hasty(server: Server) -> Iterator[Server]:
    """The server, where nobody has more than a second to decide."""
    server.restart(RUNNEL_APPROVAL_TIMEOUT="1", RUNNEL_HEARTBEAT_SECONDS="0.2")
    yield server
    server.restart()


def test_nobody_decides_in_time(hasty: Server) -> None:
    with hasty.viewer() as viewer:
        waiting = begin_to_wait(hasty, viewer)
        began = time.monotonic()
        for talk, interrupt in waiting:
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
