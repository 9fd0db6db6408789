"""Assertions about a run that has ended, at whatever point a cancel stopped it."""

import json
from typing import Any

from providers.types.usage import COUNTS
from tests.faults.client import Json, is_terminal
from tests.faults.line import Stored

#: The events that must be closed: by opening event, the closing event and the key with the common id.
_PAIRS = {
    "STEP_STARTED": ("STEP_FINISHED", "stepName"),
    "TEXT_MESSAGE_START": ("TEXT_MESSAGE_END", "messageId"),
    "REASONING_START": ("REASONING_END", "messageId"),
    "REASONING_MESSAGE_START": ("REASONING_MESSAGE_END", "messageId"),
    "TOOL_CALL_START": ("TOOL_CALL_END", "toolCallId"),
}


def assert_sound(stored: Stored) -> list[Json]:
    """Assert that the log has no gaps, is balanced and ends once, as the row says; return its events."""
    frames = [json.loads(frame) for frame in stored.frames]
    assert [frame["seq"] for frame in frames] == list(range(1, stored.run.last_seq + 1))
    events = [frame["event"] for frame in frames]
    assert events[0]["type"] == "RUN_STARTED"
    assert [is_terminal(event) for event in events] == [False] * (len(events) - 1) + [True]
    for opener, (closer, key) in _PAIRS.items():
        opened = [event[key] for event in events if event["type"] == opener]
        closed = [event[key] for event in events if event["type"] == closer]
        assert opened == closed, f"{opener} {opened}, {closer} {closed}"
    end = events[-1]
    status = "failed" if end["type"] == "RUN_ERROR" else _STATUS[end["outcome"]["type"]]
    assert stored.run.status == status
    assert stored.run.stop_reason == end["metadata"]["stop_reason"]
    assert stored.run.finished_at is not None
    assert said(events) == "".join(answer.text for answer in stored.answers)
    return events


def assert_cancelled(stored: Stored, *, cut: bool, by: str = "user") -> list[Json]:
    """Assert that the run was cancelled once and that all rows agree on it; return its events.

    ``cut`` says whether the cancel must have closed an open stream of the provider.
    """
    events = assert_sound(stored)
    end, run = events[-1], stored.run
    assert (end["type"], end["outcome"]) == ("RUN_FINISHED", {"type": "cancelled"})
    assert (run.status, run.stop_reason, run.cancelled_by) == ("cancelled", "cancelled", by)
    assert end["metadata"]["cancelled_by"] == by
    assert run.cancel_requested_at is not None
    rows: list[Any] = [run, *stored.steps, *stored.traces]
    assert {row.stream_was_cancelled for row in rows} == {cut}
    assert end["metadata"]["stream_was_cancelled"] is cut
    for step in stored.steps:
        assert step.finished_at is not None
        assert _usage(step) == _usage(run)
    assert end["metadata"]["usage_source"] == run.usage_source
    assert end["metadata"]["run_usage"].get("inputTokens") == run.input_tokens
    assert end["metadata"]["run_usage"].get("outputTokens") == run.output_tokens
    return events


def assert_call_was_cut(stored: Stored) -> None:
    """Assert that the cancel cut the only provider call, as trace and usage must show."""
    (trace,) = stored.traces
    (step,) = stored.steps
    assert (trace.status, trace.error_code, step.error_code) == ("cancelled", "", "")
    assert step.stop_reason == step.raw_stop_reason == ""
    assert trace.packed_request
    assert trace.ended_at >= trace.started_at
    assert trace.upstream_closed_ms is not None
    assert stored.run.upstream_closed_ms == trace.upstream_closed_ms
    if stored.run.stream_was_cancelled:
        assert trace.http_status == 200
        assert stored.run.input_tokens
        assert stored.run.usage_source in {"partial", "estimated"}
    else:
        assert trace.http_status is None
        assert set(_usage(stored.run)) == {None}


def said(events: list[Json]) -> str:
    """Return the text in ``events``."""
    return "".join(event["delta"] for event in events if event["type"] == "TEXT_MESSAGE_CONTENT")


def _usage(row: Any) -> list[int | None]:
    return [getattr(row, name) for name in COUNTS]


_STATUS = {"success": "completed", "cancelled": "cancelled"}
