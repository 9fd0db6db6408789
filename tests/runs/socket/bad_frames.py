"""Frames with one fault each, and the error code and id that the answer to each must have."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from runs.socket.frame_parsing import FRAME_BYTES, MAX_DEPTH

type Json = dict[str, Any]

#: Constant, because the ids are part of test names, which must be equal in all test processes.
RUN_ID = "01a21702-f3a7-73d1-b4fb-9fd94a71d30b"
CONVERSATION_ID = "01a21702-f3c0-7336-8717-198bba0760e0"

#: One valid frame of each type, with all its fields.
GOOD: dict[str, Json] = {
    "start": {
        "type": "start",
        "id": "1",
        "run_id": RUN_ID,
        "conversation_id": CONVERSATION_ID,
        "model": "emulator/echo",
        "input": "hi",
        "system": "Be brief.",
        "tools": [],
        "options": {
            "max_steps": 3,
            "max_output_tokens": 5,
            "temperature": 0.5,
            "top_p": 0.5,
            "reasoning_effort": "low",
            "reasoning_budget": 0,
            "stop_sequences": ["END"],
            "tool_choice": "auto",
            "output_schema": {"type": "object", "default": None},
            "cache": "short",
            "provider_options": {"seed": 1, "logit_bias": None},
            "max_retries": 0,
            "fallback_models": ["emulator/echo"],
        },
        "budget": {"cost": 1.5, "tokens": 10},
    },
    "subscribe": {"type": "subscribe", "id": "1", "run_id": RUN_ID, "after": 0},
    "unsubscribe": {"type": "unsubscribe", "id": "1", "run_id": RUN_ID},
    "cancel": {"type": "cancel", "id": "1", "run_id": RUN_ID, "mode": "immediate", "reason": "enough"},
    "resolve": {
        "type": "resolve",
        "id": "1",
        "run_id": RUN_ID,
        "resume": [{"interruptId": "i", "status": "resolved", "payload": {"approved": True}}],
    },
    "ack": {"type": "ack", "run_id": RUN_ID, "seq": 1},
    "ping": {"type": "ping", "id": "1"},
}

#: Media parts without a valid source.
_NOT_SOURCES: list[Json] = [
    {},
    {"source": "https://example.org/a.png"},
    {"source": {"type": "hologram", "value": "a"}},
    {"source": {"type": "data", "value": "aGk="}},
    {"source": {"type": "data", "value": "", "mimeType": "image/png"}},
    {"source": {"type": "data", "value": "not base64!", "mimeType": "image/png"}},
    {"source": {"type": "data", "value": "aGk=", "mimeType": "a picture"}},
    {"source": {"type": "url", "value": "file:///etc/passwd"}},
    {"source": {"type": "url", "value": "javascript:alert(1)"}},
    {"source": {"type": "url", "value": "https://example.org/a b.png"}},
    {"source": {"type": "file", "value": "../../etc/passwd"}},
    {"source": {"type": "file", "value": RUN_ID, "more": 1}},
    {"source": {"type": "file", "value": RUN_ID}, "more": 1},
]

#: Values that are wrong for each kind of field.
_NOT_TEXT: list[Any] = [5, 1.5, True, [], ["a"], {}]
_NOT_ID: list[Any] = [*_NOT_TEXT, "", "x" * 201]
_NOT_UUID: list[Any] = [
    *_NOT_TEXT,
    "",
    "0" * 31,
    "0" * 33,
    "g" * 32,
    "_".join("0" * 16) + "0",
    " " + "0" * 31,
    "0x" + "0" * 30,
    "١" * 32,
    "urn:" + "0" * 32,
    "-" * 4 + "0" * 32,
    RUN_ID + "\n",
    "{" + RUN_ID + "}",
    "../../etc/passwd",
]
_NOT_COUNT: list[Any] = [-1, 1.5, 1.0, True, "1", [], {}, 2**31, 2**63, 2**64, 10**30]
_NOT_NUMBER: list[Any] = [-0.1, True, "1", [], {}, 11]
_NOT_LIST: list[Any] = [5, "[]", True, {}]
_NOT_OBJECT: list[Any] = [5, "{}", True, [], ["a"]]

WRONG: dict[str, dict[str, list[Any]]] = {
    "start": {
        "id": _NOT_ID,
        "run_id": _NOT_UUID,
        "conversation_id": _NOT_UUID,
        "model": [*_NOT_TEXT, None, "", "m" * 201],
        "input": [
            5,
            True,
            None,
            {},
            "",
            [],
            [5],
            ["hi"],
            [{}],
            [{"id": "m", "role": "user"}],
            [{"id": "m", "role": "user", "content": ""}],
            [{"id": "m", "role": "user", "content": []}],
            [{"id": "m", "role": "user", "content": 5}],
            [{"id": "m", "role": "user", "content": [5]}],
            [{"id": "m", "role": "user", "content": [{"type": "text"}]}],
            [{"id": "m", "role": "user", "content": [{"type": "text", "text": ""}]}],
            [{"id": "m", "role": "user", "content": [{"type": "text", "text": 5}]}],
            [{"id": "m", "role": "user", "content": [{"type": "text", "text": "a", "more": 1}]}],
            [{"id": "m", "role": "user", "content": [{"type": "hologram"}]}],
            *(
                [{"id": "m", "role": "user", "content": [{"type": "image", **source}]}]
                for source in _NOT_SOURCES
            ),
            [{"id": "m", "role": "assistant", "content": "hi"}],
            [{"id": "m", "role": "system", "content": "hi"}],
            [{"id": "m", "role": "user", "content": "hi", "more": 1}],
            [{"id": "", "role": "user", "content": "hi"}],
            [{"id": 5, "role": "user", "content": "hi"}],
            [{"role": "user", "content": "hi"}],
            [{"id": "m", "role": "user", "content": "hi"}] * 101,
        ],
        "system": _NOT_TEXT,
        "tools": [*_NOT_LIST, [5], ["name"]],
        "options": [
            *_NOT_OBJECT,
            {"top_k": 1},
            {"Temperature": 1},
            *({name: value} for name in ("max_steps", "max_output_tokens") for value in [*_NOT_COUNT, 0]),
            *({"max_retries": value} for value in [*_NOT_COUNT, 101]),
            *({"temperature": value} for value in _NOT_NUMBER),
            *({"top_p": value} for value in [*_NOT_NUMBER, 1.1]),
            *({"reasoning_effort": value} for value in [*_NOT_TEXT, "", "x" * 41]),
            *({"reasoning_budget": value} for value in _NOT_COUNT),
            *({"stop_sequences": value} for value in [*_NOT_LIST, [5], [""], ["x" * 201], ["x"] * 17]),
            *({"tool_choice": value} for value in [*_NOT_TEXT, "", "x" * 201]),
            *({"output_schema": value} for value in _NOT_OBJECT),
            *({"cache": value} for value in [*_NOT_TEXT, "", "forever"]),
            *({"provider_options": value} for value in _NOT_OBJECT),
            *({"fallback_models": value} for value in [*_NOT_LIST, [5], [""], ["x" * 201], ["a/b"] * 6]),
        ],
        "budget": [
            *_NOT_OBJECT,
            {"money": 1},
            *({"cost": value} for value in [-1, True, "1", [], {}]),
            *({"tokens": value} for value in [-1, 0, 1.5, True, "1", []]),
        ],
    },
    "subscribe": {
        "id": _NOT_ID,
        "run_id": [*_NOT_UUID, None],
        "conversation_id": [CONVERSATION_ID, *_NOT_UUID],
        "after": _NOT_COUNT,
    },
    "unsubscribe": {
        "id": _NOT_ID,
        "run_id": [*_NOT_UUID, None],
        "conversation_id": [CONVERSATION_ID, *_NOT_UUID],
    },
    "cancel": {
        "id": _NOT_ID,
        "run_id": [*_NOT_UUID, None],
        "mode": [5, True, None, "", "later", "IMMEDIATE", []],
        "reason": [*_NOT_TEXT, None, "x" * 501],
    },
    "resolve": {
        "id": _NOT_ID,
        "run_id": [*_NOT_UUID, None],
        "resume": [
            *_NOT_LIST,
            None,
            [5],
            [{}],
            [{"interruptId": "i"}],
            [{"interruptId": "i", "status": "maybe"}],
            [{"interruptId": 5, "status": "resolved"}],
            [{"interruptId": "i", "status": "resolved", "more": 1}],
        ],
    },
    "ack": {"run_id": [*_NOT_UUID, None], "seq": [*_NOT_COUNT, None]},
    "ping": {"id": _NOT_ID},
}

#: The required fields of each type.
REQUIRED: dict[str, tuple[str, ...]] = {
    "start": ("id", "model", "input"),
    "subscribe": ("id", "run_id"),
    "unsubscribe": ("id", "run_id"),
    "cancel": ("id", "run_id"),
    "resolve": ("id", "run_id", "resume"),
    "ack": ("run_id", "seq"),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class BadCase:
    """A text that is not a valid frame."""

    name: str
    text: str
    code: str = "bad_frame"
    #: The frame's id in the answer; ``None`` if it cannot be read.
    frame_id: str | None = None


def _texts() -> Iterator[BadCase]:
    """Yield texts that are refused before their fields are checked."""
    for name, text in {
        "nothing": "",
        "blank": "   ",
        "a word": "hello",
        "half an object": '{"type":"ping"',
        "two objects": '{"type":"ping"}{"type":"ping"}',
        "a trailing comma": '{"type":"ping",}',
        "single quotes": "{'type':'ping'}",
        "a comment": '{"type":"ping"} // hi',
        "null": "null",
        "a number": "5",
        "a string": '"ping"',
        "a list": '[{"type":"ping","id":"1"}]',
        "NaN": '{"type":"ping","id":NaN}',
        "infinity": '{"type":"ack","seq":Infinity}',
        "a number beyond all floats": '{"type":"ping","id":1e999}',
        "an integer beyond all floats": '{"type":"ack","seq":1' + "0" * 400 + "}",
        "a byte order mark": '\ufeff{"type":"ping"}',
        "a NUL between": '{"type":"ping"}\0',
        "a control character in a string": '{"type":"ping","id":"\x01"}',
        "an escaped lone low surrogate": '{"type":"ping","id":"\\udc00x"}',
        "10,000 lists": "[" * 10_000 + "]" * 10_000,
        "10,000 objects": '{"a":' * 10_000 + "1" + "}" * 10_000,
        "10,000 lists, never closed": '{"type":"ping","id":"1","x":' + "[" * 10_000,
    }.items():
        yield BadCase(name=name, text=text)
    for name, half in (("an escaped", "\\ud800"), ("a raw", "\ud800")):
        yield BadCase(
            name=f"{name} lone surrogate", text=f'{{"type":"ping","id":"1","x":"{half}"}}', frame_id="1"
        )
    ping = {"type": "ping", "id": "1"}
    for depth in (MAX_DEPTH, 100, 900):
        deep: Any = 1
        for _ in range(depth):
            deep = [deep]
        yield BadCase(name=f"{depth} levels", text=json.dumps({**ping, "x": deep}), frame_id="1")
    padding = "x" * (FRAME_BYTES - len(json.dumps({**ping, "x": ""})) + 1)
    yield BadCase(name="one byte too many", text=json.dumps({**ping, "x": padding}))
    yield BadCase(name="bytes, not characters", text='{"type":"ping","x":"' + "€" * (FRAME_BYTES // 3) + '"}')
    yield BadCase(name="900 KiB", text=json.dumps({**ping, "x": "x" * 900 * 1024}))
    yield BadCase(name="twice the same field", text='{"type":"ping","id":"1","id":"2"}')
    for number in (2**64, -(2**63) - 1, 10**5000):
        edited = {"approved": True, "editedArgs": {"amount": "NUMBER"}}
        frame = {**GOOD["resolve"], "resume": [{"interruptId": "1", "status": "resolved", "payload": edited}]}
        text = json.dumps(frame).replace('"NUMBER"', "1" + "0" * 5000 if number > 2**70 else str(number))
        yield BadCase(name="a number that would be rounded", text=text, frame_id=frame["id"])
    yield BadCase(
        name="twice the same field, deep",
        text=json.dumps(GOOD["start"]).replace('"max_steps": 3', '"max_steps": 3, "max_steps": 4'),
        frame_id="1",
    )
    yield BadCase(name="no type", text='{"id":"1"}', frame_id="1")
    not_text: tuple[Any, ...] = (5, None, True, [], {}, ["ping"])
    for value in not_text:
        yield BadCase(name=f"type {value!r}", text=json.dumps({**ping, "type": value}), frame_id="1")
    for kind in ("", "Ping", "ping ", "stop", "ok", "__class__", "x" * 1000):
        yield BadCase(
            name=f"type {kind[:20]!r}",
            text=json.dumps({**ping, "type": kind}),
            code="unknown_type",
            frame_id="1",
        )


def _fields() -> Iterator[BadCase]:
    """Yield frames of every type with a field that is wrong, missing, unknown or not storable."""
    for kind, good in GOOD.items():
        frame_id = good.get("id")
        yield BadCase(name=f"{kind} with more", text=json.dumps({**good, "more": 1}), frame_id=frame_id)
        for field, values in WRONG[kind].items():
            for index, value in enumerate(values):
                bad = {**good, field: value}
                yield BadCase(
                    name=f"{kind} {field} {index}: {str(value)[:24]!r}",
                    text=json.dumps(bad),
                    frame_id=_readable(bad.get("id")),
                )
        for field in REQUIRED.get(kind, ()):
            bad = {name: value for name, value in good.items() if name != field}
            yield BadCase(
                name=f"{kind} without {field}", text=json.dumps(bad), frame_id=_readable(bad.get("id"))
            )
        yield from _soiled(kind, good)
    yield BadCase(
        name="a conversation has no cursor",
        text=json.dumps({"type": "subscribe", "id": "1", "conversation_id": CONVERSATION_ID, "after": 3}),
        frame_id="1",
    )


def _soiled(kind: str, good: Json) -> Iterator[BadCase]:
    """Yield copies of ``good`` with NUL in one of its strings or keys, and with a lone surrogate."""
    for path in _strings(good):
        for what, soil in (("NUL", "\0"), ("surrogate", "\ud800")):
            bad = json.loads(json.dumps(good))
            _replace(bad, path, soil)
            where = ".".join(map(str, path))
            yield BadCase(
                name=f"{kind} {where} with a {what}", text=json.dumps(bad), frame_id=_readable(bad.get("id"))
            )
    keyed = {**good, "a\0": 1}
    yield BadCase(name=f"{kind} NUL in a key", text=json.dumps(keyed), frame_id=good.get("id"))


def _strings(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if isinstance(value, str) and path != ("type",):
        yield path
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _strings(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _strings(item, (*path, index))


def _replace(value: Any, path: tuple[Any, ...], soil: str) -> None:
    *way, last = path
    for step in way:
        value = value[step]
    value[last] = f"{value[last]}{soil}"


def _readable(frame_id: Any) -> str | None:
    is_id = isinstance(frame_id, str) and 0 < len(frame_id) <= 200
    is_id = is_id and not any(soil in frame_id for soil in ("\0", "\ud800"))
    return frame_id if is_id else None


BAD: tuple[BadCase, ...] = (*_texts(), *_fields())
