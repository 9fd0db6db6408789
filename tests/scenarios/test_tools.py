"""What tools do to a run: break, take long, say too much, be asked for nonsense; and the limits of a run."""

import json
import time
from uuid import UUID

import pytest

from tests.contract.reading import Json
from tests.scenarios.sent import Called
from tests.scenarios.talk import NEXT, Talk, approve, call

#: Characters of a result that the model reads at most.
LONGEST_RESULT = 100_000


def test_a_tool_that_fails_or_takes_too_long_spoils_no_other(talk: Talk) -> None:
    label = talk.label
    began = time.monotonic()
    talk.start("".join(call(name, label=label) for name in ("explode", "dawdle", "decline", "count", "who")))
    end = talk.end(1)

    assert end["outcome"] == {"type": "success"}
    assert time.monotonic() - began < 10
    # Told as they came, and sent in the order of their calls.
    results = {result["metadata"]["name"]: result for result in talk.results(1)}
    assert {name: result["metadata"]["status"] for name, result in results.items()} == {
        "explode": "failed",
        "dawdle": "timed_out",
        "decline": "failed",
        "count": "succeeded",
        "who": "succeeded",
    }
    assert talk.results(1)[-1]["metadata"]["name"] == "dawdle"
    assert results["decline"]["content"] == "Not on a Sunday."
    assert results["who"]["content"] == f"{talk.viewer.user} in {talk.conversation_id}"
    assert "secret" not in json.dumps(talk.viewer.events[talk.run_id])
    assert "a secret that is for admins only" in talk.call_rows()[0]["note"]
    talk.next_turn(
        *[
            Called(name, {"label": label}, results[name]["content"], results[name]["metadata"]["is_error"])
            for name in ("explode", "dawdle", "decline", "count", "who")
        ]
    )


def test_calls_of_a_step_run_at_the_same_time(talk: Talk) -> None:
    talk.start("".join(call("linger", label=talk.label, seconds=0.5) for _ in range(6)))
    assert talk.end(1)["outcome"] == {"type": "success"}

    notes = talk.executions()
    assert notes[:6] == ["linger"] * 6
    assert notes[6:] == ["linger-ended"] * 6
    answer = f"lingered {talk.label}"
    talk.next_turn(*[Called("linger", {"label": talk.label, "seconds": 0.5}, answer)] * 6)


def test_a_result_of_ten_megabytes_is_cut_and_says_so(talk: Talk) -> None:
    talk.start(call("flood", label=talk.label, megabytes=10))
    assert talk.end(1)["outcome"] == {"type": "success"}

    [result] = talk.results(1)
    assert LONGEST_RESULT <= len(result["content"]) < LONGEST_RESULT + 200
    assert result["content"].startswith(f"flooded {talk.label} water 💧")
    assert "100,000" in result["content"][LONGEST_RESULT:]
    talk.next_turn(Called("flood", {"label": talk.label, "megabytes": 10}, result["content"]))


def test_the_model_reads_what_is_wrong_with_its_arguments(talk: Talk) -> None:
    wrong: list[tuple[str, Json, str]] = [
        ("linger", {"label": talk.label, "seconds": "many"}, "seconds"),
        ("linger", {"label": talk.label}, "seconds"),
        ("count", {"label": talk.label, "colour": "red"}, "colour"),
        # Nobody is asked about a call that cannot be executed.
        ("launch", {"label": talk.label, "times": []}, "times"),
    ]
    talk.start(
        "".join(call(name, **arguments) for name, arguments, _ in wrong) + call("count", label=talk.label)
    )
    assert talk.end(1)["outcome"] == {"type": "success"}

    assert talk.executions() == ["count"]
    *refused, good = talk.call_rows()
    assert [row["status"] for row in refused] == ["failed"] * 4
    assert all(word in row["result"] for row, (_, _, word) in zip(refused, wrong, strict=True))
    assert good["status"] == "succeeded"
    talk.next_turn(
        *[
            Called(name, arguments, row["result"], is_error=True)
            for row, (name, arguments, _) in zip(refused, wrong, strict=True)
        ],
        Called("count", {"label": talk.label}, f"counted {talk.label}"),
    )


def test_arguments_that_are_no_json_are_answered_and_the_run_goes_on(talk: Talk) -> None:
    talk.start(f'[[call count {{"label": ]]{call("count", label=talk.label)}')
    assert talk.end(1)["outcome"] == {"type": "success"}
    assert talk.executions() == ["count"]
    refused, counted = talk.call_rows()
    assert (refused["status"], counted["status"]) == ("failed", "succeeded")
    # Gemini's wire has objects only: here it is a wrong one.
    given = {"not_an_object": '{"label":'} if talk.wire == "gemini-generate" else {}
    talk.next_turn(
        Called("count", given, refused["result"], is_error=True),
        Called("count", {"label": talk.label}, f"counted {talk.label}"),
    )


def test_three_steps_with_unreadable_arguments_in_a_row_end_the_run(talk: Talk) -> None:
    if talk.wire == "gemini-generate":
        pytest.skip("Gemini's wire has objects only.")
    bad = '[[call count {"label": ]]'
    talk.start(NEXT.join([bad, bad, call("count", label=talk.label), bad, bad, bad, bad]))
    end = talk.end(1)
    assert (end["type"], end["code"]) == ("RUN_ERROR", "invalid_tool_call")
    rows = talk.call_rows()
    assert [row["status"] for row in rows] == [
        "failed",
        "failed",
        "succeeded",
        "failed",
        "failed",
        "cancelled",
    ]
    assert talk.executions() == ["count"]


def test_an_unknown_tool_is_answered_and_the_run_goes_on(talk: Talk) -> None:
    talk.start(
        call("teleport", to="Mars") + call("count", label=talk.label) + NEXT + call("count", label=talk.label)
    )
    assert talk.end(1)["outcome"] == {"type": "success"}

    unknown, *_ = talk.call_rows()
    assert unknown["status"] == "failed"
    assert "teleport" in unknown["result"]
    assert talk.executions() == ["count", "count"]
    counted = Called("count", {"label": talk.label}, f"counted {talk.label}")
    talk.next_turn(Called("teleport", {"to": "Mars"}, unknown["result"], is_error=True), counted, counted)


def test_a_tool_that_the_conversation_did_not_choose_is_unknown(talk: Talk) -> None:
    talk.start(call("count", label=talk.label) + call("who", label=talk.label), may_use=["who"])
    assert talk.end(1)["outcome"] == {"type": "success"}

    refused, told = talk.call_rows()
    assert (refused["status"], told["status"]) == ("failed", "succeeded")
    assert talk.executions() == ["who"]
    talk.next_turn(
        Called("count", {"label": talk.label}, refused["result"], is_error=True),
        Called("who", {"label": talk.label}, told["result"]),
    )


def test_the_step_after_an_approval_fails_and_the_next_turn_takes_it_from_there(talk: Talk) -> None:
    talk.start(call("launch", label=talk.label) + "[[fault=error status=500 step=2]]")
    [interrupt] = talk.pause()
    talk.go_on(approve(interrupt))

    end = talk.end(2)
    assert (end["type"], end["code"]) == ("RUN_ERROR", "llm_server")
    assert talk.executions() == ["launch"]
    talk.next_turn(Called("launch", {"label": talk.label}, f"launched {talk.label} × 1"), failures=1)
    assert talk.executions() == ["launch"]


def test_the_step_after_an_approval_is_tried_again_and_the_tool_is_not(talk: Talk) -> None:
    order = "[[fault=error status=503 step=2 attempts=1]]"
    talk.start(call("launch", label=talk.label) + order, options={"max_retries": 1})
    [interrupt] = talk.pause()
    talk.go_on(approve(interrupt))

    assert talk.end(2)["outcome"] == {"type": "success"}
    assert talk.executions() == ["launch"]
    talk.next_turn(Called("launch", {"label": talk.label}, f"launched {talk.label} × 1"), failures=1)


def test_the_limit_of_steps_ends_the_run(talk: Talk) -> None:
    counts = NEXT.join(call("count", label=talk.label) for _ in range(5))
    talk.start(counts, options={"max_steps": 3})

    end = talk.end(1)
    assert (end["outcome"], end["metadata"]["stop_reason"]) == ({"type": "success"}, "max_steps")
    steps = [event for event in talk.viewer.events[talk.run_id] if event["type"] == "STEP_STARTED"]
    assert len(steps) == 3
    rows = talk.call_rows()
    assert len(rows) == 3
    assert len(talk.executions()) == [row["status"] for row in rows].count("succeeded")
    talk.next_turn(
        *[Called("count", {"label": talk.label}, row["result"], bool(row["is_error"])) for row in rows]
    )


def test_the_budget_ends_the_run_in_its_first_step(talk: Talk) -> None:
    counts = NEXT.join(call("count", label=talk.label) for _ in range(5))
    needs = _input_tokens(talk, counts)
    talk.start(counts, budget={"tokens": needs + 20})

    end = talk.end(1)
    assert (end["outcome"], end["metadata"]["stop_reason"]) == ({"type": "success"}, "budget_exhausted")
    assert talk.row()["status"] == "completed"
    rows = talk.call_rows()
    assert len(rows) <= 1
    assert talk.executions() == []
    whole = [row for row in rows if row["status"] != "incomplete"]
    talk.next_turn(*[Called("count", {"label": talk.label}, row["result"], is_error=True) for row in whole])


def _input_tokens(talk: Talk, text: str) -> int:
    """Return what the first step of a turn with this ``text`` reads, in a conversation of its own."""
    talk.start(text, options={"max_steps": 1})
    talk.end(1)
    [step] = talk.server.rows("SELECT * FROM runs_step WHERE run_id = ?", UUID(talk.run_id))
    talk.run_ids.clear()
    talk.conversation_id = None
    tokens: int = step["input_tokens"]
    return tokens


def test_the_budget_ends_the_run_in_a_later_step(talk: Talk) -> None:
    counts = NEXT.join(call("count", label=talk.label) for _ in range(30))
    talk.start(counts, budget={"tokens": 12_000}, options={"max_steps": 30})

    end = talk.end(1)
    assert (end["outcome"], end["metadata"]["stop_reason"]) == ({"type": "success"}, "budget_exhausted")
    rows = [row for row in talk.call_rows() if row["status"] != "incomplete"]
    assert 1 < len(rows) < 30
    assert len(talk.executions()) == [row["status"] for row in rows].count("succeeded")
    talk.next_turn(
        *[Called("count", {"label": talk.label}, row["result"], bool(row["is_error"])) for row in rows]
    )
