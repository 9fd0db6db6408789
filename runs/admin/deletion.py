"""Helps to delete conversations and users: counts the rows, names the active runs, deletes the traces.

A conversation is deleted as a whole or not at all. The permission to delete it covers its runs, messages
and notes, although these cannot be deleted one by one.
"""

from typing import Any

from django.db.models import QuerySet
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from providers.models import ProviderTrace, trace_store
from runs.models import Conversation, Message, Note, Run, Step
from runs.states import ACTIVE


def counts(conversations: QuerySet[Conversation]) -> dict[str, int]:
    """Return how many rows of each kind are deleted with ``conversations``."""
    runs = Run.objects.filter(conversation__in=conversations)
    return {
        "conversations": conversations.count(),
        "messages": Message.objects.filter(conversation__in=conversations).count(),
        "notes": Note.objects.filter(conversation__in=conversations).count(),
        "runs": runs.count(),
        "steps": Step.objects.filter(run__in=runs).count(),
        "provider traces": ProviderTrace.objects.filter(run_id__in=_runs(conversations)).count(),
    }


def under_way(conversations: QuerySet[Conversation]) -> list[SafeString]:
    """Return a sentence with a link for each active run, because these must end before the deletion.

    Otherwise the provider calls would continue, and cost money, after their run is gone.
    """
    active = Run.objects.filter(conversation__in=conversations, status__in=ACTIVE)
    return [
        format_html(
            'Run <a class="runnel-link" href="{}">{}</a> is under way. Cancel it first.',
            reverse("admin:runs_run_change", args=[run.pk]),
            run.model,
        )
        for run in active
    ]


def delete_traces(conversations: QuerySet[Conversation]) -> None:
    """Delete the provider traces of ``conversations``.

    They contain messages, and have no foreign key to a run that would delete them with it.
    """
    trace_store.delete(_runs(conversations), conversations.values("pk"))


def _runs(conversations: QuerySet[Conversation]) -> Any:
    return Run.objects.filter(conversation__in=conversations).values("pk")
