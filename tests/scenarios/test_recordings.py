"""Calls as real providers have streamed them: a client hands in their results, and the run goes on."""

import pytest

from tests.contract import request_rules
from tests.contract.reading import Reading, Recording, read, recordings
from tests.contract.test_second_turn import due
from tests.scenarios import sent
from tests.scenarios.server import MODELS, Server
from tests.scenarios.talk import Talk, hand_in

CALLING = [
    pytest.param(recording, reading, id=f"{recording.wire}-{recording.name}")
    for recording in recordings()
    if (reading := read(recording.wire, recording.sse, recording.meta))
    and reading.tool_calls
    and reading.stop_reason == "tool_calls"
]
ABSENT = pytest.param(None, None, marks=pytest.mark.skip(reason="there are no recordings beside the project"))


@pytest.mark.parametrize(("recording", "reading"), CALLING or [ABSENT])
def test_a_recorded_call_is_answered_by_the_clients_result(
    server: Server, recording: Recording, reading: Reading
) -> None:
    names = dict.fromkeys(name for name, _ in reading.tool_calls)
    with server.viewer() as viewer:
        talk = Talk(server, viewer, recording.wire)
        newest = server.upstream.newest
        model = f"{MODELS[recording.wire].partition('/')[0]}/recording/{recording.name}"
        tools = [
            {"name": name, "description": "It does.", "parameters": {"type": "object"}} for name in names
        ]
        talk.start("Do it.", may_use=[], tools=tools, model=model)
        interrupts = talk.pause()
        assert [each["reason"] for each in interrupts] == ["tool_result"] * len(reading.tool_calls)
        results = [f"  result {place} 🧾\n" for place, _ in enumerate(interrupts)]
        talk.go_on(*map(hand_in, interrupts, results))
        # The recording is played once more, whatever is asked.
        talk.pause(2)
        talk.cancel()
        talk.end(3)

        first, second = server.upstream.after(newest)
    for body in (first.body, second.body):
        assert body is not None
        assert request_rules.refusals(recording.wire, body) == []
    assert second.body is not None
    called = sent.calls(recording.wire, second.body)
    assert [(each.name, each.arguments) for each in called] == list(reading.tool_calls)
    assert [each.answer for each in called] == results
    assert [seal for seal in due(recording, reading) if not sent.holds(second.body, seal)] == []
