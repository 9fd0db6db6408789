"""Turns the entries of a ``resolve`` frame into decisions about pending calls, or refuses them. No I/O."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import orjson
from django.conf import settings

from providers.text.arguments import object_of
from providers.types import Json
from runs.calls.outcomes import CallOutcome, denied, handed_in
from runs.calls.planning import CLIENT, PlannedCall
from runs.errors import BadDecision, InterruptMismatch
from runs.models.tool_call import Decision, ToolCallStatus, digest_of
from runs.toolbox import edited_values
from runs.toolbox.tool import Tool

#: Allowed keys of a payload, by whether the client executes the call.
_FIELDS = {
    True: frozenset({"approved", "reason", "result"}),
    False: frozenset({"approved", "reason", "editedArgs"}),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Decided:
    """The decision about one call."""

    call: PlannedCall
    decision: Decision
    reason: str = ""
    #: Edited arguments as JSON text; empty if the arguments are executed as shown.
    edited: str = ""
    #: The call's answer; ``None`` when the call is to be executed.
    outcome: CallOutcome | None = None

    @property
    def executable(self) -> PlannedCall:
        """The call with the arguments to execute, approved."""
        return replace(
            self.call,
            arguments=self.edited or self.call.arguments,
            status=ToolCallStatus.RUNNING,
            is_approved=True,
            is_edited=bool(self.edited),
        )


def decide(pending: Sequence[PlannedCall], resume: Iterable[Json]) -> tuple[Decided, ...]:
    """Return the decision about each of the ``pending`` calls, in their order.

    Args:
        pending: the pending calls.
        resume: AG-UI's ``ResumeEntry`` objects, exactly one for each pending call.

    Raises:
        InterruptMismatch: the ids are not those of the pending calls, or a digest names another call.
        BadDecision: an entry has a wrong payload, an approval names no digest, or the tool refuses the edited
            arguments.
    """
    entries = list(resume)
    given = {entry["interruptId"]: entry for entry in entries}
    if len(given) < len(entries) or given.keys() != {str(call.id) for call in pending}:
        raise InterruptMismatch
    return tuple(_decided(call, given[str(call.id)]) for call in pending)


def _decided(call: PlannedCall, entry: Json) -> Decided:
    shown = (entry.get("metadata") or {}).get("digest")
    if shown is not None and shown != (call.asked_digest or digest_of(call.arguments)):
        raise InterruptMismatch(f"{call.name} and its arguments are not those that this decision is about.")
    payload = entry.get("payload")
    if payload is None:
        payload = {}
    if not isinstance(payload, dict):
        raise BadDecision(f"The payload for {call.name} must be an object.")
    is_clients = call.source == CLIENT
    if unknown := payload.keys() - _FIELDS[is_clients]:
        raise BadDecision(f"Not a field that is known here for {call.name}: {', '.join(sorted(unknown))}.")
    reason = payload.get("reason")
    if not isinstance(reason, str | None):
        raise BadDecision(f"The reason for {call.name} must be text.")
    if entry["status"] == "cancelled":
        return _denied(call, reason or "")
    approved = payload.get("approved")
    if not isinstance(approved, bool) and not (is_clients and approved is None and "result" in payload):
        raise BadDecision(f"Say for {call.name} whether it is approved: true or false.")
    if approved is False:
        return _denied(call, reason or "")
    if is_clients:
        return _handed_in(call, payload)
    if shown is None and settings.RUNNEL_APPROVAL_NEEDS_DIGEST:
        raise BadDecision(
            f"Say what you approve: send the digest of the interrupt of {call.name} with the decision, "
            'as metadata {"digest": …}.'
        )
    return _approved(call, payload, reason or "")


def _denied(call: PlannedCall, reason: str) -> Decided:
    outcome = _outcome(call, ToolCallStatus.DENIED, denied(reason), is_error=True)
    return Decided(call=call, decision=Decision.DENIED, reason=reason, outcome=outcome)


def _handed_in(call: PlannedCall, payload: Mapping[str, Any]) -> Decided:
    if "result" not in payload:
        raise BadDecision(f"{call.name} is executed by the client: hand in its result.")
    outcome = _outcome(call, ToolCallStatus.SUCCEEDED, handed_in(payload["result"]))
    return Decided(call=call, decision=Decision.RESULT, outcome=outcome)


def _approved(call: PlannedCall, payload: Mapping[str, Any], reason: str) -> Decided:
    edited = payload.get("editedArgs")
    if call.has_changed:
        return _changed(call, reason)
    if edited is None:
        return Decided(call=call, decision=Decision.APPROVED, reason=reason)
    if not isinstance(edited, dict):
        raise BadDecision(f"The edited arguments for {call.name} must be an object.")
    if _same(edited, object_of(call.arguments)):
        # Nothing was changed, so nothing is told of a change.
        return Decided(call=call, decision=Decision.APPROVED, reason=reason)
    text = orjson.dumps(edited).decode()
    if call.tool is not None and (refusal := _refusal(call.tool, text, edited, call)) is not None:
        raise BadDecision(f"{call.name} does not take these arguments: {refusal}")
    return Decided(call=call, decision=Decision.EDITED, reason=reason, edited=text)


def _refusal(tool: Tool, text: str, edited: Json, call: PlannedCall) -> str | None:
    """Return why the tool does not take what a person has edited, or ``None``."""
    if (refusal := tool.refusal(text)) is not None or tool.binds_values:
        return refusal
    return edited_values.refusal(edited, tool.parameters, known=object_of(call.arguments) or {})


def _changed(call: PlannedCall, reason: str) -> Decided:
    """Return the decision about a call whose tool was changed while it waited: it is not executed."""
    sentence = (
        f"{call.name} was changed while this call waited for a decision, so what would be executed is not what "
        "was approved. It was not executed. Call it again, to have it decided anew."
    )
    outcome = _outcome(call, ToolCallStatus.FAILED, sentence, is_error=True)
    return Decided(call=call, decision=Decision.APPROVED, reason=reason, outcome=outcome)


def _same(edited: Json, shown: Json | None) -> bool:
    """Return whether both are written the same, so that 1, 1.0 and true differ."""
    return json.dumps(edited, sort_keys=True) == json.dumps(shown, sort_keys=True)


def _outcome(
    call: PlannedCall, status: ToolCallStatus, content: str, *, is_error: bool = False
) -> CallOutcome:
    return CallOutcome(
        id=call.id, call_id=call.call_id, name=call.name, status=status, content=content, is_error=is_error
    )
