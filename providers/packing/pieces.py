"""Cuts the JSON of a call's payloads into pieces, so that what a conversation repeats is stored once.

Each request of a conversation repeats the one before it and adds a few messages, the newest of which is the answer
that was in the last response. A payload's text is cut in two ways:

- A long list is cut behind its last item but one. The digest of an item covers the items before it too, as in a hash
  chain: if the digest of item 40 is known, the first 40 items are stored, and a piece holds only those behind them.
  The last item is left out, because some requests mark their last message, and the next one repeats it unmarked.
- A long string, and what is long without its long strings, is a piece of its own, wherever it stands.

Where a piece was cut out, its reference stands: the byte 0, which JSON text never contains, and the digest. A digest
depends on its scope (a conversation), so that nobody learns whether another conversation has the same text.
Pure: no I/O.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any
from uuid import UUID

import orjson

from providers.packing.compression import compressed, decompressed

#: Bytes of a digest.
DIGEST = 16
#: Bytes from which on a text is worth a row of its own.
_LONG = 400
#: How deep in objects long lists are looked for; a request has its messages and tools in the first or second.
_DEPTH = 3

_REFERENCE = re.compile(rb"\0(.{%d})" % DIGEST, re.DOTALL)


@dataclass(slots=True)
class Cutter:
    """Cuts payloads of one conversation; later ones refer to the pieces of earlier ones."""

    scope: UUID
    #: The digests of the pieces that are stored, or are in ``new``.
    known: set[bytes]
    #: The pieces that are not stored yet, compressed, by digest.
    new: dict[bytes, bytes] = field(default_factory=dict)

    def cut(self, payload: Any) -> bytes:
        """Return the compressed text of ``payload`` with references; ``restored`` takes it."""
        chains = {id(chain.items): chain for chain in _chains(payload, self.scope, _DEPTH)}
        writer = _Writer(self.scope, chains, self.known)
        text = writer.text(payload, is_whole=True)
        for digest, piece in writer.pieces.items():
            if digest not in self.known:
                self.new[digest] = compressed(piece)
        self.known.update(writer.pieces)
        return compressed(text)


def restored(packed: bytes, stored: Mapping[bytes, bytes]) -> Any:
    """Return the payload that ``Cutter.cut`` took.

    Args:
        packed: what ``Cutter.cut`` returned.
        stored: the compressed pieces of the conversation by digest.

    Raises:
        KeyError: a piece is missing.
    """
    texts: list[bytes] = []
    # A stack, not a recursion: each piece of a list refers to the one before it.
    left = [decompressed(packed)]
    while left:
        text = left.pop()
        if (found := _REFERENCE.search(text)) is None:
            texts.append(text)
            continue
        texts.append(text[: found.start()])
        left += (text[found.end() :], decompressed(stored[found[1]]))
    return json.loads(b"".join(texts))


def references(packed: bytes) -> list[bytes]:
    """Return the digests of the pieces that a compressed text refers to by itself."""
    return _REFERENCE.findall(decompressed(packed))


def reachable(packed: Iterable[bytes], stored: Mapping[bytes, bytes]) -> set[bytes]:
    """Return the digests of all pieces that the payloads in ``packed`` need."""
    found: set[bytes] = set()
    left = [digest for each in packed for digest in references(each)]
    while left:
        digest = left.pop()
        if digest not in found and digest in stored:
            found.add(digest)
            left += references(stored[digest])
    return found


def _as_json(value: Any) -> bytes:
    try:
        return orjson.dumps(value)
    except TypeError:
        # Numbers beyond 64 bits, halves of surrogate pairs, very deep nesting.
        return json.dumps(value, separators=(",", ":")).encode()


def _digest(scope: UUID, *texts: bytes) -> bytes:
    return blake2b(b"".join(texts), digest_size=DIGEST, key=scope.bytes).digest()


@dataclass(frozen=True, slots=True)
class _Chain:
    """A long list in a payload, and the running digests of its items without the last one."""

    items: list[Any]
    digests: list[bytes]

    def stored(self, known: set[bytes]) -> int:
        """Return how many of the first items are stored."""
        return next((n for n in range(len(self.digests), 0, -1) if self.digests[n - 1] in known), 0)


def _chains(value: Any, scope: UUID, depth: int) -> Iterable[_Chain]:
    """Yield the long lists of ``value``, down to ``depth``."""
    match value:
        case dict() if depth:
            for item in value.values():
                yield from _chains(item, scope, depth - 1)
        case [*_, _, _] if isinstance(value, list) and depth:
            texts = [_as_json(item) for item in value]
            if sum(map(len, texts)) >= _LONG:
                digests = [b""]
                for text in texts[:-1]:
                    digests.append(_digest(scope, digests[-1], b",", text))
                yield _Chain(value, digests[1:])


@dataclass(slots=True)
class _Writer:
    """Writes the text of one payload, and collects its pieces."""

    scope: UUID
    #: By the identity of the list.
    chains: dict[int, _Chain]
    known: set[bytes]
    #: The pieces by their digests. Some may be stored already.
    pieces: dict[bytes, bytes] = field(default_factory=dict)

    def text(self, value: Any, *, is_whole: bool = False) -> bytes:
        """Return the text of ``value`` with references; itself a reference if it is long and not the whole."""
        match value:
            case dict():
                members = [_as_json(key) + b":" + self.text(item) for key, item in value.items()]
                text = b"{" + b",".join(members) + b"}"
            case list() if id(value) in self.chains:
                text = b"[" + self._beginning(self.chains[id(value)]) + b"," + self.text(value[-1]) + b"]"
            case list():
                text = b"[" + b",".join(map(self.text, value)) + b"]"
            case _:
                text = _as_json(value)
        if len(text) < _LONG or is_whole:
            return text
        return self._piece(_digest(self.scope, text), text)

    def _beginning(self, chain: _Chain) -> bytes:
        """Return a reference to the items of a long list without its last one."""
        stored = chain.stored(self.known)
        if stored < len(chain.digests):
            new = b",".join(map(self.text, chain.items[stored:-1]))
            before = _reference(chain.digests[stored - 1]) + b"," if stored else b""
            self.pieces[chain.digests[-1]] = before + new
        return _reference(chain.digests[-1])

    def _piece(self, digest: bytes, text: bytes) -> bytes:
        self.pieces[digest] = text
        return _reference(digest)


def _reference(digest: bytes) -> bytes:
    return b"\0" + digest
