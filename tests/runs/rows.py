"""Makes rows such as runs leave, with chosen times and counts."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.test import Client
from django.utils import timezone

from runs.log.packing import frame_head, frames
from runs.log.rows import read_events
from runs.models import Conversation, GroupLimits, Run, Step, ToolCall
from runs.models.tool_call import ToolCallStatus
from runs.states import TERMINAL, RunStatus


def make_user(username: str = "ada", **columns: Any) -> Any:
    return get_user_model().objects.create_user(
        username, f"{username}@example.org", "secret-words", **columns
    )


def stored_frames(run_id: UUID) -> list[str]:
    """Return all frames of a run as its log has them."""
    return frames(frame_head(run_id), 1, read_events(run_id))


def make_group(user: Any, name: str, **limits: Any) -> Group:
    """Put ``user`` into a new group that sets ``limits``."""
    group = Group.objects.create(name=name)
    GroupLimits.objects.create(group=group, **limits)
    group.user_set.add(user)
    return group


def make_run(
    *,
    owner: Any,
    title: str = "On rivers",
    model: str = "emulator/hello",
    status: RunStatus = RunStatus.COMPLETED,
    created_at: datetime | None = None,
    seconds: float = 2.0,
    **columns: Any,
) -> Run:
    """Store a run in a new conversation. If the run has ended, it took ``seconds``."""
    begin = created_at or timezone.now()
    conversation = Conversation.objects.create(owner=owner, title=title)
    run = Run.objects.create(
        conversation=conversation,
        owner=owner,
        model=model,
        status=status,
        started_at=begin,
        finished_at=begin + timedelta(seconds=seconds) if status in TERMINAL else None,
        **columns,
    )
    # auto_now_add ignores the value that create() gets.
    Run.objects.filter(pk=run.pk).update(created_at=begin)
    run.refresh_from_db()
    return run


def make_step(run: Run, *, index: int = 1, wait_ms: float | None = 100, **columns: Any) -> Step:
    """Store a step of ``run`` whose first token came after ``wait_ms`` ms; ``None`` for no token."""
    provider, _, model = run.model.partition("/")
    begin = columns.pop("started_at", run.created_at)
    return Step.objects.create(
        run=run,
        index=index,
        provider=provider,
        wire="openai-responses",
        model=model,
        started_at=begin,
        first_token_at=None if wait_ms is None else begin + timedelta(milliseconds=wait_ms),
        finished_at=begin + timedelta(seconds=2),
        **columns,
    )


def make_call(step: Step, *, position: int = 1, **columns: Any) -> ToolCall:
    """Store a function call of ``step``; by default it succeeded."""
    columns = {"name": "clock", "arguments": "{}", "status": ToolCallStatus.SUCCEEDED} | columns
    return ToolCall.objects.create(
        run=step.run, step=step, position=position, call_id=f"call_{position}", **columns
    )


def note_browser(client: Client) -> None:
    """Make a first request: it notes the browser session, which later ones need not."""
    client.get("/api/conversations/")
