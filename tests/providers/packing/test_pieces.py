"""Requests are cut into pieces and come back as they were."""

import json
import sys
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.packing import pieces
from providers.packing.compression import decompressed

SCOPE = UUID(int=1)

#: Half surrogate pairs too.
ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=6)
LONG = ANY_TEXT.map(lambda text: f"{text}é" * 100)
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | ANY_TEXT
    | LONG
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=6) | st.dictionaries(ANY_TEXT, inner, max_size=4),
    max_leaves=25,
)
REQUESTS = st.dictionaries(ANY_TEXT, VALUES, max_size=6)


def exact(value: Any) -> str:
    """Return ``value`` as text that also tells the order of keys and the types of numbers."""
    return json.dumps(value)


class Store:
    """Stored pieces, as the database keeps them."""

    def __init__(self) -> None:
        self.rows: dict[bytes, bytes] = {}
        #: Bytes of text that were stored, uncompressed.
        self.size = 0

    def add(self, payload: Any, scope: UUID = SCOPE) -> bytes:
        cutter = pieces.Cutter(scope, set(self.rows))
        packed = cutter.cut(payload)
        assert self.rows.keys().isdisjoint(cutter.new)
        self.rows |= cutter.new
        self.size += sum(len(decompressed(each)) for each in (packed, *cutter.new.values()))
        return packed


@given(st.lists(REQUESTS, max_size=4))
def test_any_requests_come_back_byte_exact(requests: list[Any]) -> None:
    store = Store()
    kept = [store.add(request) for request in requests]
    assert [exact(pieces.restored(packed, store.rows)) for packed in kept] == list(map(exact, requests))


@given(st.lists(LEAVES, min_size=1, max_size=12), st.data())
def test_a_conversation_that_changes_anywhere_comes_back(messages: list[Any], data: st.DataObject) -> None:
    store, kept = Store(), []
    for _ in range(4):
        request = {"messages": list(messages), "tools": [{"name": "n" * 300}, 1]}
        kept.append((request, store.add(request)))
        at = data.draw(st.integers(0, len(messages)))
        messages[at : data.draw(st.integers(at, len(messages)))] = data.draw(st.lists(LEAVES, max_size=3))
    for request, packed in kept:
        assert exact(pieces.restored(packed, store.rows)) == exact(request)


def answer(turn: int) -> str:
    return f"Answer {turn} " + "so " * 300


def conversation(turns: int, *, is_marked: bool = False) -> list[dict[str, Any]]:
    """Return the requests of a conversation; the last message of each carries a mark if ``is_marked``."""
    mark = {"cache_control": {"type": "ephemeral"}} if is_marked else {}
    messages: list[dict[str, Any]] = []
    requests = []
    for turn in range(turns):
        messages.append({"role": "user", "content": f"Question {turn} " + "why " * 100})
        sent = [*messages[:-1], messages[-1] | mark]
        requests.append({"model": "m", "messages": sent, "tools": [{"name": "t", "about": "a" * 2_000}]})
        messages.append({"role": "assistant", "content": answer(turn)})
    return requests


def size_of(value: Any) -> int:
    return len(json.dumps(value, separators=(",", ":")))


@pytest.mark.parametrize("is_marked", [False, True])
def test_what_is_repeated_is_stored_once(is_marked: bool) -> None:
    """The last message of a request may carry a mark that it no longer has in the next one."""
    store = Store()
    requests = conversation(30, is_marked=is_marked)
    for turn, request in enumerate(requests):
        store.add(request)
        store.add({"choices": [{"message": {"role": "assistant", "content": answer(turn)}}]})
    assert store.size < 1.4 * size_of(requests[-1])


def test_a_list_of_short_messages_is_stored_once_too() -> None:
    store, messages = Store(), []
    for turn in range(300):
        messages += [
            {"role": "user", "content": f"And {turn}?"},
            {"role": "assistant", "content": f"{turn}."},
        ]
        store.add({"messages": messages})
    # For each request its own row's text, and a piece with a reference to the one before.
    assert store.size < 3 * size_of(messages) + 300 * 100


def test_an_answer_is_stored_once_with_the_request_that_repeats_it() -> None:
    store = Store()
    store.add({"output": [{"type": "message", "content": [{"text": answer(1)}]}]})
    before = store.size
    store.add({"input": [{"role": "user", "content": "?"}, {"role": "assistant", "content": answer(1)}]})
    assert store.size - before < 200


def test_a_repeated_request_stores_nothing() -> None:
    store = Store()
    packed = store.add(conversation(3)[-1])
    before = dict(store.rows)
    assert store.add(conversation(3)[-1]) == packed
    assert store.rows == before


def test_equal_texts_of_two_conversations_share_no_piece() -> None:
    store = Store()
    request = conversation(2)[-1]
    mine, theirs = store.add(request), store.add(request, uuid4())
    stored = len(store.rows)
    assert stored == 2 * len(pieces.reachable([mine], store.rows))
    assert pieces.reachable([mine], store.rows).isdisjoint(pieces.reachable([theirs], store.rows))
    assert pieces.restored(theirs, store.rows) == request


def test_a_request_whose_piece_is_gone_is_not_made_up() -> None:
    store = Store()
    packed = store.add(conversation(3)[-1])
    for digest in pieces.reachable([packed], store.rows):
        rest = {other: data for other, data in store.rows.items() if other != digest}
        with pytest.raises(KeyError):
            pieces.restored(packed, rest)


def test_what_is_reachable_is_what_a_request_needs() -> None:
    store = Store()
    old, new = (store.add(request) for request in conversation(2))
    store.add({"messages": ["x" * 500, "y" * 500]})
    needed = pieces.reachable([new], store.rows)
    assert pieces.reachable([old], store.rows) <= needed < store.rows.keys()
    assert pieces.restored(new, {digest: store.rows[digest] for digest in needed}) == conversation(2)[-1]


def test_a_long_conversation_is_put_together_without_recursion() -> None:
    store, messages = Store(), ["word " * 20]
    for turn in range(sys.getrecursionlimit() + 100):
        messages.append(f"{turn} ")
        packed = store.add({"messages": messages})
    assert pieces.restored(packed, store.rows) == {"messages": messages}
