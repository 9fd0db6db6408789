"""Traces in the database: packed, read, carried over and deleted."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection

from providers.models import ProviderTrace, TracePiece, trace_store
from providers.types.trace import TraceRecord
from tests.providers.models.test_models import record
from tests.providers.packing.test_pieces import conversation

pytestmark = pytest.mark.django_db


def store(requests: Iterable[Any], scope: UUID, *, run_id: UUID | None = None) -> list[ProviderTrace]:
    """Store one trace for each request, each in a packing of its own; return the rows."""
    rows = []
    for request in requests:
        response = {"said": "Grüße"}
        kept = record(request=request, response=response, run_id=run_id or uuid4())
        trace_store.pack([kept], scope).store()
        rows.append(ProviderTrace.objects.get(run_id=kept.run_id, step_id=kept.step_id))
    return rows


def test_every_request_of_a_conversation_is_shown_whole() -> None:
    requests = conversation(30)
    rows = store(requests, uuid4())
    assert [row.request for row in rows] == requests
    assert {str(row.response) for row in rows} == {"{'said': 'Grüße'}"}


def test_a_long_conversation_finds_what_it_has_sent_before() -> None:
    scope = uuid4()
    messages = [{"content": f"{number} " + "word " * 20} for number in range(1_000)]
    store([{"messages": messages}], scope)
    before = TracePiece.objects.count()
    store([{"messages": [*messages, {"content": "new " * 20}]}], scope)
    assert TracePiece.objects.count() == before + 1


def test_two_attempts_of_a_step_share_their_pieces() -> None:
    request, scope = conversation(2)[-1], uuid4()
    records = [record(request=request, attempt=number) for number in (1, 2)]
    trace_store.pack(records, scope).store()
    once = TracePiece.objects.count()
    assert [row.request for row in ProviderTrace.objects.all()] == [request, request]
    trace_store.pack([record(request=request)], scope).store()
    assert TracePiece.objects.count() == once


def test_a_piece_that_was_stored_meanwhile_is_no_conflict() -> None:
    request, scope = conversation(2)[-1], uuid4()
    packed = [trace_store.pack([record(request=request)], scope) for _ in range(2)]
    for each in packed:
        each.store()
    assert [row.request for row in ProviderTrace.objects.all()] == [request, request]


def test_packing_asks_as_often_for_a_long_conversation(django_assert_num_queries: Any) -> None:
    scope = uuid4()
    *first, last = conversation(40)
    store(first, scope)
    with django_assert_num_queries(1):
        packed = trace_store.pack([record(request=last)], scope)
    with django_assert_num_queries(2):
        packed.store()


def test_payloads_that_are_off_are_not_kept() -> None:
    trace_store.pack([record(request=None, response=None)], uuid4()).store()
    row = ProviderTrace.objects.get()
    assert (row.request, row.response, TracePiece.objects.count()) == (None, None, 0)


def test_a_trace_of_an_earlier_version_is_shown_and_carried_over() -> None:
    scope, requests = uuid4(), conversation(3)
    for request in requests:
        row = ProviderTrace.from_record(record())
        row.unpacked_request, row.unpacked_response = request, {"n": 2**70}
        row.save()
    old = list(ProviderTrace.objects.order_by("pk"))
    assert [row.request for row in old] == requests
    trace_store.pack_old(old, scope).update()
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(request), count(response) FROM providers_providertrace")
        assert cursor.fetchone() == (0, 0)
    assert [row.request for row in ProviderTrace.objects.order_by("pk")] == requests
    assert {str(row.response) for row in ProviderTrace.objects.all()} == {str({"n": 2**70})}


def test_deleting_leaves_other_conversations_alone() -> None:
    mine, other = uuid4(), uuid4()
    request = conversation(2)[-1]
    (gone,) = store([request], mine)
    (kept,) = store([request], other)
    trace_store.delete([gone.run_id], [mine])
    assert [row.request for row in ProviderTrace.objects.all()] == [kept.request]
    assert set(TracePiece.objects.values_list("scope", flat=True)) == {other}


def test_only_what_no_kept_trace_needs_is_unused() -> None:
    scope = uuid4()
    requests = [*conversation(4), {"messages": ["only here " * 40, "and here " * 40]}]
    *_, last = store(requests, scope)
    everything = ProviderTrace.objects.all()
    assert trace_store.unused_pieces(scope, everything) == []
    unused = trace_store.unused_pieces(scope, everything.exclude(pk=last.pk))
    assert 0 < len(unused) < TracePiece.objects.count()
    TracePiece.objects.filter(digest__in=unused).delete()
    assert [row.request for row in ProviderTrace.objects.order_by("pk")] == [*requests[:-1], None]
    assert len(trace_store.unused_pieces(scope, everything.none())) == TracePiece.objects.count()


def test_without_its_payloads_a_trace_keeps_what_was_measured() -> None:
    error = {"status": 400, "shown": "No.", "message": "You said: my secret plan"}
    trace_store.pack([record(request={"a": "b" * 900}, error=error)], uuid4()).store()
    assert trace_store.with_payloads().count() == 1
    trace_store.delete_payloads(ProviderTrace.objects.all())
    row = ProviderTrace.objects.get()
    assert (row.request, row.response, row.error) == (None, None, {"status": 400})
    assert (row.http_status, row.bytes, trace_store.with_payloads().count()) == (429, 117, 0)


def test_a_record_without_a_call_has_no_payload() -> None:
    kept: TraceRecord = record(request=None, response=None)
    packed = trace_store.without_payloads([kept])
    assert (len(packed.rows), packed.pieces) == (1, ())
