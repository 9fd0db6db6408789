"""What a run's events must obey: the rules of AG-UI 1.0, and this project's stricter ones.

``violations`` refuses all that ``verifyEvents`` of ``@ag-ui/client`` refuses, and holds errors and
reasoning to the same rules, which it does not. ``as_the_models_see`` is one event's way through the
``ag-ui-protocol`` models.
"""

from collections.abc import Iterator
from typing import Any

from ag_ui.core import Event
from pydantic import BaseModel, TypeAdapter

from tests.contract.reading import Json

_EVENT: TypeAdapter[Any] = TypeAdapter(Event)

#: What an event opens, by which key, and which event closes it.
_OPENS = {
    "STEP_STARTED": ("stepName", "STEP_FINISHED"),
    "TEXT_MESSAGE_START": ("messageId", "TEXT_MESSAGE_END"),
    "TOOL_CALL_START": ("toolCallId", "TOOL_CALL_END"),
    "REASONING_START": ("messageId", "REASONING_END"),
    "REASONING_MESSAGE_START": ("messageId", "REASONING_MESSAGE_END"),
}
_CLOSES = {closer: (opener, key) for opener, (key, closer) in _OPENS.items()}

#: What an event goes on with.
_CONTINUES = {
    "TEXT_MESSAGE_CONTENT": ("TEXT_MESSAGE_START", "messageId"),
    "TOOL_CALL_ARGS": ("TOOL_CALL_START", "toolCallId"),
    "REASONING_MESSAGE_CONTENT": ("REASONING_MESSAGE_START", "messageId"),
}

_TERMINAL = {"RUN_FINISHED", "RUN_ERROR"}

#: What neither opens nor closes anything.
_ANYWHERE = _TERMINAL | {"RUN_STARTED", "CUSTOM", "REASONING_ENCRYPTED_VALUE", "TOOL_CALL_RESULT"}


def violations(events: list[Json]) -> list[str]:
    """Return what is wrong with one segment of a run: from ``RUN_STARTED`` to its terminal event."""
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
    """Return ``event`` after a pass through the models: itself, when it is one of the protocol's.

    The models keep keys that they do not know; here those are dropped, so that one shows.
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
