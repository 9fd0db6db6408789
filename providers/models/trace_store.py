"""Stores the traces of provider calls: measurements as columns, payloads compressed, repeated text once.

``scope`` is the id of a conversation, whose requests share their pieces (``providers.packing.pieces``). This package knows no
conversation: callers pass the id, and delete the pieces together with it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from providers.models import ProviderTrace, TracePiece
from providers.packing import pieces
from providers.packing.pieces import Cutter
from providers.types import Json
from providers.types.trace import TraceRecord, facts_of

#: The columns of a trace that hold its payloads.
PAYLOADS = ("packed_request", "packed_response", "unpacked_request", "unpacked_response")


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

    def update(self) -> None:
        """Store the payloads of rows that are stored already, in the caller's transaction."""
        TracePiece.objects.bulk_create(self.pieces, ignore_conflicts=True)
        ProviderTrace.objects.bulk_update(self.rows, PAYLOADS)


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


def pack_old(traces: Iterable[ProviderTrace], scope: UUID) -> PackedTraces:
    """Return what ``update`` stores of traces of one conversation that an earlier version stored unpacked."""
    cutter = _cutter(scope)
    rows = [_with_payloads(each, each.unpacked_request, each.unpacked_response, cutter) for each in traces]
    for row in rows:
        row.unpacked_request = row.unpacked_response = None
    return PackedTraces(rows=tuple(rows), pieces=_rows(cutter))


def delete(run_ids: Any, scopes: Any) -> None:
    """Delete all traces of runs, and all pieces of their conversations. Both take ids or a queryset of ids."""
    ProviderTrace.objects.filter(run_id__in=run_ids).delete()
    TracePiece.objects.filter(scope__in=scopes).delete()


def unused_pieces(scope: UUID, kept: QuerySet[ProviderTrace]) -> list[bytes]:
    """Return the digests of the pieces of a conversation that its traces ``kept`` do not need."""
    rows = TracePiece.objects.filter(scope=scope).values_list("digest", "data")
    stored = {bytes(digest): bytes(data) for digest, data in rows}
    payloads = kept.values_list("packed_request", "packed_response") if stored else ()
    used = pieces.reachable((bytes(each) for row in payloads for each in row if each), stored)
    return [digest for digest in stored if digest not in used]


def pieces_outside(scopes: QuerySet[Any]) -> QuerySet[TracePiece]:
    """Return the pieces of all conversations whose ids are not among ``scopes``."""
    return TracePiece.objects.exclude(scope__in=scopes)


def delete_payloads(traces: QuerySet[ProviderTrace]) -> None:
    """Delete requests and responses, and what errors quote of them. Measurements, usage and codes stay."""
    for trace in traces.filter(error__isnull=False).only("error"):
        trace.error = facts_of(trace.error or {})
        trace.save(update_fields=["error"])
    traces.update(**dict.fromkeys(PAYLOADS))


def with_payloads() -> QuerySet[ProviderTrace]:
    """Return the traces whose request or response is stored."""
    return ProviderTrace.objects.exclude(**{f"{name}__isnull": True for name in PAYLOADS})


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
