from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from django.test import TestCase

from providers.models import ProviderTrace, trace_store
from providers.types import Origin
from providers.types.trace import TraceRecord, TraceStatus
from tests.providers.calling import Call, emulated


def record(**changes: object) -> TraceRecord:
    now = datetime.now(UTC)
    facts: dict[str, object] = {
        "run_id": uuid4(),
        "step_id": uuid4(),
        "attempt": 2,
        "origin": Origin(wire="openai-chat", provider="openai-chat", model="gpt"),
        "url": "https://api.example.org/v1/chat/completions",
        "status": TraceStatus.FAILED,
        "http_status": 429,
        "request": {"messages": [{"content": "Grüße 😀"}]},
        "response": None,
        "raw_usage": None,
        "raw_stop_reason": None,
        "error_code": "llm_rate_limit",
        "error": {"status": 429},
        "upstream_request_id": "req_1",
        "model_served": None,
        "stream_was_cancelled": False,
        "upstream_closed_ms": None,
        "started_at": now,
        "first_byte_at": now + timedelta(seconds=1),
        "first_token_at": None,
        "ended_at": now + timedelta(seconds=2),
        "events": 0,
        "bytes": 117,
        "oddities": ("comment",),
    }
    return TraceRecord(**{**facts, **changes})  # type: ignore[arg-type]


class TestProviderTrace(TestCase):
    def test_it_keeps_the_whole_record(self) -> None:
        kept = record()
        trace_store.pack([kept], uuid4()).store()
        row = ProviderTrace.objects.get(run_id=kept.run_id)
        assert row.step_id == kept.step_id
        assert (row.provider, row.wire, row.model) == ("openai-chat", "openai-chat", "gpt")
        assert (row.status, row.http_status, row.error_code, row.error) == (
            "failed",
            429,
            "llm_rate_limit",
            {"status": 429},
        )
        assert row.request == {"messages": [{"content": "Grüße 😀"}]}
        assert row.response is None
        assert row.ended_at - row.started_at == timedelta(seconds=2)
        assert row.first_token_at is None
        assert (row.attempt, row.events, row.bytes) == (2, 0, 117)
        assert row.oddities == ["comment"]

    def test_the_newest_comes_first(self) -> None:
        now = datetime.now(UTC)
        for minutes in (2, 1, 3):
            ProviderTrace.from_record(
                record(started_at=now - timedelta(minutes=minutes), attempt=minutes)
            ).save()
        assert [row.attempt for row in ProviderTrace.objects.all()] == [1, 2, 3]

    def test_a_name_that_is_too_long_is_cut(self) -> None:
        row = ProviderTrace.from_record(
            record(model_served="m" * 999, url="u" * 999, upstream_request_id="r" * 999)
        )
        row.full_clean()
        row.save()
        row.refresh_from_db()
        assert (len(row.model_served), len(row.url), len(row.upstream_request_id)) == (200, 500, 200)


@pytest.mark.usefixtures("emulator")
async def test_every_field_of_a_real_call_fits() -> None:
    call = Call(emulated("tools", "openai-responses"))
    await call.start()
    ProviderTrace.from_record(call.trace).clean_fields()
