"""Every recorded stream on its whole way: loopback HTTP, the real SDK, a run, the log, a WebSocket.

What a viewer sees live, what one sees who comes later, and what is stored must all be what another hand
reads in the bytes, whether they come in one piece or in odd ones.
"""

import json
from collections.abc import Iterable
from dataclasses import replace

import pytest

from providers.packing import pieces
from tests.contract import agui_rules, hand_written
from tests.contract.error_bodies import ErrorBody, code_of, error_bodies
from tests.contract.line import Line, Played, Viewer
from tests.contract.reading import COUNTS, Json, Reading, Recording, Usage, decoded, events, read, recordings

BODIES = [*recordings(), *hand_written.BODIES]

#: How a run that ends with this error names why it stopped; the provider is to blame for the others.
STOP_REASONS = {
    "llm_context_window_exceeded": "context_window_exceeded",
    "llm_insufficient_credits": "insufficient_credits",
    "llm_content_filter": "content_filter",
    "invalid_llm_response": "invalid_llm_response",
    "invalid_tool_call": "invalid_tool_call",
}

#: AG-UI's names of our counts.
LABELS = {
    "input_tokens": "inputTokens",
    "cached_input_tokens": "cachedInputTokens",
    "cache_write_input_tokens": "cacheWriteInputTokens",
    "output_tokens": "outputTokens",
    "reasoning_tokens": "reasoningTokens",
}

#: What a provider item's kind says when it comments on the words beside it.
COMMENTS = ("citation", "annotation", "grounding", "urlcontext")


def whole_and_cut(recording: Recording) -> tuple[str, str]:
    """Return the names of the models that play it: in one write, and in odd ones that add up to 500 or so."""
    stem = f"emulator/recording/{recording.name}"
    pieces = max(7, len(recording.sse) // 500) | 1
    return f"{stem}@{recording.wire}", f"{stem}~{pieces}@{recording.wire}"


def play_id(value: Recording | str) -> str:
    return value.partition("/recording/")[2] if isinstance(value, str) else value.wire


def is_item(kind: str) -> bool:
    return not any(word in kind.lower() for word in COMMENTS)


def understood(line: Line, played: Played) -> Reading:
    """Return what somebody understands who only follows the events, and asks the admin for the names."""
    names: dict[str, str] = {}
    arguments: dict[str, str] = {}
    text, reasoning, sealed, items = [], [], [], []
    for event in played.events:
        match event["type"]:
            case "TEXT_MESSAGE_CONTENT":
                text.append(event["delta"])
            case "REASONING_MESSAGE_CONTENT":
                reasoning.append(event["delta"])
            case "REASONING_ENCRYPTED_VALUE":
                sealed.append(event["encryptedValue"])
            case "TOOL_CALL_START":
                names[event["toolCallId"]], arguments[event["toolCallId"]] = event["toolCallName"], ""
            case "TOOL_CALL_ARGS":
                arguments[event["toolCallId"]] += event["delta"]
            case "CUSTOM":
                items.append(event["value"]["kind"])
    (step,) = line.rows("SELECT * FROM runs_step WHERE run_id = ?", played.run_id)
    return Reading(
        text="".join(text),
        reasoning="".join(reasoning),
        sealed=tuple(sealed),
        tool_calls=tuple((name, decoded(arguments[call_id])) for call_id, name in names.items()),
        provider_items=tuple(filter(is_item, items)),
        stop_reason=None if "code" in played.last else played.last["metadata"]["stop_reason"],
        error_code=played.last.get("code"),
        usage=counts(played.last),
        response_id=step["response_id"] or None,
        model=step["model_served"] or None,
    )


def counts(last: Json) -> Usage:
    """Return the counts of the one call that a run here makes, without what was estimated: nobody reported that."""
    (entry,) = last["usage"]
    estimated = last["metadata"]["estimated_usage"]
    assert bool(estimated) == (last["metadata"]["usage_source"] == "estimated")
    return {
        name: (entry.get(label, 0) - estimated.get(label, 0)) or None
        if label in estimated
        else entry.get(label)
        for name, label in LABELS.items()
    }


def without_placeholders(reading: Reading) -> Reading:
    """Return ``reading`` without totals of 0 beside words: a run takes them for not reported, and estimates them."""
    if not (reading.text or reading.reasoning or reading.tool_calls):
        return reading
    totals = {name: reading.usage[name] or None for name in ("input_tokens", "output_tokens")}
    return replace(reading, usage={**reading.usage, **totals})


def raw_usages(wire: str, stream: Iterable[Json]) -> list[Json]:
    """Return every usage object in a stream, wherever that wire puts it."""
    found = []
    for event in stream:
        holders = (event, *(event.get(name) or {} for name in ("response", "message", "x_groq")))
        found += [
            holder[key]
            for holder in holders
            for key in ("usage", "usageMetadata")
            if holder.get(key) is not None
        ]
    return found


@pytest.mark.parametrize(
    ("recording", "model"), [(body, model) for body in BODIES for model in whole_and_cut(body)], ids=play_id
)
def test_it_shows_keeps_and_replays_what_another_hand_reads(
    recording: Recording, model: str, line: Line, viewer: Viewer, latecomer: Viewer
) -> None:
    run = viewer.play(model, "Play what was recorded.")
    reading = read(recording.wire, recording.sse, recording.meta)
    assert understood(line, run) == without_placeholders(reading)
    check_order(run)
    check_models(run)
    check_end(run, reading)
    check_replay(run, latecomer)
    check_rows(line, run, recording, reading)


def check_order(run: Played) -> None:
    assert run.seqs == list(range(1, len(run.frames) + 1))
    assert agui_rules.violations(run.events) == []
    opening = run.events[0]
    assert (opening["threadId"], opening["runId"]) == (run.conversation_id, run.run_id)


def check_models(run: Played) -> None:
    for event in run.events:
        assert agui_rules.as_the_models_see(event) == event


def check_end(run: Played, reading: Reading) -> None:
    last = run.last
    if reading.error_code:
        assert last["type"] == "RUN_ERROR"
        assert last["metadata"]["stop_reason"] == STOP_REASONS.get(reading.error_code, "llm_api_error")
        assert last["message"]
        return
    assert last["type"] == "RUN_FINISHED"
    called = [event["toolCallId"] for event in run.events if event["type"] == "TOOL_CALL_START"]
    assert last["outcome"]["type"] == "success"
    if reading.stop_reason == "tool_calls":
        assert last["outcome"]["pendingToolCallIds"] == called


def check_replay(run: Played, latecomer: Viewer) -> None:
    for after in (0, len(run.frames) // 2, len(run.frames) - 1, len(run.frames)):
        assert latecomer.replay(run.run_id, after=after) == run.frames[after:]


def check_rows(line: Line, run: Played, recording: Recording, reading: Reading) -> None:
    (row,) = line.rows("SELECT * FROM runs_run WHERE id = ?", run.run_id)
    assert row["status"] == ("failed" if reading.error_code else "completed")
    assert row["stop_reason"] == run.last["metadata"]["stop_reason"]
    assert row["error_code"] == (reading.error_code or "")
    (log,) = line.rows("SELECT last_seq FROM runs_eventlog WHERE run_id = ?", run.run_id)
    assert log["last_seq"] == len(run.frames)
    (step,) = line.rows("SELECT * FROM runs_step WHERE run_id = ?", run.run_id)
    for stored in (row, step):
        (entry,) = run.last["usage"]
        assert {name: stored[name] for name in COUNTS} == {
            name: entry.get(label) for name, label in LABELS.items()
        }
        assert stored["usage_source"] == run.last["metadata"]["usage_source"]
    answers = line.rows("SELECT parts FROM runs_message WHERE role = 'assistant' AND run_id = ?", run.run_id)
    said = [part for answer in answers for part in answer["parts"]]
    assert "".join(part["text"] for part in said if part["kind"] == "text") == reading.text
    calls = line.rows("SELECT * FROM runs_toolcall WHERE run_id = ? ORDER BY created_at, id", run.run_id)
    assert tuple((call["name"], decoded(call["arguments"])) for call in calls) == reading.tool_calls
    check_trace(line, run, recording, reading)


#: The pieces of the traces of a run's conversation.
PIECES = """
    SELECT digest, data FROM providers_tracepiece
    WHERE scope = (SELECT conversation_id FROM runs_run WHERE id = ?)
"""


def check_trace(line: Line, run: Played, recording: Recording, reading: Reading) -> None:
    (trace,) = line.rows("SELECT * FROM providers_providertrace WHERE run_id = ?", run.run_id)
    assert trace["http_status"] == 200
    assert trace["status"] == ("failed" if reading.error_code else "completed")
    assert trace["error_code"] == (reading.error_code or "")
    assert (trace["error"] is not None) == (reading.error_code is not None)
    assert trace["first_byte_at"] is not None
    sent = raw_usages(recording.wire, events(recording.sse))
    if any(count is not None for count in reading.usage.values()):
        # Anthropic says its usage in pieces; the others' raw one is one of those that were sent.
        assert trace["raw_usage"]
        assert trace["raw_usage"] in sent or recording.wire == "anthropic-messages"
    else:
        assert not trace["raw_usage"] or trace["raw_usage"] in sent
    stored = {row["digest"]: row["data"] for row in line.rows(PIECES, run.run_id)}
    assert "Play what was recorded." in json.dumps(pieces.restored(trace["packed_request"], stored))


@pytest.mark.parametrize("body", error_bodies(), ids=lambda body: f"{body.provider}/{body.name}")
def test_it_fails_with_what_an_error_answer_means(body: ErrorBody, line: Line, viewer: Viewer) -> None:
    run = viewer.play(f"emulator/error/{body.provider}/{body.name}@{body.wire}", "Fail.")
    check_order(run)
    check_models(run)
    code = code_of(body)
    assert run.last["type"] == "RUN_ERROR"
    assert run.last["code"] == code
    assert run.last["message"]
    reason = STOP_REASONS.get(code, "llm_api_error")
    assert run.last["metadata"]["stop_reason"] == reason
    (row,) = line.rows("SELECT * FROM runs_run WHERE id = ?", run.run_id)
    assert (row["status"], row["stop_reason"], row["error_code"]) == ("failed", reason, code)
    assert row["error_message"] == run.last["message"]
    (trace,) = line.rows("SELECT * FROM providers_providertrace WHERE run_id = ?", run.run_id)
    assert (trace["status"], trace["error_code"], trace["http_status"]) == ("failed", code, body.status)


def test_it_keeps_runs_apart_that_share_one_socket(viewer: Viewer) -> None:
    chosen = sorted(BODIES, key=lambda body: len(body.sse))[-40:]
    started = [(body, *viewer.start(whole_and_cut(body)[1], "Play.")) for body in chosen]
    for body, run_id, conversation_id in started:
        run = Played(run_id=run_id, conversation_id=conversation_id, frames=viewer.follow(run_id))
        check_order(run)
        assert run.text == read(body.wire, body.sse, body.meta).text
