"""What a person decides about calls, and what becomes of it."""

import json
from typing import Any

import pytest

from tests.contract.reading import Json
from tests.scenarios.sent import Called
from tests.scenarios.talk import NEXT, Talk, approve, call, deny, hand_in


def test_a_run_that_waits_for_nobody_has_nothing_to_decide(talk: Talk) -> None:
    foreign = "00000000-0000-4000-8000-000000000000"
    entry = {"interruptId": foreign, "status": "resolved", "payload": {"approved": True}}
    talk.start(f"[[pause 60]] {call('count', label=talk.label)}")
    # Where nothing has been said, both turns' words, and so the order, stand in one message of the next request.
    talk.viewer.saw(talk.run_id, "TEXT_MESSAGE_CONTENT")
    assert talk.resolve(entry)["code"] == "nothing_pending"
    assert talk.resolve(entry, run_id=foreign)["code"] == "not_found"
    talk.cancel()
    talk.end(1)
    assert talk.resolve(entry)["code"] == "already_terminal"

    assert talk.executions() == []
    talk.next_turn()


def test_a_message_is_refused_while_it_waits_unless_it_cancels_first(talk: Talk) -> None:
    talk.start(call("launch", label=talk.label))
    [interrupt] = talk.pause()

    refused = talk.try_to_start("Something else.")
    assert refused["code"] == "conversation_busy"
    assert "cancel" in refused["message"].lower()
    assert talk.row()["status"] == "awaiting_approval"

    waiting = talk.run_id
    talk.start(call("count", label=talk.label), options={"cancel_pending": True})
    assert talk.end(1)["outcome"] == {"type": "success"}
    assert talk.resolve(approve(interrupt), run_id=waiting)["code"] == "already_terminal"
    assert talk.executions() == ["count"]
    talk.viewer.segment(waiting, 2)
    talk.next_turn(
        Called("launch", {"label": talk.label}, "Cancelled by the user and not executed.", is_error=True),
        Called("count", {"label": talk.label}, f"counted {talk.label}"),
    )


def test_wrong_ids_change_nothing(talk: Talk) -> None:
    talk.start(call("launch", label="another"))
    [foreign] = talk.pause()
    others = talk.run_id
    talk.conversation_id = None
    talk.start(call("launch", label=talk.label) + call("launch", label=talk.label, times=2))
    one, two = talk.pause()

    invented = {**one, "id": "00000000-0000-4000-8000-000000000000"}
    changed = {**two, "metadata": {"digest": "0" * 64}}
    for entries in (
        [],
        [approve(one)],
        [approve(one), approve(two), approve(foreign)],
        [approve(one), approve(foreign)],
        [approve(one), approve(invented)],
        [approve(one), approve(one)],
        [approve(one), approve(one), approve(two)],
        [approve(one), approve(changed)],
        [approve(one), approve({**two, "id": two["toolCallId"]})],
    ):
        assert talk.resolve(*entries)["code"] == "interrupt_mismatch"
    assert [row["status"] for row in talk.call_rows()] == ["pending", "pending"]
    assert talk.row()["status"] == "awaiting_approval"
    assert talk.executions() == []

    talk.go_on(approve(two), deny(one))
    assert talk.end(2)["outcome"] == {"type": "success"}
    assert talk.executions() == ["launch"]
    assert talk.resolve(approve(two), deny(one))["code"] == "already_terminal"
    talk.viewer.ask("cancel", run_id=others)
    talk.run_ids.remove(others)
    talk.next_turn(
        Called("launch", {"label": talk.label}, "Denied by the user.", is_error=True),
        Called("launch", {"label": talk.label, "times": 2}, f"launched {talk.label} × 2"),
    )


NO_DECISIONS: list[Any] = [
    None,
    [],
    {},
    {"approved": "yes"},
    {"approved": True, "editedArgs": "label"},
    {"approved": True, "editedArgs": {"label": 7}},
    {"approved": True, "editedArgs": {"nothing": "known"}},
    {"approved": False, "reason": 7},
    {"approved": True, "result": "mine"},
    {"result": "mine"},
]


def test_a_decision_that_is_none_changes_nothing(talk: Talk) -> None:
    talk.start(call("launch", label=talk.label))
    [interrupt] = talk.pause()
    for payload in NO_DECISIONS:
        assert talk.resolve(approve(interrupt) | {"payload": payload})["code"] == "bad_frame", payload
    assert talk.row()["status"] == "awaiting_approval"

    talk.go_on(deny(interrupt))
    assert talk.end(2)["outcome"] == {"type": "success"}
    assert talk.executions() == []
    talk.next_turn(Called("launch", {"label": talk.label}, "Denied by the user.", is_error=True))


def test_an_approved_call_is_executed_and_the_run_goes_on(talk: Talk) -> None:
    talk.start(call("launch", label=talk.label, times=3))
    [interrupt] = talk.pause()
    assert interrupt["reason"] == "tool_approval"
    assert interrupt["metadata"]["name"] == "launch"
    assert json.loads(interrupt["metadata"]["arguments"]) == {"label": talk.label, "times": 3}
    assert interrupt["expiresAt"]
    assert (talk.row()["lease_until"], talk.executions()) == (None, [])

    talk.go_on(approve(interrupt))
    end = talk.end(2)

    assert end["outcome"] == {"type": "success"}
    started = talk.viewer.segment(talk.run_id, 2)[0]
    assert [entry["interruptId"] for entry in started["input"]["resume"]] == [interrupt["id"]]
    assert talk.executions() == ["launch"]
    [stored] = talk.call_rows()
    assert (stored["decision"], stored["status"]) == ("approved", "succeeded")
    assert (stored["decided_digest"], stored["decided_by_id"]) == (interrupt["metadata"]["digest"], 1)
    assert stored["decided_at"]
    talk.next_turn(Called("launch", {"label": talk.label, "times": 3}, f"launched {talk.label} × 3"))


def test_the_model_reads_why_a_call_was_denied_and_the_run_goes_on(talk: Talk) -> None:
    talk.start(call("launch", label=talk.label) + NEXT + call("count", label=talk.label))
    [interrupt] = talk.pause()
    talk.go_on(deny(interrupt, "It rains. 🌧"))

    assert talk.end(2)["outcome"] == {"type": "success"}
    denied, counted = talk.results(2)
    assert (denied["metadata"]["status"], denied["metadata"]["is_error"]) == ("denied", True)
    assert counted["metadata"]["status"] == "succeeded"
    assert talk.executions() == ["count"]
    assert [row["reason"] for row in talk.call_rows()] == ["It rains. 🌧", ""]
    talk.next_turn(
        Called("launch", {"label": talk.label}, "Denied by the user: It rains. 🌧", is_error=True),
        Called("count", {"label": talk.label}, f"counted {talk.label}"),
    )


def test_a_decision_that_a_client_gives_up_is_a_denial(talk: Talk) -> None:
    talk.start(call("launch", label=talk.label))
    [interrupt] = talk.pause()
    talk.go_on({"interruptId": interrupt["id"], "status": "cancelled"})

    assert talk.end(2)["outcome"] == {"type": "success"}
    [result] = talk.results(2)
    assert result["metadata"]["status"] == "denied"
    assert talk.executions() == []
    talk.next_turn(Called("launch", {"label": talk.label}, result["content"], is_error=True))


def test_edited_arguments_are_executed_instead(talk: Talk) -> None:
    talk.start(call("launch", label=talk.label, times=1000))
    [interrupt] = talk.pause()
    talk.go_on(approve(interrupt, editedArgs={"label": talk.label, "times": 2}))

    assert talk.end(2)["outcome"] == {"type": "success"}
    assert talk.executions() == ["launch"]
    [stored] = talk.call_rows()
    assert stored["decision"] == "edited"
    assert json.loads(stored["arguments"]) == {"label": talk.label, "times": 1000}
    assert json.loads(stored["edited_arguments"]) == {"label": talk.label, "times": 2}
    # What the model said is sealed on some wires: its own arguments go back.
    [result] = talk.results(2)
    assert f"launched {talk.label} × 2" in result["content"]
    talk.next_turn(Called("launch", {"label": talk.label, "times": 1000}, result["content"]))


#: A tool that the client executes.
COMPASS: Json = {
    "name": "compass",
    "description": "Tells where the phone points.",
    "parameters": {"type": "object", "properties": {"precise": {"type": "boolean"}}},
}


@pytest.mark.parametrize(
    ("result", "said"),
    [
        ("  NNW\n“über” 🧭 \\ \u2028 end ", "  NNW\n“über” 🧭 \\ \u2028 end "),
        ('{"a": 1}', '{"a": 1}'),
        ({"b": [1, None, "ü"]}, '{"b":[1,null,"ü"]}'),
        (42, "42"),
        ("", ""),
    ],
    ids=["words", "json text", "object", "number", "nothing"],
)
def test_a_clients_result_is_used_as_it_is(talk: Talk, result: Any, said: str) -> None:
    talk.start(call("compass", precise=True), may_use=[], tools=[COMPASS])
    [interrupt] = talk.pause()
    assert interrupt["reason"] == "tool_result"
    talk.go_on(hand_in(interrupt, result))

    assert talk.end(2)["outcome"] == {"type": "success"}
    talk.next_turn(Called("compass", {"precise": True}, said))


def test_of_four_parallel_calls_three_are_gated_and_decided_each_in_its_way(talk: Talk) -> None:
    label = talk.label
    orders = [
        call("launch", label=label, times=1),
        call("count", label=label),
        call("launch", label=label, times=2),
        call("launch", label=label, times=3),
    ]
    talk.start("".join(orders))
    first, third, fourth = talk.pause()
    assert [json.loads(each["metadata"]["arguments"])["times"] for each in (first, third, fourth)] == [
        1,
        2,
        3,
    ]
    assert [row["status"] for row in talk.call_rows()] == ["pending", "held", "pending", "pending"]
    assert talk.executions() == []

    edited = approve(fourth, editedArgs={"label": label, "times": 30})
    talk.go_on(edited, deny(first, "Not this one."), approve(third))

    assert talk.end(2)["outcome"] == {"type": "success"}
    assert sorted(talk.executions()) == ["count", "launch", "launch"]
    last = talk.call_rows()[-1]["result"]
    assert f"launched {label} × 30" in last
    talk.next_turn(
        Called("launch", {"label": label, "times": 1}, "Denied by the user: Not this one.", is_error=True),
        Called("count", {"label": label}, f"counted {label}"),
        Called("launch", {"label": label, "times": 2}, f"launched {label} × 2"),
        Called("launch", {"label": label, "times": 3}, last),
    )
