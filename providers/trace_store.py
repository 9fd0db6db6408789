"""Stores the traces of provider calls: measurements as columns, payloads compressed, repeated text once.

``scope`` is the id of a conversation, whose requests share their pieces (``providers.pieces``). This package knows no
conversation: callers pass the id, and delete the pieces together with it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import batched
from typing import Any
from uuid import UUID

from providers import pieces
from providers.models import ProviderTrace, TracePiece
from providers.pieces import Cutter
from providers.types import Json
from providers.types.trace import TraceRecord

#: Digests in one query. Databases limit the parameters of a statement.
_BATCH = 1_000


@dataclass(frozen=True, kw_only=True, slots=True)
class PackedTraces:
    """The unsaved rows of some traces."""

    rows: tuple[ProviderTrace, ...] = ()
    pieces: tuple[TracePiece, ...] = ()

    def store(self) -> None:
        """Insert the rows, in the caller's transaction."""
        if self.pieces:
            # Another call of the conversation may have stored an equal piece since ``pack`` looked.
            TracePiece.objects.bulk_create(self.pieces, ignore_conflicts=True)
        if self.rows:
            ProviderTrace.objects.bulk_create(self.rows)


def pack(records: Iterable[TraceRecord], scope: UUID) -> PackedTraces:
    """Return the rows to insert for ``records``. Reads the database and blocks."""
    cutter = _cutter(scope)
    rows = [
        _with_payloads(ProviderTrace.from_record(each), each.request, each.response, cutter)
        for each in records
    ]
    return PackedTraces(rows=tuple(rows), pieces=_rows(cutter))


def without_payloads(records: Iterable[TraceRecord]) -> PackedTraces:
    """Return the rows to insert for ``records``, without their requests and responses. No I/O."""
    return PackedTraces(rows=tuple(map(ProviderTrace.from_record, records)))


def pack_old(traces: Sequence[ProviderTrace], scope: UUID) -> None:
    """Pack the payloads that an earlier version stored in ``traces``, which belong to one conversation."""
    cutter = _cutter(scope)
    for trace in traces:
        _with_payloads(trace, trace.unpacked_request, trace.unpacked_response, cutter)
        trace.unpacked_request = trace.unpacked_response = None
    TracePiece.objects.bulk_create(_rows(cutter), ignore_conflicts=True)
    ProviderTrace.objects.bulk_update(
        traces, ["packed_request", "packed_response", "unpacked_request", "unpacked_response"]
    )


def delete(run_ids: Any, scopes: Any) -> None:
    """Delete all traces of runs, and all pieces of their conversations. Both take ids or a queryset of ids."""
    ProviderTrace.objects.filter(run_id__in=run_ids).delete()
    TracePiece.objects.filter(scope__in=scopes).delete()


def delete_unused(scope: UUID, run_ids: Iterable[UUID]) -> int:
    """Delete the pieces of a conversation that no trace of it needs any more; return how many.

    Args:
        scope: the conversation.
        run_ids: all of its runs. None of them may be active: a live step may be about to name a piece.
    """
    rows = TracePiece.objects.filter(scope=scope).values_list("digest", "data")
    stored = {bytes(digest): bytes(data) for digest, data in rows}
    if not stored:
        return 0
    kept = ProviderTrace.objects.filter(run_id__in=run_ids).values_list("packed_request", "packed_response")
    unused = stored.keys() - pieces.reachable((bytes(each) for row in kept for each in row if each), stored)
    for batch in batched(unused, _BATCH):
        TracePiece.objects.filter(digest__in=batch).delete()
    return len(unused)


def _with_payloads(
    row: ProviderTrace, request: Json | None, response: Json | None, cutter: Cutter
) -> ProviderTrace:
    """Set the packed columns of ``row`` and return it; ``None`` is a payload that is not kept."""
    row.packed_request = None if request is None else cutter.cut(request)
    row.packed_response = None if response is None else cutter.cut(response)
    return row


def _rows(cutter: Cutter) -> tuple[TracePiece, ...]:
    return tuple(
        TracePiece(digest=digest, scope=cutter.scope, data=data) for digest, data in cutter.new.items()
    )


def _cutter(scope: UUID) -> Cutter:
    rows = TracePiece.objects.filter(scope=scope).values_list("digest", flat=True)
    return Cutter(scope, set(map(bytes, rows)))
