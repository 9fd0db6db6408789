"""A user's conversation over one wire, and checks of the request that its next turn sends upstream."""

import json
import time
from dataclasses import dataclass, field
from itertools import count
from typing import Any
from uuid import UUID

from tests.contract import request_rules
from tests.contract.agui_rules import as_the_models_see, violations
from tests.contract.reading import Json
from tests.scenarios import sent
from tests.scenarios.sent import Called
from tests.scenarios.server import MODELS, SEALING, Server
from tests.scenarios.viewer import PATIENCE, Viewer

#: All tools of the workshop.
TOOLS = ["count", "launch", "linger", "plod", "dawdle", "explode", "decline", "flood", "who"]

#: The user's text of every next turn.
QUESTION = "And then?"

_labels = count(1)


def call(name: str, **arguments: Any) -> str:
    """Return the text that orders a call from the emulator."""
    return f"[[call {name} {json.dumps(arguments)}]]"


NEXT = "[[next]]"


@dataclass
class Talk:
    """One conversation, through which a test uses server and viewer."""

    server: Server
    viewer: Viewer
    wire: str
    conversation_id: str | None = None
    #: In the order of their starts.
    run_ids: list[str] = field(default_factory=list)
    #: Distinguishes this test's calls from those of other tests.
    label: str = field(default_factory=lambda: f"test-{next(_labels)}")

    def __post_init__(self) -> None:
        self._began_after = self.server.upstream.newest

    @property
    def model(self) -> str:
        return MODELS[self.wire]

    def try_to_start(self, text: str, *, may_use: list[str] | None = TOOLS, **fields: Any) -> Json:
        """Start a turn and return the answer to ``start``.

        ``may_use`` are the server's tools; ``None`` keeps the conversation's choice.
        """
        options = fields.pop("options", {}) | ({} if may_use is None else {"tools": may_use})
        if self.conversation_id is not None:
            fields["conversation_id"] = self.conversation_id
        return self.viewer.ask("start", **{"model": self.model, "input": text, "options": options, **fields})

    def start(self, text: str, **fields: Any) -> str:
        """Start a turn and return the run's id."""
        answer = self.try_to_start(text, **fields)
        assert answer["type"] == "ok", answer
        self.conversation_id = answer["conversation_id"]
        run_id: str = answer["run_id"]
        self.run_ids.append(run_id)
        return run_id

    @property
    def run_id(self) -> str:
        """Return the id of the newest run."""
        return self.run_ids[-1]

    def pause(self, number: int = 1) -> list[Json]:
        """Return the interrupts at the end of the newest run's segment ``number``."""
        end = self.viewer.segment(self.run_id, number)[-1]
        assert end["type"] == "RUN_FINISHED", end
        assert end["outcome"]["type"] == "interrupt", end
        assert end["metadata"]["stop_reason"] == "requires_approval"
        interrupts: list[Json] = end["outcome"]["interrupts"]
        return interrupts

    def end(self, number: int) -> Json:
        """Return the terminal event of the newest run, whose last segment is ``number``."""
        return self.viewer.segment(self.run_id, number)[-1]

    def resolve(self, *entries: Json, run_id: str | None = None, viewer: Viewer | None = None) -> Json:
        """Send the decisions and return the answer, ``ok`` or ``error``."""
        return (viewer or self.viewer).ask("resolve", run_id=run_id or self.run_id, resume=list(entries))

    def go_on(self, *entries: Json) -> None:
        """Send the decisions, and assert that the server accepts them."""
        answer = self.resolve(*entries)
        assert (answer["type"], answer.get("state"), answer.get("status")) == ("ok", "resolved", "running"), (
            answer
        )

    def cancel(self, **fields: Any) -> Json:
        return self.viewer.ask("cancel", run_id=self.run_id, **fields)

    def results(self, number: int) -> list[Json]:
        """Return the tool results in the newest run's segment ``number``."""
        return [
            event for event in self.viewer.segment(self.run_id, number) if event["type"] == "TOOL_CALL_RESULT"
        ]

    def row(self) -> dict[str, Any]:
        """Return the stored row of the newest run."""
        (row,) = self.server.rows("SELECT * FROM runs_run WHERE id = ?", UUID(self.run_id))
        return row

    def call_rows(self) -> list[dict[str, Any]]:
        """Return the stored rows of the newest run's calls, in order."""
        return self.server.rows(
            "SELECT c.* FROM runs_toolcall c JOIN runs_step s ON c.step_id = s.id WHERE c.run_id = ? "
            'ORDER BY s."index", c.position',
            UUID(self.run_id),
        )

    def executions(self) -> list[str]:
        return self.server.executions(self.label)

    def until_noted(self, what: str) -> None:
        """Wait until the workshop has noted ``what``."""
        deadline = time.monotonic() + PATIENCE
        while what not in self.executions():
            assert time.monotonic() < deadline, self.executions()
            time.sleep(0.01)

    def next_turn(self, *expected: Called, failures: int = 0) -> None:
        """Take another turn, and assert that the upstream received the ``expected`` calls with it.

        ``failures`` is the number of requests that were ordered to fail.
        """
        newest = self.server.upstream.newest
        self.start(QUESTION, may_use=None)
        end = self.end(1)
        assert (end["type"], end["outcome"]) == ("RUN_FINISHED", {"type": "success"}), end
        [exchange] = self.server.upstream.after(newest)
        assert exchange.body is not None
        # If the model said nothing in a turn, the texts of both user turns stand together.
        assert request_rules.turns(self.wire, exchange.body)[-1].text.endswith(QUESTION)
        assert sent.calls(self.wire, exchange.body) == [_as_said(self.wire, each) for each in expected]
        self._check_requests(failures)
        self._check_seals(exchange.body)
        self._check_events()

    def _check_requests(self, failures: int) -> None:
        """Assert that neither the upstream nor the contract's independent rules refuse a request."""
        exchanges = [
            exchange
            for exchange in self.server.upstream.after(self._began_after)
            if exchange.wire == self.wire
        ]
        statuses = [exchange.status for exchange in exchanges]
        assert sum(status != 200 for status in statuses) == failures, statuses
        for exchange in exchanges:
            assert request_rules.refusals(self.wire, exchange.body or {}) == []

    def _check_seals(self, body: Json) -> None:
        seals = [
            event["encryptedValue"]
            for run_id in self.run_ids[:-1]
            for event in self.viewer.events[run_id]
            if event["type"] == "REASONING_ENCRYPTED_VALUE"
        ]
        steps = [
            event
            for run_id in self.run_ids[:-1]
            for event in self.viewer.events[run_id]
            if event["type"] == "TOOL_CALL_END"
        ]
        assert seals or not (steps and self.wire in SEALING)
        assert not (seals and self.wire not in SEALING)
        assert [seal for seal in seals if not sent.holds(body, seal)] == []

    def _check_events(self) -> None:
        for run_id in self.run_ids:
            events = self.viewer.events[run_id]
            starts = [place for place, event in enumerate(events) if event["type"] == "RUN_STARTED"]
            for number, (start, end) in enumerate(zip(starts, [*starts[1:], len(events)], strict=True), 1):
                assert violations(events[start:end]) == []
                assert events[start]["runId"] == run_id + (f".{number}" if number > 1 else "")
                assert [event for event in events[start:end] if as_the_models_see(event) != event] == []


def _as_said(wire: str, called: Called) -> Called:
    """Return ``called`` as the wire can express it: OpenAI's wires cannot mark an error."""
    is_error = bool(called.is_error) if not wire.startswith("openai") else None
    return Called(called.name, called.arguments, called.answer, is_error)


def approve(interrupt: Json, **payload: Any) -> Json:
    return _entry(interrupt, {"approved": True, **payload})


def deny(interrupt: Json, reason: str | None = None) -> Json:
    return _entry(interrupt, {"approved": False} | ({} if reason is None else {"reason": reason}))


def hand_in(interrupt: Json, result: Any) -> Json:
    return _entry(interrupt, {"result": result})


def _entry(interrupt: Json, payload: Json) -> Json:
    digest = interrupt["metadata"]["digest"]
    return {
        "interruptId": interrupt["id"],
        "status": "resolved",
        "payload": payload,
        "metadata": {"digest": digest},
    }
