"""A cancel, wherever a run with calls is: nothing is executed behind it, and every call has its answer."""

import time

import pytest

from tests.contract.reading import Json
from tests.scenarios.sent import Called
from tests.scenarios.server import Server
from tests.scenarios.talk import NEXT, Talk, approve, call

CANCELLED = "Cancelled by the user and not executed."


def ends_cancelled(talk: Talk, number: int) -> Json:
    end = talk.end(number)
    assert end["type"] == "RUN_FINISHED", end
    assert end["outcome"] == {"type": "cancelled"}
    assert talk.row()["status"] == "cancelled"
    return end


def test_it_is_cancelled_while_the_call_that_needs_approval_streams_in(talk: Talk) -> None:
    talk.start(call("count", label=talk.label) + call("launch", label=talk.label) + "[[pause 60]]")
    talk.viewer.saw(talk.run_id, "TOOL_CALL_ARGS", times=1)
    assert talk.cancel()["state"] == "requested"

    ends_cancelled(talk, 1)
    assert talk.executions() == []
    statuses = [row["status"] for row in talk.call_rows()]
    # What was not whole is as if it had never been said.
    whole = statuses.count("cancelled")
    assert set(statuses) <= {"cancelled", "incomplete"}
    assert statuses == ["cancelled"] * whole + ["incomplete"] * (len(statuses) - whole)
    talk.next_turn(
        *[
            Called(name, {"label": talk.label}, CANCELLED, is_error=True)
            for name in ("count", "launch")[:whole]
        ]
    )


def test_it_is_cancelled_while_it_waits_and_ungated_siblings_are_answered_as_well(talk: Talk) -> None:
    talk.start(call("count", label=talk.label) + call("launch", label=talk.label))
    [interrupt] = talk.pause()
    assert talk.cancel(reason="No, thank you.")["state"] == "requested"

    end = ends_cancelled(talk, 2)
    assert end["metadata"]["cancelled_by"] == "user"
    assert [result["content"] for result in talk.results(2)] == [CANCELLED, CANCELLED]
    assert [row["status"] for row in talk.call_rows()] == ["cancelled", "cancelled"]
    assert talk.cancel()["state"] == "already_terminal"
    assert talk.resolve(approve(interrupt))["code"] == "already_terminal"
    assert talk.executions() == []
    talk.next_turn(
        Called("count", {"label": talk.label}, CANCELLED, is_error=True),
        Called("launch", {"label": talk.label}, CANCELLED, is_error=True),
    )


def test_an_async_tool_is_cancelled_with_its_run(talk: Talk) -> None:
    talk.start(call("linger", label=talk.label, seconds=60) + call("count", label=talk.label))
    talk.viewer.saw(talk.run_id, "TOOL_CALL_RESULT")
    until_noted(talk, "linger")
    began = time.monotonic()
    talk.cancel()

    ends_cancelled(talk, 1)
    assert time.monotonic() - began < 5
    until_noted(talk, "linger-cancelled")
    counted, lingered = talk.results(1)
    assert counted["metadata"]["status"] == "succeeded"
    assert lingered["metadata"]["status"] == "interrupted"
    assert "linger-ended" not in talk.executions()
    talk.next_turn(
        Called("linger", {"label": talk.label, "seconds": 60}, lingered["content"], is_error=True),
        Called("count", {"label": talk.label}, f"counted {talk.label}"),
    )


def test_a_sync_tool_is_left_behind_and_its_late_result_noted(talk: Talk) -> None:
    talk.start(call("plod", label=talk.label, seconds=0.8))
    until_noted(talk, "plod")
    began = time.monotonic()
    talk.cancel()

    ends_cancelled(talk, 1)
    assert time.monotonic() - began < 0.7
    [result] = talk.results(1)
    assert result["metadata"]["status"] == "interrupted"
    until_noted(talk, "plod-ended")
    [stored] = wait_for_note(talk)
    assert "discarded" in stored["note"]
    assert (stored["status"], stored["result"]) == ("interrupted", result["content"])
    talk.next_turn(Called("plod", {"label": talk.label, "seconds": 0.8}, result["content"], is_error=True))


def test_it_is_cancelled_in_the_step_after_an_approval(talk: Talk) -> None:
    talk.start(call("launch", label=talk.label) + NEXT + "[[pause 60]]" + call("count", label=talk.label))
    [interrupt] = talk.pause()
    talk.go_on(approve(interrupt))
    talk.viewer.until(
        talk.run_id, lambda events: sum(event["type"] == "STEP_STARTED" for event in events) == 2
    )
    talk.cancel()

    ends_cancelled(talk, 2)
    assert talk.executions() == ["launch"]
    talk.next_turn(Called("launch", {"label": talk.label}, f"launched {talk.label} × 1"))


@pytest.mark.parametrize("round_", range(5))
def test_an_approval_and_a_cancel_at_once_end_in_one_of_the_two(
    talk: Talk, server: Server, round_: int
) -> None:
    with server.viewer() as other:
        talk.start(call("launch", label=talk.label) + call("linger", label=talk.label, seconds=0.02))
        [interrupt] = talk.pause()
        resume = [approve(interrupt)]
        if round_ % 2:
            stop = other.send("cancel", run_id=talk.run_id)
            decide = talk.viewer.send("resolve", run_id=talk.run_id, resume=resume)
        else:
            decide = talk.viewer.send("resolve", run_id=talk.run_id, resume=resume)
            stop = other.send("cancel", run_id=talk.run_id)
        decided, stopped = talk.viewer.answer(decide), other.answer(stop)
    end = talk.end(2)

    assert stopped["state"] in {"requested", "already_terminal"}
    launched = talk.executions().count("launch")
    if decided["type"] == "error":
        assert decided["code"] in {"nothing_pending", "already_terminal", "conflict"}
        assert launched == 0
    assert launched <= 1
    assert end["outcome"]["type"] == ("cancelled" if stopped["state"] == "requested" else "success")
    launch, linger = talk.call_rows()
    if launch["status"] == "succeeded":
        assert launched == 1
    else:
        assert launch["status"] in {"cancelled", "interrupted"}
        assert launched == 0 or launch["status"] == "interrupted"
    talk.next_turn(
        Called("launch", {"label": talk.label}, launch["result"], bool(launch["is_error"])),
        Called("linger", {"label": talk.label, "seconds": 0.02}, linger["result"], bool(linger["is_error"])),
    )


def until_noted(talk: Talk, what: str) -> None:
    deadline = time.monotonic() + 10
    while what not in talk.executions():
        assert time.monotonic() < deadline, talk.executions()
        time.sleep(0.01)


def wait_for_note(talk: Talk) -> list[Json]:
    deadline = time.monotonic() + 5
    while not all(row["note"] for row in talk.call_rows()):
        assert time.monotonic() < deadline, "nobody noted what came too late"
        time.sleep(0.02)
    return talk.call_rows()
