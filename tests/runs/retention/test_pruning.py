"""What is too old is deleted, what is not stays, and the statistics do not change."""

import fcntl
import threading
from collections.abc import Iterator
from datetime import timedelta
from io import StringIO
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.sessions.models import Session
from django.core.files.base import ContentFile
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from providers.models import ProviderTrace, TracePiece, trace_store
from runs.engine import lock
from runs.models import (
    AuditEntry,
    Conversation,
    EventLog,
    File,
    Message,
    Note,
    Run,
    RunEvent,
    Step,
    ToolCall,
    Upkeep,
)
from runs.models.audit import Actor, AuditAction
from runs.models.file import storage
from runs.retention import packing, pruning, turn
from runs.retention.pace import Pace, Stopped
from runs.states import RunStatus
from runs.usage.statistics import GroupBy, Scope, Statistics
from tests.providers.models.test_models import record
from tests.runs.rows import make_call, make_run, make_step, make_user

pytestmark = pytest.mark.django_db(transaction=True)

KINDS = ("TRACE", "EVENTS", "FILES", "CONVERSATION", "SESSION")
SECRET = "what I planned for Sunday " * 30


def quick() -> Pace:
    return Pace(stop=threading.Event())


def stored_names() -> list[str]:
    """Return the names of all stored files; none before the first one."""
    return storage().listdir("")[1] if storage().exists("") else []


@pytest.fixture(autouse=True)
def keep_for_ever(settings: Any) -> Iterator[None]:
    for kind in KINDS:
        setattr(settings, f"RUNNEL_RETENTION_{kind}_DAYS", None)
    settings.RUNNEL_UPLOAD_HOURS = 0
    yield
    for name in stored_names():
        storage().delete(name)


@pytest.fixture
def owner() -> Any:
    return make_user("ada")


def make_full_run(owner: Any, *, days: int, conversation: Conversation | None = None, **columns: Any) -> Run:
    """Store a run of so many days ago with something of each kind that holds what was said."""
    begin = timezone.now() - timedelta(days=days)
    run = make_run(owner=owner, created_at=begin, title=SECRET[:80], input=[{"content": SECRET}], **columns)
    if conversation is not None:
        own = run.conversation
        Run.objects.filter(pk=run.pk).update(conversation=conversation)
        own.delete()
        run.refresh_from_db()
    Conversation.objects.filter(pk=run.conversation_id).update(updated_at=begin)
    step = make_step(
        run, input_tokens=11, output_tokens=7, cost="0.5", cost_is="exact", usage_source="reported"
    )
    make_call(step, arguments=SECRET, result=SECRET)
    position = Message.objects.filter(conversation=run.conversation).count() + 1
    parts = [{"kind": "text", "text": SECRET}]
    Message.objects.create(
        conversation=run.conversation, run=run, position=position, role="user", parts=parts
    )
    Note.objects.create(conversation=run.conversation, run=run, call_id=uuid4(), text=SECRET)
    for seq in range(1, 31):
        RunEvent.objects.create(
            run=run, first_seq=seq, last_seq=seq, packed=f'{{"event": "{SECRET}"}}'.encode()
        )
    EventLog.objects.create(run=run, last_seq=30)
    file = File(owner=owner, run=run, name="plan.txt", mime_type="text/plain", size=len(SECRET))
    file.content.save("plan.txt", ContentFile(SECRET), save=False)
    file.save()
    File.objects.filter(pk=file.pk).update(created_at=begin)
    request = {"messages": [{"content": f"{days}: {SECRET}"}, {"content": "short"}]}
    sent = record(
        run_id=run.pk, step_id=step.pk, request=request, error={"message": SECRET}, started_at=begin
    )
    trace_store.pack([sent], run.conversation_id).store()
    return run


def figures() -> Any:
    scope = Scope(since=timezone.now() - timedelta(days=400), until=timezone.now() + timedelta(days=1))
    return Statistics(scope).total(), [Statistics(scope).grouped(by) for by in GroupBy]


def everything_stored() -> str:
    rows = [
        str(list(model._default_manager.values()))
        for model in (Run, Step, Message, Note, RunEvent, ToolCall, File, ProviderTrace)
    ]
    payloads = [str((trace.request, trace.response)) for trace in ProviderTrace.objects.all()]
    return "".join([*rows, *payloads, str(list(Conversation.all_rows.values()))])


def test_off_keeps_everything_for_ever(owner: Any) -> None:
    make_full_run(owner, days=5_000)
    before = everything_stored()
    said = StringIO()
    call_command("prune", stdout=said)
    assert said.getvalue().startswith("Nothing is ever too old")
    assert everything_stored() == before


def test_an_old_conversation_goes_and_what_it_cost_stays(owner: Any, settings: Any) -> None:
    settings.RUNNEL_RETENTION_CONVERSATION_DAYS = timedelta(days=30)
    old, new = make_full_run(owner, days=31), make_full_run(owner, days=29)
    before = figures()
    pruning.prune(quick())
    assert figures() == before
    assert list(Conversation.objects.all()) == [new.conversation]
    for model in (Message, Note, RunEvent, ToolCall, File, ProviderTrace):
        assert set(model._default_manager.values_list("run_id", flat=True)) == {new.pk}, model
    assert set(TracePiece.objects.values_list("scope", flat=True)) == {new.conversation_id}
    assert storage().listdir("")[1] == [str(File.objects.get().pk)]
    Conversation.objects.get().delete()
    ProviderTrace.objects.all().delete()
    assert SECRET[:80] not in everything_stored()
    assert Run.objects.get().pk == old.pk


def test_one_with_a_new_run_stays_whole(owner: Any, settings: Any) -> None:
    settings.RUNNEL_RETENTION_CONVERSATION_DAYS = timedelta(days=30)
    run = make_full_run(owner, days=40)
    make_full_run(owner, days=2, conversation=run.conversation)
    pruning.prune(quick())
    assert Message.objects.filter(conversation=run.conversation).count() == 2


def test_one_with_an_active_run_stays_whole(owner: Any, settings: Any) -> None:
    settings.RUNNEL_RETENTION_CONVERSATION_DAYS = timedelta(days=30)
    settings.RUNNEL_RETENTION_TRACE_DAYS = settings.RUNNEL_RETENTION_EVENTS_DAYS = timedelta(days=1)
    make_full_run(owner, days=40, status=RunStatus.AWAITING_APPROVAL)
    before = everything_stored()
    pruning.prune(quick())
    assert everything_stored() == before


def test_what_an_interruption_has_left_is_deleted_next_time(owner: Any, settings: Any) -> None:
    settings.RUNNEL_RETENTION_CONVERSATION_DAYS = timedelta(days=30)
    run = make_full_run(owner, days=31)
    stop, transactions = threading.Event(), []

    def stop_at_third() -> None:
        transactions.append(1)
        if len(transactions) == 3:
            stop.set()

    with pytest.raises(Stopped):
        pruning.prune(Pace(stop=stop, before_each=stop_at_third))
    assert not Conversation.objects.exists()
    assert RunEvent.objects.exists()
    settings.RUNNEL_RETENTION_CONVERSATION_DAYS = None
    pruning.prune(quick())
    assert SECRET[:80] not in everything_stored()
    assert Run.objects.get().pk == run.pk


def test_old_events_go_and_the_messages_stay(owner: Any, settings: Any) -> None:
    settings.RUNNEL_RETENTION_EVENTS_DAYS = timedelta(days=7)
    old, new = make_full_run(owner, days=8), make_full_run(owner, days=6)
    before = figures()
    assert pruning.prune(quick()) == [pruning.Pruned("runs with events", 1)]
    assert set(RunEvent.objects.values_list("run", flat=True)) == {new.pk}
    assert Message.objects.filter(run=old).get().text == SECRET
    assert figures() == before
    assert pruning.prune(quick()) == [pruning.Pruned("runs with events", 0)]


def test_old_payloads_go_and_newer_requests_that_repeat_them_stay_whole(owner: Any, settings: Any) -> None:
    settings.RUNNEL_RETENTION_TRACE_DAYS = timedelta(days=7)
    old = make_full_run(owner, days=9)
    new = make_full_run(owner, days=5, conversation=old.conversation)
    kept = ProviderTrace.objects.get(run_id=new.pk)
    request = kept.request
    pieces = TracePiece.objects.count()
    before = figures()
    assert pruning.prune(quick()) == [pruning.Pruned("traces with requests and responses", 1)]
    gone = ProviderTrace.objects.get(run_id=old.pk)
    assert (gone.request, gone.response, gone.error, gone.http_status) == (None, None, {}, 429)
    assert ProviderTrace.objects.get(pk=kept.pk).request == request
    assert 0 < TracePiece.objects.count() < pieces
    assert figures() == before


def test_a_trace_whose_run_is_gone_is_pruned_too(owner: Any, settings: Any) -> None:
    settings.RUNNEL_RETENTION_TRACE_DAYS = timedelta(days=7)
    run = make_full_run(owner, days=9)
    run.delete()
    pruning.prune(quick())
    assert not trace_store.with_payloads().exists()


def test_pieces_that_no_conversation_needs_go(owner: Any) -> None:
    kept, deleted, emptied = (make_full_run(owner, days=1).conversation_id for _ in range(3))
    Conversation.objects.filter(pk=deleted).delete()
    Conversation.objects.filter(pk=emptied).update(erased_at=timezone.now(), is_emptied=True)
    assert TracePiece.objects.values("scope").distinct().count() == 3
    pruning.prune(quick())
    assert set(TracePiece.objects.values_list("scope", flat=True)) == {kept}


def test_old_payloads_of_an_erased_conversation_are_not_packed_again(
    owner: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_full_run(owner, days=1)
    request = {"messages": [{"content": SECRET}, {"content": "short"}]}
    TracePiece.objects.all().delete()
    old = ProviderTrace.objects.filter(run_id=run.pk)
    old.update(packed_request=None, unpacked_request=request)
    prepare = trace_store.pack_old

    def erase_meanwhile(*args: Any) -> Any:
        packed = prepare(*args)
        Conversation.objects.update(erased_at=timezone.now())
        return packed

    with monkeypatch.context() as patch:
        patch.setattr(trace_store, "pack_old", erase_meanwhile)
        packing.pack(quick())
    assert not TracePiece.objects.exists()
    Conversation.all_rows.update(erased_at=None)
    packing.pack(quick())
    assert TracePiece.objects.exists()
    assert old.get().request == request


def test_old_files_go_with_their_bytes(owner: Any, settings: Any) -> None:
    settings.RUNNEL_RETENTION_FILES_DAYS = timedelta(days=7)
    make_full_run(owner, days=8)
    kept = make_full_run(owner, days=6)
    pruning.prune(quick())
    file = File.objects.get()
    assert file.run_id == kept.pk
    assert storage().listdir("")[1] == [str(file.pk)]


def test_expired_sessions_go(settings: Any) -> None:
    settings.RUNNEL_RETENTION_SESSION_DAYS = timedelta(days=7)
    for days in (-1, 1, 8):
        expire = timezone.now() - timedelta(days=days)
        Session.objects.create(session_key=f"s{days}", session_data="", expire_date=expire)
    pruning.prune(quick())
    assert set(Session.objects.values_list("session_key", flat=True)) == {"s-1", "s1"}


def test_old_entries_of_the_audit_log_go_only_if_that_is_asked_for(settings: Any) -> None:
    for days in (8, 6):
        AuditEntry.note(Actor(), AuditAction.VIEWED, "runs.run", days)
        AuditEntry.objects.filter(target_id=str(days)).update(at=timezone.now() - timedelta(days=days))
    pruning.prune(quick())
    assert AuditEntry.objects.count() == 2
    settings.RUNNEL_RETENTION_AUDIT_DAYS = timedelta(days=7)
    pruning.prune(quick())
    assert AuditEntry.objects.get().target_id == "6"


def test_a_dry_run_counts_and_deletes_nothing(owner: Any, settings: Any) -> None:
    for kind in KINDS:
        setattr(settings, f"RUNNEL_RETENTION_{kind}_DAYS", timedelta(days=7))
    make_full_run(owner, days=8)
    before, said = everything_stored(), StringIO()
    call_command("prune", "--dry-run", stdout=said)
    assert everything_stored() == before
    for line in ("1 conversations", "1 traces", "1 runs with events", "1 files", "0 expired sessions"):
        assert f"{line}" in said.getvalue()
    assert "bytes" not in said.getvalue()


def test_the_command_says_what_it_did_and_what_vacuum_would_give(owner: Any, settings: Any) -> None:
    settings.RUNNEL_RETENTION_CONVERSATION_DAYS = timedelta(days=7)
    make_full_run(owner, days=8)
    said = StringIO()
    call_command("prune", stdout=said)
    assert "1 conversations were deleted." in said.getvalue()
    assert "bytes" in said.getvalue()
    assert "VACUUM" in said.getvalue().upper()
    assert not Message.objects.exists()


def test_the_command_waits_for_nobody() -> None:
    with turn.take("prune"), pytest.raises(CommandError, match="Another process prunes now"):
        call_command("prune")
    call_command("prune", stdout=StringIO())
    assert Upkeep.objects.get().finished_at is not None


def test_vacuum_is_refused_while_a_server_uses_the_database(settings: Any) -> None:
    if connection.vendor != "sqlite":
        pytest.skip("PostgreSQL locks its tables by itself")
    with (settings.RUNNEL_DATA_DIR / "server.lock").open("a") as server:
        fcntl.flock(server, fcntl.LOCK_EX)
        with pytest.raises(CommandError, match="Stop it before --vacuum"):
            call_command("prune", "--vacuum")
    assert not lock.is_held()
