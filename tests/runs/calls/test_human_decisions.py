"""What a ``resolve`` decides, as a table: all of it, or nothing."""

from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from runs.calls.human_decisions import decide
from runs.calls.planning import CLIENT, PlannedCall
from runs.errors import BadDecision, InterruptMismatch
from runs.models.tool_call import Decision, ToolCallStatus, digest_of
from runs.toolbox import ToolError
from runs.toolbox.tool import Tool

type Json = dict[str, Any]

ARGUMENTS = '{"path": "/tmp/a"}'


def bind(arguments: str, context: object) -> Any:
    if "forbidden" in arguments:
        raise ToolError("path must be short")
    return lambda: None


TOOL = Tool(name="delete", description="", parameters={}, source="app", bind=bind, is_async=False)
SHOWN = digest_of(ARGUMENTS, TOOL.identity)
GATED = PlannedCall(
    id=UUID(int=1),
    call_id="call_1",
    name="delete",
    arguments=ARGUMENTS,
    position=1,
    source="app",
    requires_approval=True,
    status=ToolCallStatus.PENDING,
    asked_digest=SHOWN,
    tool=TOOL,
)
CLIENTS = replace(
    GATED, id=UUID(int=2), call_id="call_2", name="ask", source=CLIENT, tool=None, position=2, asked_digest=""
)


def entry(call: PlannedCall, payload: Any = None, status: str = "resolved", **fields: Any) -> Json:
    shown = {} if call.tool is None else {"metadata": {"digest": call.asked_digest}}
    return {"interruptId": str(call.id), "status": status, "payload": payload, **shown, **fields}


@pytest.mark.parametrize(
    ("call", "given", "decision", "content"),
    [
        (GATED, entry(GATED, {"approved": True}), Decision.APPROVED, None),
        (GATED, entry(GATED, {"approved": True, "reason": "fine"}), Decision.APPROVED, None),
        (GATED, entry(GATED, {"approved": True, "editedArgs": {"path": "b"}}), Decision.EDITED, None),
        (GATED, entry(GATED, {"approved": False}), Decision.DENIED, "Denied by the user."),
        (
            GATED,
            entry(GATED, {"approved": False, "reason": "too risky"}),
            Decision.DENIED,
            "Denied by the user: too risky",
        ),
        (GATED, entry(GATED, status="cancelled"), Decision.DENIED, "Denied by the user."),
        (CLIENTS, entry(CLIENTS, {"result": "it is *so*\n"}), Decision.RESULT, "it is *so*\n"),
        (CLIENTS, entry(CLIENTS, {"approved": True, "result": ""}), Decision.RESULT, ""),
        (CLIENTS, entry(CLIENTS, {"result": {"a": [1, None]}}), Decision.RESULT, '{"a":[1,null]}'),
        (CLIENTS, entry(CLIENTS, {"approved": False}), Decision.DENIED, "Denied by the user."),
    ],
)
def test_it_decides(call: PlannedCall, given: Json, decision: Decision, content: str | None) -> None:
    (decided,) = decide([call], [given])
    assert decided.decision is decision
    assert (decided.outcome and decided.outcome.content) == content
    assert decided.outcome is None or decided.outcome.is_error == (decision is Decision.DENIED)


def test_what_is_executed_is_what_was_shown_or_what_a_person_made_of_it() -> None:
    (approved,) = decide([GATED], [entry(GATED, {"approved": True})])
    (edited,) = decide([GATED], [entry(GATED, {"approved": True, "editedArgs": {"path": "b"}})])
    assert approved.executable.arguments == ARGUMENTS
    assert edited.executable.arguments == '{"path":"b"}'
    assert edited.call.digest == SHOWN
    assert edited.executable.status is ToolCallStatus.RUNNING


def test_decisions_are_mixed_freely_and_come_back_in_call_order() -> None:
    decided = decide([GATED, CLIENTS], [entry(CLIENTS, {"result": 7}), entry(GATED, {"approved": False})])
    assert [item.decision for item in decided] == [Decision.DENIED, Decision.RESULT]


def test_an_approval_names_what_it_approves(settings: Any) -> None:
    blind = entry(GATED, {"approved": True}, metadata=None)
    with pytest.raises(BadDecision, match="send the digest of the interrupt"):
        decide([GATED], [blind])
    settings.RUNNEL_APPROVAL_NEEDS_DIGEST = False
    decide([GATED], [blind])


def test_a_denial_and_a_clients_result_need_no_digest() -> None:
    denied, handed_in = decide(
        [GATED, CLIENTS],
        [entry(GATED, {"approved": False}, metadata=None), entry(CLIENTS, {"result": 1}, metadata={})],
    )
    assert (denied.decision, handed_in.decision) == (Decision.DENIED, Decision.RESULT)


def test_a_call_that_waited_during_an_upgrade_is_decided_by_its_arguments() -> None:
    old = replace(GATED, asked_digest="")
    (decided,) = decide([old], [entry(old, {"approved": True}, metadata={"digest": digest_of(ARGUMENTS)})])
    assert decided.outcome is None


@pytest.mark.parametrize(
    "change",
    [
        {"description": "Delete everything."},
        {"parameters": {"type": "object", "properties": {"path": {}}}},
        {"source": "mcp:other"},
        {"executor": '[2, "http", "", [], "https://8.8.4.4/mcp"]'},
    ],
    ids=lambda change: next(iter(change)),
)
def test_what_changed_while_it_waited_is_not_executed(change: Json) -> None:
    now = replace(GATED, tool=replace(TOOL, **change))
    (decided,) = decide([now], [entry(now, {"approved": True})])
    assert decided.outcome is not None
    assert (decided.outcome.status, decided.outcome.is_error) == (ToolCallStatus.FAILED, True)
    assert "was changed while this call waited" in decided.outcome.content
    with pytest.raises(InterruptMismatch):
        decide([now], [entry(now, {"approved": True}, metadata={"digest": now.digest})])


LISTED = {
    "type": "object",
    "properties": {
        "src": {"type": "string", "pattern": "(a+)+$"},
        "dst": {"type": "object", "properties": {"id": {"type": "integer"}}, "required": ["id"]},
        "how": {"enum": ["copy", "move"]},
    },
}


@pytest.mark.parametrize(
    ("edited", "words"),
    [
        ({"src": 1}, "src: 1 is not of type 'string'"),
        ({"dst": {"$ne": 1}}, "'id' is a required property"),
        ({"dst": {"id": "1"}}, "dst.id: '1' is not of type"),
        ({"how": "burn"}, "not one of"),
        ({"src": "a", "force": True}, "There is no argument force"),
        ({"src": "a" * 60 + "!"}, None),
        ({"src": "b", "seen": 1}, None),
        ({"dst": {"id": 1, "more": 2}}, None),
    ],
)
def test_what_is_edited_for_a_server_fits_the_schema_that_it_listed(edited: Json, words: str | None) -> None:
    tool = replace(TOOL, parameters=LISTED, binds_values=False)
    call = replace(GATED, tool=tool, arguments='{"src": "a", "seen": 2}')
    call = replace(call, asked_digest=call.digest)
    given = [entry(call, {"approved": True, "editedArgs": edited})]
    if words is None:
        (decided,) = decide([call], given)
        assert decided.decision is Decision.EDITED
    else:
        with pytest.raises(BadDecision, match=words):
            decide([call], given)


@pytest.mark.parametrize(
    "schema",
    [{"type": "nonsense"}, {"properties": {"src": {"type": 7}}}, {"additionalProperties": True, "$ref": "#"}],
)
def test_a_schema_that_is_itself_wrong_refuses_nothing(schema: Json) -> None:
    tool = replace(TOOL, parameters={"additionalProperties": True, **schema}, binds_values=False)
    call = replace(GATED, tool=tool, asked_digest="")
    shown = {"digest": digest_of(ARGUMENTS)}
    decide([call], [entry(call, {"approved": True, "editedArgs": {"src": 1}}, metadata=shown)])


@pytest.mark.parametrize(
    "resume",
    [
        [],
        [entry(GATED, {"approved": True})],
        [entry(GATED, {"approved": True})] * 2,
        [entry(GATED, {"approved": True}), entry(replace(CLIENTS, id=UUID(int=9)), {"result": 1})],
        [
            entry(GATED, {"approved": True}, metadata={"digest": digest_of("{}")}),
            entry(CLIENTS, {"result": 1}),
        ],
    ],
    ids=["none", "one is missing", "one twice", "an unknown one", "other arguments"],
)
def test_it_wants_exactly_what_waits(resume: list[Json]) -> None:
    with pytest.raises(InterruptMismatch):
        decide([GATED, CLIENTS], resume)


@pytest.mark.parametrize(
    ("call", "payload", "words"),
    [
        (GATED, None, "whether it is approved"),
        (GATED, {}, "whether it is approved"),
        (GATED, {"approved": "yes"}, "whether it is approved"),
        (GATED, [], "must be an object"),
        (GATED, {"approved": True, "result": 1}, "result"),
        (GATED, {"approved": True, "editedArgs": "rm"}, "must be an object"),
        (GATED, {"approved": True, "editedArgs": {"path": "forbidden"}}, "path must be short"),
        (GATED, {"approved": True, "reason": 7}, "must be text"),
        (CLIENTS, {"approved": True}, "hand in its result"),
        (CLIENTS, {"result": 1, "editedArgs": {}}, "editedArgs"),
    ],
)
def test_it_says_what_cannot_be_done(call: PlannedCall, payload: Any, words: str) -> None:
    with pytest.raises(BadDecision, match=words):
        decide([call], [entry(call, payload)])


@pytest.mark.parametrize(
    ("given", "decision"),
    [
        ({"path": "/tmp/a"}, Decision.APPROVED),
        ({"path": "/tmp/b"}, Decision.EDITED),
        ({"path": "/tmp/a", "more": 1}, Decision.EDITED),
        ({}, Decision.EDITED),
    ],
)
def test_arguments_that_nobody_changed_are_not_edited(given: Json, decision: Decision) -> None:
    (decided,) = decide([GATED], [entry(GATED, {"approved": True, "editedArgs": given})])
    assert decided.decision is decision
    assert decided.executable.is_edited == (decision is Decision.EDITED)


def test_one_and_true_are_not_the_same_arguments() -> None:
    number = replace(GATED, arguments='{"path": 1}', asked_digest=digest_of('{"path": 1}', TOOL.identity))
    (decided,) = decide([number], [entry(number, {"approved": True, "editedArgs": {"path": True}})])
    assert decided.decision is Decision.EDITED
