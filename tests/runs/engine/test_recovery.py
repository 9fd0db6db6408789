"""Runs that a dead worker left: ended once, with what they had said, and never run again."""

import json
import threading
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection
from django.utils import timezone

from concurrency.threads import readers
from providers.models import ProviderTrace
from providers.types import Role
from runs.engine import recovery
from runs.log.journal import Fenced, Journal
from runs.log.writer import Append, Group, write_group
from runs.models import Message, Run, RunEvent, Step
from runs.states import ACTIVE, TERMINAL, RunStatus, StopReason
from runs.store import claims, clock, history, transitions
from tests.runs.conftest import Connect, Person
from tests.runs.rows import make_run, make_step, stored_frames

pytestmark = pytest.mark.django_db(transaction=True)

type Json = dict[str, Any]

ON_SQLITE = pytest.mark.skipif(
    "connection.vendor != 'sqlite'", reason="elsewhere another process may renew a lease: it is waited for"
)

MESSAGE_ID = str(uuid4())
STARTED: Json = {"type": "RUN_STARTED"}
STEP: Json = {"type": "STEP_STARTED", "stepName": "step 1"}


def text(message_id: str) -> list[Json]:
    """Return the events of an answer that was cut."""
    named = {"messageId": message_id}
    return [
        {"type": "TEXT_MESSAGE_START", **named, "role": "assistant"},
        {"type": "TEXT_MESSAGE_CONTENT", **named, "delta": "The rest of "},
        {"type": "TEXT_MESSAGE_CONTENT", **named, "delta": "this 😀"},
    ]


TEXT = text(MESSAGE_ID)


def orphan(
    person: Person, *events: Json, status: RunStatus = RunStatus.RUNNING, lease: float = -1.0, **columns: Any
) -> Run:
    """Store a run as a dead worker leaves it; its lease ends ``lease`` seconds from now."""
    run = make_run(
        owner=person.user,
        status=status,
        lease_until=timezone.now() + timedelta(seconds=lease),
        input=[{"id": "m", "role": "user", "content": "hi"}],
        **columns,
    )
    if status is RunStatus.RUNNING:
        Step.objects.filter(pk=make_step(run).pk).update(finished_at=None)
    if events:
        write_group(Group([Append(run.pk, 0, 1, list(map(json.dumps, events)))], []))
    run.refresh_from_db()
    return run


def log_of(run: Run) -> list[Json]:
    """Return a run's events, and check their numbers."""
    frames = list(map(json.loads, stored_frames(run.pk)))
    run.refresh_from_db()
    assert [frame["seq"] for frame in frames] == list(range(1, run.last_seq + 1))
    return [frame["event"] for frame in frames]


def kinds(run: Run) -> list[str]:
    return [event["type"] for event in log_of(run)]


def test_an_orphan_fails_with_what_it_had_said(ada: Person) -> None:
    run = orphan(ada, STARTED, STEP, *TEXT)
    assert recovery.reap(everything=True) == 1
    assert kinds(run)[5:] == ["TEXT_MESSAGE_END", "STEP_FINISHED", "RUN_ERROR"]
    run.refresh_from_db()
    assert (run.status, run.stop_reason, run.error_code) == ("failed", "worker_lost", "worker_lost")
    assert run.finished_at is not None
    assert run.lease_until is None
    assert run.fence == 1
    message = Message.objects.get(run=run)
    assert (str(message.id), message.role, message.text) == (MESSAGE_ID, "assistant", "The rest of this 😀")
    step = run.steps.get()
    assert step.error_code == "worker_lost"
    assert step.finished_at is not None


def test_its_end_says_what_happened_and_that_it_may_be_tried_again(ada: Person) -> None:
    run = orphan(ada, STARTED, STEP)
    recovery.reap(everything=True)
    end = log_of(run)[-1]
    assert (end["type"], end["code"]) == ("RUN_ERROR", "worker_lost")
    assert end["metadata"] == {
        "stop_reason": "worker_lost",
        "usage_source": "partial",
        "cost": None,
        "cost_is": None,
        "cost_missing": "no usage was reported",
        "run_usage": {},
        "estimated_usage": {},
        "retryable": True,
        "retry_after": None,
    }
    assert "server" in end["message"]


def test_the_call_that_was_lost_leaves_a_trace(ada: Person) -> None:
    run = orphan(ada, STARTED, STEP, *TEXT)
    step = run.steps.get()

    assert recovery.reap(everything=True) == 1

    trace = ProviderTrace.objects.get(run_id=run.pk)
    assert (trace.step_id, trace.status, trace.error_code) == (step.pk, "failed", "worker_lost")
    assert (trace.provider, trace.wire, trace.model) == (step.provider, step.wire, step.model)
    assert trace.started_at == step.started_at
    assert (trace.request, trace.raw_usage, trace.events, trace.bytes) == (None, None, None, None)


def test_the_call_that_was_lost_took_until_its_process_was_last_seen_alive(
    ada: Person, settings: Any
) -> None:
    run = orphan(ada, STARTED, STEP, *TEXT)
    started = timezone.now() - timedelta(minutes=10)
    run.steps.update(started_at=started)
    alive = started + timedelta(seconds=7)
    Run.objects.filter(pk=run.pk).update(lease_until=alive + timedelta(seconds=settings.RUNNEL_LEASE_SECONDS))

    assert recovery.reap(everything=True) == 1

    assert ProviderTrace.objects.get(run_id=run.pk).ended_at == alive


def test_the_usage_of_what_said_nothing_is_unknown_and_not_zero(ada: Person) -> None:
    run = orphan(ada, STARTED, STEP)
    recovery.reap(everything=True)
    run.refresh_from_db()
    assert (run.input_tokens, run.output_tokens, run.usage_source) == (None, None, "partial")


def test_what_viewers_saw_is_counted_and_priced_as_an_estimate(ada: Person) -> None:
    run = orphan(ada, STARTED, STEP, *TEXT, model="openai/gpt-4.1-mini")
    # An earlier step, whose usage is known.
    make_step(run, index=2, usage_source="reported", input_tokens=30, output_tokens=4, cost=Decimal("0.5"))
    recovery.reap(everything=True)
    run.refresh_from_db()
    lost = run.steps.get(index=1)
    assert (lost.usage_source, lost.output_tokens) == ("estimated", lost.estimated_output_tokens)
    assert lost.output_tokens in range(4, 8)
    assert lost.output_tokens is not None
    assert (run.output_tokens, run.estimated_output_tokens) == (4 + lost.output_tokens, lost.output_tokens)
    assert lost.cost is not None
    assert run.cost is not None
    assert (run.cost, run.cost_is, lost.cost_is) == (Decimal("0.5") + lost.cost, "about", "about")
    metadata = log_of(run)[-1]["metadata"]
    assert metadata["cost"] == pytest.approx(float(run.cost))
    assert metadata["run_usage"]["outputTokens"] == run.output_tokens
    assert metadata["estimated_usage"]["outputTokens"] == lost.output_tokens


def test_one_that_had_not_begun_still_has_its_first_event(ada: Person) -> None:
    run = orphan(ada, status=RunStatus.CREATED)
    asked = run.input
    recovery.reap(everything=True)
    started, end = log_of(run)
    assert (started["type"], end["type"]) == ("RUN_STARTED", "RUN_ERROR")
    assert started["threadId"] == str(run.conversation_id)
    assert started["input"]["messages"] == asked
    assert not Message.objects.filter(run=run).exists()


def test_a_stored_cancel_wins(ada: Person) -> None:
    run = orphan(ada, STARTED, STEP, *TEXT)
    transitions.request_cancel(run.pk, by="admin", reason="enough")
    recovery.reap(everything=True)
    run.refresh_from_db()
    assert (run.status, run.stop_reason, run.cancelled_by) == ("cancelled", "cancelled", "admin")
    end = log_of(run)[-1]
    assert (end["type"], end["outcome"]) == ("RUN_FINISHED", {"type": "cancelled"})
    assert end["metadata"]["cancelled_by"] == "admin"
    assert Message.objects.get(run=run).text == "The rest of this 😀"


def test_everything_open_is_closed_innermost_first(ada: Person) -> None:
    run = orphan(
        ada,
        STARTED,
        STEP,
        {"type": "REASONING_START", "messageId": "span"},
        {"type": "REASONING_MESSAGE_START", "messageId": MESSAGE_ID, "role": "reasoning"},
        {"type": "REASONING_MESSAGE_CONTENT", "messageId": MESSAGE_ID, "delta": "Hm."},
    )
    recovery.reap(everything=True)
    assert kinds(run)[5:] == ["REASONING_MESSAGE_END", "REASONING_END", "STEP_FINISHED", "RUN_ERROR"]
    (part,) = Message.objects.get(run=run).parts
    assert (part["kind"], part["text"]) == ("reasoning", "Hm.")


def test_calls_are_kept_whole_or_as_far_as_they_came(ada: Person) -> None:
    def call(name: str, arguments: str) -> list[Json]:
        start = {"toolCallId": name, "toolCallName": name, "parentMessageId": MESSAGE_ID}
        return [
            {"type": "TOOL_CALL_START", **start},
            {"type": "TOOL_CALL_ARGS", "toolCallId": name, "delta": arguments},
        ]

    run = orphan(
        ada,
        STARTED,
        STEP,
        *call("whole", '{"a":1}'),
        {"type": "TOOL_CALL_END", "toolCallId": "whole"},
        *call("cut", '{"a"'),
    )
    recovery.reap(everything=True)
    assert kinds(run)[7:] == ["TOOL_CALL_END", "STEP_FINISHED", "RUN_ERROR"]
    parts = Message.objects.get(run=run).parts
    assert [(part["name"], part["arguments"], part["complete"]) for part in parts] == [
        ("whole", '{"a":1}', True),
        ("cut", '{"a"', False),
    ]


@pytest.mark.parametrize("status", [*sorted(TERMINAL), RunStatus.AWAITING_APPROVAL])
def test_what_nothing_drives_anyway_is_left_alone(status: RunStatus, ada: Person) -> None:
    run = orphan(ada, STARTED, status=status)
    before = Run.objects.values().get(pk=run.pk)
    assert recovery.reap(everything=True) == 0
    assert Run.objects.values().get(pk=run.pk) == before


def test_a_run_whose_lease_was_renewed_since_it_was_found_is_left_alone(ada: Person) -> None:
    run = orphan(ada, STARTED, STEP)

    def renew(run_id: UUID) -> bool:
        Run.objects.filter(pk=run_id).update(lease_until=clock.after(timedelta(seconds=60)))
        return False

    assert recovery.reap(everything=False, is_live_here=renew) == 0
    run.refresh_from_db()
    assert (run.status, run.fence) == (RunStatus.RUNNING, 0)


@pytest.mark.parametrize("status", [RunStatus.CREATED, RunStatus.RUNNING])
def test_a_lease_is_respected_by_who_may_not_be_alone(status: RunStatus, ada: Person) -> None:
    alive = orphan(ada, status=status, lease=30)
    dead = orphan(ada, status=status, lease=-0.1, claims=claims.MOST_CLAIMS)
    assert recovery.reap(everything=False) == 1
    assert [Run.objects.get(pk=run.pk).status for run in (alive, dead)] == [status, "failed"]
    assert recovery.reap(everything=True) == 1
    assert Run.objects.get(pk=alive.pk).status == "failed"


def test_twice_is_once(ada: Person) -> None:
    run = orphan(ada, STARTED, STEP, *TEXT)
    assert [recovery.reap(everything=True) for _ in range(2)] == [1, 0]
    assert kinds(run).count("RUN_ERROR") == 1


def test_of_several_that_reap_at_once_one_ends_each_run(ada: Person) -> None:
    runs = [orphan(ada, STARTED, STEP, *text(str(uuid4()))) for _ in range(8)]
    counts = []

    def reap() -> None:
        counts.append(recovery.reap(everything=False))
        connection.close()

    threads = [threading.Thread(target=reap) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(counts) == len(runs)
    for run in runs:
        assert kinds(run).count("RUN_ERROR") == 1
        assert Message.objects.filter(run=run).count() == 1


def test_one_that_cannot_be_ended_keeps_no_other_from_it(ada: Person) -> None:
    broken = orphan(ada, STARTED)
    RunEvent.objects.filter(run=broken).update(packed=b"no JSON")
    whole = orphan(ada, STARTED)
    assert recovery.reap(everything=True) == 1
    broken.refresh_from_db()
    assert (broken.status, broken.fence) == ("running", 0)
    assert kinds(whole)[-1] == "RUN_ERROR"


async def test_who_was_only_slow_can_write_nothing_more(ada: Person) -> None:
    run = await readers.run(orphan, ada, STARTED, STEP)
    journal = Journal(interval=0.001, on_commit=lambda batch: None)
    log = journal.open(run.pk, fence=0, last_seq=2)
    await readers.run(recovery.reap, everything=False)
    with pytest.raises(Fenced):
        await journal.commit(log, [{"type": "RUN_FINISHED"}], lambda: None)
    await journal.close()
    assert (await readers.run(kinds, run))[-1] == "RUN_ERROR"
    await readers.close()


@pytest.fixture
def orphans(ada: Person) -> list[Run]:
    waits = orphan(ada, status=RunStatus.CREATED, claims=claims.MOST_CLAIMS)
    left = [orphan(ada, STARTED, STEP, *TEXT), waits]
    for run in left:
        # What starts a run is stored with it, and providers take no history that the assistant begins.
        parts = history.user_parts(run.input[0], {})
        Message.objects.create(
            conversation=run.conversation, run=run, position=1, role=Role.USER, parts=parts
        )
    return left


@ON_SQLITE
async def test_recovery_is_over_before_the_first_socket_hears_ready(
    orphans: list[Run], ada: Person, connect: Connect
) -> None:
    socket = await connect(ada)
    assert socket.count("ready") == 1
    assert await readers.run(Run.objects.filter(status__in=ACTIVE).count) == 0
    for run in orphans:
        answer = await socket.ask("subscribe", run_id=str(run.pk))
        assert answer["status"] == RunStatus.FAILED
        end = await socket.ended(str(run.pk))
        assert end["metadata"]["stop_reason"] == StopReason.WORKER_LOST


@ON_SQLITE
async def test_the_conversation_of_an_orphan_goes_on(
    orphans: list[Run], ada: Person, connect: Connect
) -> None:
    socket = await connect(ada)
    for run in orphans:
        started = await socket.start(conversation_id=str(run.conversation_id))
        assert (await socket.ended(started["run_id"]))["outcome"] == {"type": "success"}
