"""The rules for a run's events: those of AG-UI 1.0, and this project's stricter ones.

``violations`` reports every violation that ``verifyEvents`` of ``@ag-ui/client`` reports. It also checks
errors and reasoning, which ``verifyEvents`` does not. ``as_the_models_see`` passes one event through the
models of ``ag-ui-protocol``.
"""

from collections.abc import Iterator
from typing import Any

from ag_ui.core import Event
from pydantic import BaseModel, TypeAdapter

from tests.contract.reading import Json

_EVENT: TypeAdapter[Any] = TypeAdapter(Event)

#: By opening event: the key of its id, and the event that closes it.
_OPENS = {
    "STEP_STARTED": ("stepName", "STEP_FINISHED"),
    "TEXT_MESSAGE_START": ("messageId", "TEXT_MESSAGE_END"),
    "TOOL_CALL_START": ("toolCallId", "TOOL_CALL_END"),
    "REASONING_START": ("messageId", "REASONING_END"),
    "REASONING_MESSAGE_START": ("messageId", "REASONING_MESSAGE_END"),
}
_CLOSES = {closer: (opener, key) for opener, (key, closer) in _OPENS.items()}

#: By continuing event: the event that must have opened it, and the key of its id.
_CONTINUES = {
    "TEXT_MESSAGE_CONTENT": ("TEXT_MESSAGE_START", "messageId"),
    "TOOL_CALL_ARGS": ("TOOL_CALL_START", "toolCallId"),
    "REASONING_MESSAGE_CONTENT": ("REASONING_MESSAGE_START", "messageId"),
}

_TERMINAL = {"RUN_FINISHED", "RUN_ERROR"}

#: The events that neither open nor close anything.
_ANYWHERE = _TERMINAL | {"RUN_STARTED", "CUSTOM", "REASONING_ENCRYPTED_VALUE", "TOOL_CALL_RESULT"}


def violations(events: list[Json]) -> list[str]:
    """Return the rules that one segment of a run breaks; a segment is ``RUN_STARTED`` to a terminal event."""
    found = []
    kinds = [event["type"] for event in events]
    if kinds[:1] != ["RUN_STARTED"] or kinds.count("RUN_STARTED") != 1:
        found.append("the one RUN_STARTED is not the first event")
    if not kinds or kinds[-1] not in _TERMINAL or len(_TERMINAL.intersection(kinds)) != 1:
        found.append("the one terminal event is not the last event")
    if sum(kind in _TERMINAL for kind in kinds) > 1:
        found.append("there are several terminal events")
    return found + list(_unbalanced(events))


def _unbalanced(events: list[Json]) -> Iterator[str]:
    still_open: set[tuple[str, str]] = set()
    used: set[tuple[str, str]] = set()
    for event in events:
        kind = event["type"]
        if kind in _OPENS:
            opened = kind, event[_OPENS[kind][0]]
            if opened in used:
                yield f"{opened} was open before"
            if kind != "STEP_STARTED" and not any(opener == "STEP_STARTED" for opener, _ in still_open):
                yield f"{opened} is in no step"
            still_open.add(opened)
            used.add(opened)
        elif kind in _CLOSES or kind in _CONTINUES:
            opener, key = _CLOSES.get(kind) or _CONTINUES[kind]
            if (opener, event[key]) not in still_open:
                yield f"{kind} {event[key]} belongs to nothing"
            if kind in _CLOSES:
                still_open.discard((opener, event[key]))
            elif not event["delta"]:
                yield f"{kind} {event[key]} says nothing"
        elif kind in _TERMINAL and still_open:
            yield f"{kind} while {sorted(still_open)} are open"
        elif kind not in _ANYWHERE:
            yield f"{kind} has no place here"


def as_the_models_see(event: Json) -> Json:
    """Return ``event`` after a pass through the models; it is unchanged if it conforms to the protocol.

    The models keep unknown keys. This function drops them, so that an unknown key makes a difference.
    """
    model = _EVENT.validate_python(event)
    _drop_unknown(model)
    seen: Json = model.model_dump(mode="json", by_alias=True)
    return seen


def _drop_unknown(value: object) -> None:
    if isinstance(value, BaseModel):
        (value.__pydantic_extra__ or {}).clear()
        for name in type(value).model_fields:
            _drop_unknown(getattr(value, name))
    elif isinstance(value, (list, tuple)):
        for item in value:
            _drop_unknown(item)
