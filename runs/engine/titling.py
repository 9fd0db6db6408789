"""Gives a conversation a title by a model, once its first answer is there. ``RUNNEL_TITLE_MODEL`` names the model.

The call is a step of the conversation's first run, after its end: it is traced, and counts in the statistics and in
what the run has cost. A title that a person has chosen stays. If the call fails, the title stays the first words.
"""

import asyncio
import logging
from dataclasses import dataclass
from functools import partial
from uuid import UUID

from django.conf import settings
from django.utils import timezone

from concurrency.threads import packers, readers
from providers import catalog
from providers.call.sink import EventSink
from providers.errors import LLMError
from providers.errors.stop_signal import StopSignal
from providers.models import trace_store
from providers.models.trace_store import PackedTraces
from providers.retry.attempts import Attempts
from providers.retry.backoff import RetryPolicy
from providers.types import ChatMessage, ModelRequest, Role, StepResult, TextPart
from providers.types.events import ModelEvent
from providers.types.request import ModelOptions
from providers.types.trace import CallContext
from runs import limits
from runs.engine import lost_usage
from runs.engine.sink import StepTraces
from runs.engine.step import new_row
from runs.errors import RateLimited
from runs.log.journal import Journal
from runs.models import Conversation, Message, Run, Step
from runs.models.fields import usage_columns
from runs.models.step import StepPurpose
from runs.states import RunStatus
from runs.store.titles import title_of
from runs.usage import daily

logger = logging.getLogger("runnel.engine")

#: Seconds for the whole call.
_SECONDS = 30.0
#: Characters of the question and of the answer that the model reads.
_READ = 2_000
#: Tokens of the answer. Some models think before they write.
_TOKENS = 2_000
_SYSTEM = (
    "You give a conversation a title of two to six words, in the language of the conversation. Answer with the title "
    "alone: no quotation marks, no Markdown, no full stop."
)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Asked:
    """What a title is made for."""

    run_id: UUID
    conversation_id: UUID
    owner_id: int
    #: Of the step that makes the title.
    index: int
    question: str
    answer: str


class _Unheard(EventSink):
    """A sink for an answer that nobody reads while it comes."""

    def take(self, event: ModelEvent) -> None:
        """Do nothing."""

    async def wait_for_room(self) -> None:
        """Return at once."""


async def make_title(journal: Journal, run_id: UUID) -> bool:
    """Store a title for the conversation of a run that has ended. Return whether it has a new one.

    Without a model for titles, and for any run but the first one that has answered, nothing happens.
    """
    if not settings.RUNNEL_TITLE_MODEL:
        return False
    asked = await readers.run(_look, run_id)
    if asked is None:
        return False
    try:
        target = catalog.resolve(settings.RUNNEL_TITLE_MODEL)
    except catalog.CatalogError as refusal:
        logger.warning("RUNNEL_TITLE_MODEL cannot be used: %s", refusal.message)
        return False
    row = new_row(run_id, asked.index, target)
    row.purpose = StepPurpose.TITLE
    recorder = StepTraces()
    attempts = Attempts((target,), policy=RetryPolicy.from_settings(0), recorder=recorder)
    signal = StopSignal()
    request = ModelRequest(
        origin=target.origin,
        messages=(ChatMessage(role=Role.USER, parts=(TextPart(text=_prompt(asked)),)),),
        system=_SYSTEM,
        options=ModelOptions(max_output_tokens=_TOKENS),
        quirks=target.quirks,
    )
    call = CallContext(run_id=run_id, step_id=row.id, user_id=asked.owner_id)
    title = ""
    try:
        async with asyncio.timeout(_SECONDS):
            result = await attempts.run(request, call=call, cancel=signal, sink=_Unheard())
        title = _title(result)
    except (LLMError, TimeoutError) as failure:
        row.error_code = getattr(failure, "code", "llm_timeout")
        logger.info("no title for conversation %s: %s", asked.conversation_id, failure)
    traces = await packers.run(trace_store.pack, tuple(recorder.traces), asked.conversation_id)
    return await journal.execute(partial(_store, asked, row, attempts, traces, title))


def _look(run_id: UUID) -> _Asked | None:
    """Return what is to be titled; ``None`` if the run is not the first that has answered, or has a title already."""
    run = Run.objects.select_related("conversation").filter(pk=run_id, status=RunStatus.COMPLETED).first()
    if run is None or run.conversation.is_title_chosen or run.conversation.erased_at is not None:
        return None
    titled = Step.objects.filter(run__conversation=run.conversation_id, purpose=StepPurpose.TITLE)
    if titled.exists():
        return None
    ceilings = limits.of(run.owner_id)
    if daily.is_limited(ceilings):
        try:
            daily.left(run.owner_id, ceilings)
        except RateLimited:
            return None
    said = Message.objects.filter(run=run).order_by("position").only("role", "parts")
    texts = {message.role: message.text for message in reversed(said)}
    if not texts.get(Role.ASSISTANT.value, "").strip():
        return None
    last = run.steps.order_by("-index").values_list("index", flat=True).first() or 0
    return _Asked(
        run_id=run_id,
        conversation_id=run.conversation_id,
        owner_id=run.owner_id,
        index=last + 1,
        question=texts.get(Role.USER.value, ""),
        answer=texts[Role.ASSISTANT.value],
    )


def _prompt(asked: _Asked) -> str:
    question, answer = asked.question[:_READ], asked.answer[:_READ]
    return f"<question>\n{question}\n</question>\n<answer>\n{answer}\n</answer>\n\nThe title:"


def _title(result: StepResult) -> str:
    """Return the first line of an answer as a title; empty if it has none."""
    text = "".join(part.text for part in result.parts if isinstance(part, TextPart)).strip()
    line = text.splitlines()[0].strip(" \t\"'“”„«».") if text else ""
    return title_of([{"text": line}]) if line else ""


def _store(asked: _Asked, row: Step, attempts: Attempts, traces: PackedTraces, title: str) -> bool:
    """Store the step, what it cost, and the title unless a person has chosen one meanwhile. In a transaction."""
    run = Run.objects.filter(pk=asked.run_id, conversation__erased_at=None).first()
    if run is None:
        return False
    now = timezone.now()
    row.finished_at = now
    for entry in attempts.spending.by_model:
        for name, value in usage_columns(entry.usage, attempts.spending.cost).items():
            setattr(row, name, value)
    row.save(force_insert=True)
    traces.store()
    Run.objects.filter(pk=run.pk).update(**lost_usage.totals(run, None).columns)
    if not title:
        return False
    conversation = Conversation.objects.filter(pk=asked.conversation_id, is_title_chosen=False).first()
    if conversation is None:
        return False
    conversation.title, conversation.changed_at = title, now
    conversation.save(update_fields=["title", "folded_title", "changed_at"])
    return True
