"""What no provider should send harms neither the run that got it nor those beside it."""

import pytest

from tests.contract import agui_rules, odd_answers
from tests.contract.line import Line, Played, Viewer
from tests.contract.reading import Recording


def model(body: Recording) -> str:
    return f"emulator/recording/{body.name}@{body.wire}"


def check(run: Played, body: Recording) -> None:
    assert agui_rules.violations(run.events) == []
    assert [agui_rules.as_the_models_see(event) for event in run.events] == run.events
    assert run.last["type"] == "RUN_FINISHED"
    assert run.text == odd_answers.WORDS * (odd_answers.OFTEN if body.name == "odd-endless-delta" else 1)


@pytest.mark.parametrize("body", odd_answers.BODIES, ids=lambda body: body.name)
def test_it_shows_and_keeps_what_can_be_kept(
    body: Recording, line: Line, viewer: Viewer, latecomer: Viewer
) -> None:
    run = viewer.play(model(body), "Be odd.")
    check(run, body)
    assert latecomer.replay(run.run_id, after=0) == run.frames
    (answer,) = line.rows("SELECT * FROM runs_message WHERE role = 'assistant' AND run_id = ?", run.run_id)
    assert "".join(part["text"] for part in answer["parts"] if part["kind"] == "text") == run.text
    (row,) = line.rows("SELECT * FROM runs_run WHERE id = ?", run.run_id)
    # Nothing in it is a report.
    assert row["usage_source"] == "estimated"
    (trace,) = line.rows("SELECT * FROM providers_providertrace WHERE run_id = ?", run.run_id)
    assert trace["status"] == "completed"


def test_it_leaves_the_runs_beside_it_alone(viewer: Viewer) -> None:
    started = [(body, *viewer.start(model(body), "Be odd.")) for body in odd_answers.BODIES * 3]
    for body, run_id, conversation_id in started:
        check(Played(run_id=run_id, conversation_id=conversation_id, frames=viewer.follow(run_id)), body)


@pytest.mark.parametrize("body", odd_answers.BODIES, ids=lambda body: body.name)
def test_the_conversation_goes_on(body: Recording, viewer: Viewer) -> None:
    first = viewer.play(model(body), "Be odd.")
    second = viewer.play(model(body), "Again.", conversation_id=first.conversation_id)
    check(second, body)
