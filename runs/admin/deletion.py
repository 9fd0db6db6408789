"""What goes when a conversation or a person is deleted, and what must have ended before.

A conversation is deleted as a whole or not at all: whoever may delete it may delete what is in it,
although nothing in it can be deleted by itself.
"""

from django.db.models import QuerySet
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from providers.models import ProviderTrace
from runs.models import Conversation, Message, Note, Run, Step
from runs.states import ACTIVE


def counts(conversations: QuerySet[Conversation]) -> dict[str, int]:
    """Return how many rows of each kind go with ``conversations``: counted, because there can be many."""
    runs = Run.objects.filter(conversation__in=conversations)
    return {
        "conversations": conversations.count(),
        "messages": Message.objects.filter(conversation__in=conversations).count(),
        "notes": Note.objects.filter(conversation__in=conversations).count(),
        "runs": runs.count(),
        "steps": Step.objects.filter(run__in=runs).count(),
        "provider traces": _traces(conversations).count(),
    }


def under_way(conversations: QuerySet[Conversation]) -> list[SafeString]:
    """Return the runs that must end first, as links: a provider would go on working for nobody."""
    live = Run.objects.filter(conversation__in=conversations, status__in=ACTIVE)
    return [
        format_html(
            'Run <a class="runnel-link" href="{}">{}</a> is under way. Cancel it first.',
            reverse("admin:runs_run_change", args=[run.pk]),
            run.model,
        )
        for run in live
    ]


def delete_traces(conversations: QuerySet[Conversation]) -> None:
    """Delete the traces of ``conversations``: no foreign key leads to them, and they hold what was said."""
    _traces(conversations).delete()


def _traces(conversations: QuerySet[Conversation]) -> QuerySet[ProviderTrace]:
    return ProviderTrace.objects.filter(
        run_id__in=Run.objects.filter(conversation__in=conversations).values("pk")
    )
