"""The JSON of conversations over HTTP: their list, what was said in them, and what became of runs and calls."""

import uuid
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from runs.http.conversations import PAGE_SIZE
from runs.models import Conversation, EventLog, Message, Run
from runs.models.tool_call import Decision, ToolCallStatus
from runs.states import RunStatus, StopReason
from tests.runs.http.signed_in import a_client, a_stranger, a_user  # noqa: F401 - fixtures
from tests.runs.rows import make_call, make_run, make_step, note_browser

pytestmark = pytest.mark.django_db


def say(run: Run, role: str, *parts: dict[str, Any]) -> Message:
    return Message.objects.create(
        conversation=run.conversation,
        run=run,
        role=role,
        position=run.conversation.messages.count() + 1,
        parts=list(parts),
    )


def test_it_lists_conversations_newest_first_with_what_runs_in_them(
    client: Client, user: User, stranger: User
) -> None:
    now = datetime.now(UTC)
    done = make_run(owner=user, title="Older")
    live = make_run(owner=user, title="Newer", status=RunStatus.AWAITING_APPROVAL)
    make_run(owner=stranger)
    Conversation.objects.filter(pk=done.conversation_id).update(updated_at=now - timedelta(days=1))

    answer = client.get("/api/conversations/").json()

    fields = ("title", "active_run_id", "active_run_status")
    assert [tuple(each[field] for field in fields) for each in answer["conversations"]] == [
        ("Newer", str(live.pk), "awaiting_approval"),
        ("Older", None, None),
    ]
    assert answer["before"] is None


def test_it_pages_without_losing_or_repeating_one_also_among_equal_times(client: Client, user: User) -> None:
    now = datetime.now(UTC)
    Conversation.objects.bulk_create(Conversation(owner=user, title=str(n)) for n in range(PAGE_SIZE + 3))
    Conversation.objects.update(updated_at=now)

    first = client.get("/api/conversations/").json()
    second = client.get("/api/conversations/", {"before": first["before"]}).json()

    assert len(first["conversations"]) == PAGE_SIZE
    assert second["before"] is None
    ids = [each["id"] for each in first["conversations"] + second["conversations"]]
    assert len(set(ids)) == len(ids) == PAGE_SIZE + 3


@pytest.mark.parametrize(
    "before",
    [
        "yesterday",
        "2026-01-01T00:00:00+00:00",
        "2026-01-01,not-an-id",
        "0001-01-01T00:00:00+23:00,8e4c6ad2-33ab-4ccf-8f1e-4cc0f9f6a2b1",
        "2026-01-01,8e4c6ad2-33ab-4ccf-8f1e-4cc0f9f6a2b1",
        "\0,",
    ],
)
def test_it_refuses_a_place_that_it_never_gave_out(client: Client, before: str) -> None:
    response = client.get("/api/conversations/", {"before": before})
    assert response.status_code == 400
    assert response.json()["code"] == "bad_request"


def test_it_tells_all_that_was_said_and_how_each_run_went(client: Client, user: User) -> None:
    run = make_run(
        owner=user,
        status=RunStatus.CANCELLED,
        stop_reason=StopReason.CANCELLED,
        cancelled_by="user",
        stream_was_cancelled=True,
        input_tokens=12,
        cached_input_tokens=0,
        usage_source="partial",
        cost=Decimal("0.25"),
        cost_is="at_least",
    )
    EventLog.objects.create(run=run, last_seq=7)
    say(run, "user", {"kind": "text", "text": "Where does it end?"})
    thought = {"kind": "reasoning", "text": "Hm.", "sealed": None}
    say(run, "assistant", thought, {"kind": "text", "text": "In the "}, {"kind": "text", "text": "sea"})

    answer = client.get(f"/api/conversations/{run.conversation_id}/").json()

    assert (answer["id"], answer["title"]) == (str(run.conversation_id), "On rivers")
    assert answer["updated_at"] == client.get("/api/conversations/").json()["conversations"][0]["updated_at"]
    assert [(each["role"], each["text"], each["run_id"]) for each in answer["messages"]] == [
        ("user", "Where does it end?", str(run.pk)),
        ("assistant", "In the sea", str(run.pk)),
    ]
    assert answer["messages"][1]["parts"][0] == thought
    [told] = answer["runs"]
    assert (told["cost"], told["cost_is"], told["left_out_of"]) == (0.25, "at_least", "")
    assert told["usage"] == {
        "input_tokens": 12,
        "estimated_input_tokens": None,
        "estimated_output_tokens": None,
        "cached_input_tokens": 0,
        "cache_write_input_tokens": None,
        "output_tokens": None,
        "reasoning_tokens": None,
        "usage_source": "partial",
    }
    assert (told["status"], told["stop_reason"], told["cancelled_by"]) == ("cancelled", "cancelled", "user")
    assert told["stream_was_cancelled"] is True
    assert told["last_seq"] == 7
    assert datetime.fromisoformat(told["finished_at"]) - datetime.fromisoformat(
        told["started_at"]
    ) == timedelta(seconds=2)


def test_it_reads_a_long_conversation_in_a_fixed_number_of_queries(
    client: Client, user: User, django_assert_max_num_queries: Any
) -> None:
    run = make_run(owner=user)
    for number in range(20):
        say(run, "user", {"kind": "text", "text": str(number)})
    step = make_step(run)
    for number in range(20):
        make_call(step, position=number + 1, decided_by=user)
    note_browser(client)
    with django_assert_max_num_queries(12):
        answer = client.get(f"/api/conversations/{run.conversation_id}/").json()
    assert len(answer["messages"]) == 20
    assert len(answer["runs"][0]["tool_calls"]) == 20


def test_it_tells_what_became_of_each_tool_call_and_who_decided(client: Client, user: User) -> None:
    run = make_run(owner=user)
    make_call(make_step(run, index=2), name="later")
    step = make_step(run, index=1)
    make_call(step, position=2, name="second", status=ToolCallStatus.EXPIRED)
    make_call(
        step,
        position=1,
        name="first",
        arguments='{"text":"1"}',
        edited_arguments='{"text":"2"}',
        source="runs",
        requires_approval=True,
        decision=Decision.EDITED,
        reason="better so",
        decided_by=user,
        result="Written.",
    )

    [told] = client.get(f"/api/conversations/{run.conversation_id}/").json()["runs"]

    assert [call["name"] for call in told["tool_calls"]] == ["first", "second", "later"]
    first = told["tool_calls"][0]
    assert uuid.UUID(first.pop("id"))
    assert first == {
        "call_id": "call_1",
        "name": "first",
        "files": [],
        "seconds": None,
        "running_seconds": None,
        "arguments": '{"text":"1"}',
        "edited_arguments": '{"text":"2"}',
        "status": "succeeded",
        "requires_approval": True,
        "source": "runs",
        "decision": "edited",
        "decided_by": user.get_username(),
        "standing_decision": None,
        "reason": "better so",
        "result": "Written.",
        "is_error": False,
    }
    assert told["tool_calls"][1]["status"] == "expired"
    assert told["tool_calls"][1]["decided_by"] is None
