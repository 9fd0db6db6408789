"""What is kept after a cancel, and how its conversation goes on."""

import json

from runs.models import Message
from tests.faults.aftermath import assert_cancelled, assert_sound, said
from tests.faults.line import Line
from tests.faults.phases import Phase, every_phase, every_wire, reach


@every_wire
@every_phase
async def test_the_conversation_goes_on_after_it(line: Line, wire: str, phase: Phase) -> None:
    client = await line.client()
    cancelled = await reach(line, client, wire, phase)
    await client.cancel(cancelled)
    await client.ended(cancelled)
    partial = said(client.events(cancelled)).strip()
    conversation_id = str((await line.stored(cancelled)).run.conversation_id)
    next_run = await client.start(
        f"emulator/echo@{wire}", prompt="Go on, please.", conversation_id=conversation_id
    )
    assert (await client.ended(next_run))["outcome"] == {"type": "success"}
    # Where the model had said nothing, some wires join the two things that the user said.
    assert said(client.events(next_run)).endswith("Go on, please.")
    sent = json.dumps((await line.upstream("echo")).body, ensure_ascii=False)
    # As JSON writes it, the answer's line ends included.
    assert json.dumps(partial, ensure_ascii=False)[1:-1] in sent
    assert sent.index("Tell me something.") < sent.index("Go on, please.")
    await line.assert_nothing_left()
    assert_sound(await line.stored(next_run))


@every_wire
async def test_half_a_thought_is_kept_and_not_sent_back(line: Line, wire: str) -> None:
    answer, sent = await cut_and_go_on(line, wire, "reasoning", when="REASONING_MESSAGE_CONTENT")
    assert [part["kind"] for part in answer.parts] == ["reasoning"]
    for name in ("thinking", "reasoning", "reasoning_content", "thought", "thoughtSignature"):
        assert f'"{name}"' not in sent, sent


#: How each wire writes a call and the answer to one: by "type", or by the name of the field.
CALLS = {
    "openai-chat": ('"type": "function"', '"role": "tool"'),
    "openai-responses": ('"type": "function_call"', '"type": "function_call_output"'),
    "anthropic-messages": ('"type": "tool_use"', '"type": "tool_result"'),
    "gemini-generate": ('"functionCall"', '"functionResponse"'),
}


@every_wire
async def test_a_call_that_was_cut_is_kept_and_none_goes_back_unanswered(line: Line, wire: str) -> None:
    answer, sent = await cut_and_go_on(line, wire, "tools", when="TOOL_CALL_ARGS")
    calls = [part for part in answer.parts if part["kind"] == "tool_call"]
    assert calls
    call, result = CALLS[wire]
    assert sent.count(call) == sent.count(result) == sum(part["complete"] for part in calls), sent


async def cut_and_go_on(line: Line, wire: str, model: str, *, when: str) -> tuple[Message, str]:
    """Cancel at the first event of type ``when``; return what is kept, and what the next turn sends."""
    client = await line.client()
    cancelled = await client.start(f"emulator/{model}@{wire}")
    await client.saw(cancelled, when)
    await client.cancel(cancelled)
    await client.ended(cancelled)
    stored = await line.stored(cancelled)
    assert_cancelled(stored, cut=True)
    (answer,) = stored.answers
    conversation_id = str(stored.run.conversation_id)
    next_run = await client.start(f"emulator/echo@{wire}", prompt="Go on.", conversation_id=conversation_id)
    assert (await client.ended(next_run))["outcome"] == {"type": "success"}
    sent = json.dumps((await line.upstream("echo")).body)
    await line.assert_nothing_left()
    return answer, sent
