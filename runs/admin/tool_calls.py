"""The tool calls of a run on its admin page: arguments, decision and answer.

All texts are untrusted and thus escaped. Only this page shows a call's note: the traceback of a failed
tool, or a result that arrived too late.
"""

from collections.abc import Iterator
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.admin import StackedInline
from unfold.utils import display_for_label

from providers.text.hidden import visible
from runs.admin import wording
from runs.admin.readonly import ReadOnlyInline
from runs.models import ToolCall
from runs.models.tool_call import Decision, ToolCallStatus

#: The meaning of each status, for admins.
SENTENCES: dict[str, str] = {
    ToolCallStatus.UNANSWERED: "The run ended with it: nothing here could execute it.",
    ToolCallStatus.INCOMPLETE: "The answer broke off before its arguments were complete.",
    ToolCallStatus.PENDING: "It waits for a person's decision, or for the result of the client that executes it.",
    ToolCallStatus.HELD: "It needs no decision, and waits for those about the other calls of its step.",
    ToolCallStatus.RUNNING: "It is being executed.",
    ToolCallStatus.SUCCEEDED: "It has a result.",
    ToolCallStatus.FAILED: "It was answered with an error: wrong arguments, an unknown tool, or the tool failed.",
    ToolCallStatus.TIMED_OUT: "The tool took longer than it may.",
    ToolCallStatus.DENIED: "Somebody decided that it is not executed.",
    ToolCallStatus.EXPIRED: "Nobody decided in time, so it was not executed.",
    ToolCallStatus.CANCELLED: "The run ended before it was executed.",
    ToolCallStatus.INTERRUPTED: "The run ended while it was being executed: it may have taken effect or not.",
}

_COLOURS: dict[str, str] = {
    ToolCallStatus.PENDING: "primary",
    ToolCallStatus.HELD: "primary",
    ToolCallStatus.RUNNING: "info",
    ToolCallStatus.SUCCEEDED: "success",
    ToolCallStatus.FAILED: "danger",
    ToolCallStatus.TIMED_OUT: "danger",
}
_USUAL_COLOUR = "warning"

#: Characters that are shown of one text; the database and the API have the whole text.
_LONGEST = 20_000


class ToolCallInline(ReadOnlyInline, StackedInline):
    """The tool calls of a run, in the order in which the models made them."""

    model = ToolCall
    fields = ("card",)
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[ToolCall]:
        rows: QuerySet[ToolCall] = super().get_queryset(request).select_related("step", "decided_by")
        return rows

    @admin.display(description="")
    def card(self, call: ToolCall) -> SafeString:
        return render(call)


def render(call: ToolCall) -> SafeString:
    """Return the HTML of one call, without the facts that do not apply to it."""
    colours = {call.status: _COLOURS.get(call.status, _USUAL_COLOUR)}
    return format_html(
        '<div class="runnel-call"><p class="runnel-call-head"><strong>{}</strong> '
        '<span class="runnel-status">{}</span> <span>step {}, call {}</span></p>'
        '<p class="runnel-below">{}</p>{}{}</div>',
        visible(call.name),
        display_for_label(call.status, wording.UNKNOWN, colours),
        call.step.index,
        call.position,
        SENTENCES[call.status],
        _facts(call),
        format_html_join("", "{}", ((text,) for text in _texts(call))),
    )


def _facts(call: ToolCall) -> SafeString:
    facts = [
        ("Executed by", call.source or wording.UNKNOWN),
        ("Needs approval", "yes" if call.requires_approval else "no"),
        ("Asked for", wording.moment(call.created_at)),
        *_decision(call),
        *_execution(call),
        ("Call id", visible(call.call_id)),
    ]
    pairs = format_html_join("", "<div><dt>{}</dt><dd>{}</dd></div>", facts)
    return format_html('<dl class="runnel-facts">{}</dl>', pairs)


def _decision(call: ToolCall) -> Iterator[tuple[str, Any]]:
    if not call.decision:
        return
    yield "Decision", call.decision
    # NULL if the user who decided was deleted.
    yield "Decided by", call.decided_by or wording.UNKNOWN
    yield "Decided", wording.moment(call.decided_at)
    if call.decided_at is not None:
        yield "Had waited", wording.duration(call.decided_at - call.created_at)
    if call.reason:
        yield "Reason", visible(call.reason)
    yield "Digest of what was shown", _digest(call)


def _digest(call: ToolCall) -> str:
    if not call.decided_digest:
        return wording.UNKNOWN
    fits = "fits the arguments" if call.decided_digest == call.digest else "DOES NOT FIT the arguments"
    return f"{call.decided_digest} ({fits})"


def _execution(call: ToolCall) -> Iterator[tuple[str, Any]]:
    if call.started_at is not None:
        yield "Began", wording.moment(call.started_at)
    if call.finished_at is not None:
        yield "Answered", wording.moment(call.finished_at)
    if call.started_at is not None and call.finished_at is not None:
        yield "Took", wording.duration(call.finished_at - call.started_at)


def _texts(call: ToolCall) -> Iterator[SafeString]:
    yield _text("Arguments, as they were shown", call.arguments)
    if call.decision == Decision.EDITED:
        yield _text("Arguments that were executed instead", call.edited_arguments)
    if call.result:
        yield _text("Error, as the model reads it" if call.is_error else "Result", call.result)
    if call.note:
        yield _text("Note, for admins only", call.note)


def _text(title: str, text: str) -> SafeString:
    rest = len(text) - _LONGEST
    return format_html(
        '<div class="runnel-call-text"><p class="runnel-role">{}</p>'
        '<pre class="runnel-json runnel-small">{}</pre>{}</div>',
        title,
        visible(text[:_LONGEST]),
        format_html('<p class="runnel-below">and {} more characters</p>', f"{rest:,}") if rest > 0 else "",
    )
