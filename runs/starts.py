"""What a start asks for, and storing it: a run, its conversation, the messages that it answers.

Knows the database and no event loop: the journal calls it, inside the transaction that decides.
"""

import hashlib
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

import orjson
from django.db import IntegrityError
from django.utils import timezone

from providers.catalog import Target
from providers.types import Json, Role
from runs import files, history, options, transitions
from runs.engine import Terms
from runs.models import Conversation, Message, Run
from runs.refusals import Conflict, ConversationBusy, NoSuchFile, NotFound, Unsupported
from runs.states import ACTIVE, RunStatus
from runs.titles import title_of


@dataclass(frozen=True, kw_only=True, slots=True)
class StartRequest:
    """What a run is to do. ``messages`` are AG-UI user messages."""

    run_id: UUID
    conversation_id: UUID | None
    model: str
    messages: list[Json]
    system: str = ""
    options: Json = field(default_factory=dict)

    @property
    def models(self) -> tuple[str, ...]:
        """Whom to ask, in this order."""
        return self.model, *self.options.get("fallback_models", ())

    def digest(self) -> str:
        """Return what tells a repeated start from another one with the same id."""
        conversation_id = self.conversation_id and str(self.conversation_id)
        body = [conversation_id, self.model, self.messages, self.system, self.options]
        return hashlib.sha256(orjson.dumps(body, option=orjson.OPT_SORT_KEYS)).hexdigest()


@dataclass(frozen=True, kw_only=True, slots=True)
class Started:
    """A run that exists now. ``state`` is ``created``, or ``exists`` for a repeated start."""

    run_id: UUID
    conversation_id: UUID
    state: str
    status: str


def known(owner_id: int, request: StartRequest) -> Started | None:
    """Return the run that a start names, ``None`` when there is none; raise ``Conflict`` for another's."""
    run = Run.objects.filter(pk=request.run_id).first()
    if run is None:
        return None
    if run.owner_id != owner_id or run.request_digest != request.digest():
        raise Conflict
    return Started(run_id=run.id, conversation_id=run.conversation_id, state="exists", status=run.status)


def store(owner_id: int, request: StartRequest, targets: tuple[Target, ...], terms: Terms) -> Started:
    """Store a run with the messages that it answers, unless it exists; raise ``ServiceError``."""
    if (existing := known(owner_id, request)) is not None:
        return existing
    named = history.files_in(request.messages)
    owned = files.owned(owner_id, named) if named else {}
    if named - owned.keys():
        raise NoSuchFile
    parts = [history.user_parts(message, owned) for message in request.messages]
    for target in targets:
        why = options.refusal(target, request.options, system=request.system, messages=parts)
        if why is not None:
            raise Unsupported(why)
    conversation = _conversation(owner_id, request, title=title_of(parts[0]))
    run = _create(owner_id, request, conversation, terms)
    position = transitions.next_position(conversation.id)
    Message.objects.bulk_create(
        Message(
            conversation=conversation,
            run=run,
            position=position + offset,
            role=Role.USER.value,
            parts=its_parts,
        )
        for offset, its_parts in enumerate(parts)
    )
    return Started(
        run_id=run.id, conversation_id=conversation.id, state="created", status=RunStatus.CREATED.value
    )


def _create(owner_id: int, request: StartRequest, conversation: Conversation, terms: Terms) -> Run:
    try:
        return Run.objects.create(
            id=request.run_id,
            conversation=conversation,
            owner_id=owner_id,
            model=request.model,
            system=request.system,
            options=request.options,
            input=request.messages,
            request_digest=request.digest(),
            worker=terms.worker,
            lease_until=timezone.now() + timedelta(seconds=terms.lease),
        )
    except IntegrityError as error:
        # Another process was faster, in this conversation or with this id.
        raise (ConversationBusy if "conversation" in str(error) else Conflict) from None


def _conversation(owner_id: int, request: StartRequest, *, title: str) -> Conversation:
    if request.conversation_id is None:
        return Conversation.objects.create(owner_id=owner_id, title=title)
    conversation = Conversation.objects.filter(pk=request.conversation_id, owner_id=owner_id).first()
    if conversation is None:
        raise NotFound
    if Run.objects.filter(conversation=conversation, status__in=ACTIVE).exists():
        raise ConversationBusy
    Conversation.objects.filter(pk=conversation.pk).update(updated_at=timezone.now())
    return conversation
