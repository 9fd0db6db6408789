"""Addresses of the admin's pages, rows for them, and what stands in an answer."""

import json
from datetime import timedelta
from uuid import uuid4

from django.contrib.auth.models import Permission

from providers.models import ProviderTrace
from providers.types.trace import TraceStatus
from runs.log.packing import pack
from runs.models import RunEvent
from tests.runs.rows import make_user

RUNS = "/admin/runs/run/"


CONVERSATIONS = "/admin/runs/conversation/"


TRACES = "/admin/providers/providertrace/"


USAGE = "/admin/usage/"


HOSTILE = "<script>alert('x')</script>"


def staff_with(client, *permissions):
    user = make_user("helper", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client.force_login(user)
    return client


def make_trace(run, **columns):
    begin = run.created_at
    defaults = {
        "run_id": run.pk,
        "step_id": uuid4(),
        "provider": "anthropic",
        "wire": "anthropic-messages",
        "model": "opus",
        "model_served": "opus-20260101",
        "url": "api.example.org/v1/messages",
        "status": TraceStatus.COMPLETED.value,
        "http_status": 200,
        "upstream_request_id": "req_123",
        "unpacked_request": {"messages": [{"content": HOSTILE}]},
        "unpacked_response": {"content": [{"text": "Ünïcode & <b>"}]},
        "raw_usage": {"input_tokens": 3},
        "started_at": begin,
        "first_token_at": begin + timedelta(milliseconds=125),
        "ended_at": begin + timedelta(milliseconds=2500),
        "events": 7,
        "bytes": 900,
    }
    return ProviderTrace.objects.create(**{**defaults, **columns})


def log_events(run, *events):
    """Store ``events`` as the journal commits them."""
    packed = pack(map(json.dumps, events))[0].encode()
    RunEvent.objects.create(run=run, first_seq=1, last_seq=len(events), packed=packed)


def text_of(response):
    assert response.status_code == 200
    return " ".join(response.content.decode().split())


def places(response):
    """Return the part of the index that is not the sidebar."""
    page = text_of(response)
    return page[page.index('class="runnel-places"') :]
