"""Damages real streams as networks, proxies and servers do. Seeds make each damage repeatable. Pure."""

import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

#: Replacements for a value: one of each JSON type, and difficult values of some types.
_VALUES: tuple[Any, ...] = (None, True, -1, 0, 2**70, 1.5, "", "x", "\ud83d", "\0", [], [[]], {}, {"a": None})

_RUBBISH = (
    b"\n",
    b": comment\n\n",
    b"data: [DONE]\n\n",
    b"data:\n\n",
    b"data: null\n\n",
    b"data: 5\n\n",
    b'data: {"error":{"message":"by hand","code":500}}\n\n',
    b"event: error\ndata: {}\n\n",
    b"\xff\xfe\x00",
    b"<html><body>502 Bad Gateway</body></html>",
    b"id: 1\nretry: 5\n",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Mutant:
    """A damaged body, and whether its connection ends cleanly."""

    sse: bytes
    is_cut: bool


type _Damage = Callable[[random.Random, bytes], bytes]


def _place(chance: random.Random, sse: bytes) -> tuple[int, int]:
    start = chance.randrange(len(sse))
    return start, min(len(sse), start + chance.choice((1, 2, 7, 60, 500)))


def truncate(chance: random.Random, sse: bytes) -> bytes:
    return sse[: chance.randrange(len(sse))]


def lose(chance: random.Random, sse: bytes) -> bytes:
    start, end = _place(chance, sse)
    return sse[:start] + sse[end:]


def repeat(chance: random.Random, sse: bytes) -> bytes:
    start, end = _place(chance, sse)
    return sse[:end] + sse[start:]


def flip(chance: random.Random, sse: bytes) -> bytes:
    start = chance.randrange(len(sse))
    return sse[:start] + bytes([sse[start] ^ 1 << chance.randrange(8)]) + sse[start + 1 :]


def insert(chance: random.Random, sse: bytes) -> bytes:
    start = chance.randrange(len(sse))
    return sse[:start] + chance.choice(_RUBBISH) + sse[start:]


def _blocks(sse: bytes) -> list[bytes]:
    return [block for block in sse.replace(b"\r\n", b"\n").split(b"\n\n") if block]


def drop_event(chance: random.Random, sse: bytes) -> bytes:
    blocks = _blocks(sse)
    del blocks[chance.randrange(len(blocks))]
    return b"\n\n".join(blocks) + b"\n\n"


def repeat_event(chance: random.Random, sse: bytes) -> bytes:
    blocks = _blocks(sse)
    blocks.insert(chance.randrange(len(blocks)), chance.choice(blocks))
    return b"\n\n".join(blocks) + b"\n\n"


def swap_events(chance: random.Random, sse: bytes) -> bytes:
    blocks = _blocks(sse)
    one, other = chance.randrange(len(blocks)), chance.randrange(len(blocks))
    blocks[one], blocks[other] = blocks[other], blocks[one]
    return b"\n\n".join(blocks) + b"\n\n"


def interleave_event(chance: random.Random, sse: bytes) -> bytes:
    blocks = _blocks(sse)
    blocks.insert(chance.randrange(len(blocks)), chance.choice(_RUBBISH).strip())
    return b"\n\n".join(blocks) + b"\n\n"


def change_value(chance: random.Random, sse: bytes) -> bytes:
    """Replace one value in one event by a value of ``_VALUES``."""
    blocks = _blocks(sse)
    number = chance.randrange(len(blocks))
    lines = blocks[number].split(b"\n")
    for index, line in enumerate(lines):
        if line.startswith(b"data:"):
            try:
                event = json.loads(line[5:])
            except ValueError:
                return sse
            places = list(_places(event))
            if places:
                holder, key = chance.choice(places)
                holder[key] = chance.choice(_VALUES)
            lines[index] = b"data: " + json.dumps(event).encode()
            break
    blocks[number] = b"\n".join(lines)
    return b"\n\n".join(blocks) + b"\n\n"


def lose_value(chance: random.Random, sse: bytes) -> bytes:
    """Leave one field out of one event."""
    blocks = _blocks(sse)
    number = chance.randrange(len(blocks))
    head, _, data = blocks[number].partition(b"data:")
    try:
        event = json.loads(data)
    except ValueError:
        return sse
    places = [(holder, key) for holder, key in _places(event) if isinstance(holder, dict)]
    if places:
        holder, key = chance.choice(places)
        del holder[key]
    blocks[number] = head + b"data: " + json.dumps(event).encode()
    return b"\n\n".join(blocks) + b"\n\n"


def _places(value: Any) -> Any:
    """Yield every container in ``value`` with every key or index in it."""
    if isinstance(value, dict | list):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield value, key
            yield from _places(item)


_DAMAGES: tuple[_Damage, ...] = (
    truncate,
    lose,
    repeat,
    flip,
    insert,
    drop_event,
    repeat_event,
    swap_events,
    interleave_event,
    change_value,
    change_value,
    change_value,
    lose_value,
    lose_value,
)


def mutate(sse: bytes, chance: random.Random) -> Mutant:
    """Return ``sse`` with one to three random damages."""
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        # After a damage the body may hold no event at all.
        if _blocks(sse):
            sse = chance.choice(_DAMAGES)(chance, sse)
    return Mutant(sse=sse, is_cut=chance.random() < 0.2)
