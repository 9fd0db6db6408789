"""The only door through which a run changes: start, cancel, and what belongs to them.

Whoever calls (a socket, a view, the admin) gets a typed error with a sentence, and learns nothing
of what belongs to somebody else: foreign and absent are the same error.
"""

import asyncio
import hashlib
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, ClassVar
from uuid import UUID

import orjson
from django.conf import settings
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from providers import catalog, rows
from providers.backoff import RetryPolicy
from providers.catalog import Target
from providers.models import ProviderTrace
from providers.types import Json, Role
from runs import cancellation, files, history, options, supervisor, transitions
from runs.engine import Assignment, Terms
from runs.models import Conversation, Message, Run
from runs.models.conversation import TITLE_LENGTH
from runs.models.run import CancelMode
from runs.states import ACTIVE, TERMINAL, RunStatus
from runs.supervisor import Draining
from runs.threads import readers

#: So long a start waits for the providers of the database, now and then; then those from before will do.
_LOOKS_FOR_SECONDS = 0.5


class ServiceError(Exception):
    """A command that cannot be carried out; ``message`` is fit for a user."""

    code: ClassVar[str]
    retryable: ClassVar[bool] = False

    def __init__(self, message: str | None = None) -> None:
        self.message = message or " ".join((type(self).__doc__ or "").split())
        super().__init__(self.message)


class NotFound(ServiceError):  # noqa: N818 - the protocol's name for it
    """There is no such run or conversation."""

    code = "not_found"


class NoSuchFile(NotFound):
    """There is no such file. Upload it again."""


class Conflict(ServiceError):  # noqa: N818 - the protocol's name for it
    """This run_id is taken by another run. Choose a new one."""

    code = "conflict"


class ConversationBusy(ServiceError):  # noqa: N818 - the protocol's name for it
    """This conversation has a run under way. Wait for its end, or cancel it first."""

    code = "conversation_busy"
    retryable = True


class TooManyRuns(ServiceError):  # noqa: N818 - the protocol's name for it
    """You have as many runs under way as you may. Wait for one to end, or cancel one."""

    code = "too_many_runs"
    retryable = True


class Unsupported(ServiceError):  # noqa: N818 - the protocol's name for it
    """This is part of the protocol and not offered here yet, or not by this model's provider."""

    code = "unsupported"


class Restarting(ServiceError):  # noqa: N818 - it names what happens
    """The server is restarting. Try again in a moment."""

    code = "internal"
    retryable = True


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


@dataclass(frozen=True, kw_only=True, slots=True)
class Position:
    """How far a run is."""

    run_id: UUID
    last_seq: int
    status: str

    @property
    def is_finished(self) -> bool:
        """Whether nothing follows."""
        return self.status in TERMINAL


async def start(owner_id: int, request: StartRequest) -> Started:
    """Store a run and begin to drive it. Raises ``ServiceError`` and ``catalog.CatalogError``.

    A repeated start answers ``exists`` whatever has changed since, limits and keys included.
    """
    here = supervisor.current()
    await here.ready()
    await _look_for_providers(request.models)
    is_repeated = cancellation.get(request.run_id) is not None
    try:
        targets = tuple(map(catalog.resolve, request.models))
        if not is_repeated:
            if here.live_count(owner_id) >= settings.RUNNEL_MAX_RUNS_PER_USER:
                raise TooManyRuns
            here.prepare(request.run_id, owner_id)
    except (catalog.CatalogError, TooManyRuns, Draining) as refusal:
        if (known := await readers.run(_known, owner_id, request)) is not None:
            return known
        if isinstance(refusal, Draining):
            raise Restarting from None
        raise
    try:
        started = await here.journal.execute(lambda: _store(owner_id, request, targets, here.terms))
    except BaseException:
        if not is_repeated:
            cancellation.forget(request.run_id)
        raise
    if started.state == "created":
        here.launch(
            Assignment(
                run_id=request.run_id,
                conversation_id=started.conversation_id,
                owner_id=owner_id,
                targets=targets,
                policy=RetryPolicy.from_settings(request.options.get("max_retries")),
                system=request.system,
                options=options.for_model(request.options),
                messages=request.messages,
            )
        )
    elif not is_repeated:
        cancellation.forget(request.run_id)
    return started


async def _look_for_providers(models: Sequence[str]) -> None:
    """Hear of what other processes have changed in the admin, where it is time to and the database is quick."""
    for slug in (model.partition("/")[0] for model in models):
        if rows.is_due(slug):
            with suppress(TimeoutError):
                await asyncio.wait_for(readers.run(rows.refresh_if_due, slug), _LOOKS_FOR_SECONDS)
            return


def _known(owner_id: int, request: StartRequest) -> Started | None:
    """Return the run that a start names, ``None`` when there is none; raise ``Conflict`` for another's."""
    run = Run.objects.filter(pk=request.run_id).first()
    if run is None:
        return None
    if run.owner_id != owner_id or run.request_digest != request.digest():
        raise Conflict
    return Started(run_id=run.id, conversation_id=run.conversation_id, state="exists", status=run.status)


def _store(owner_id: int, request: StartRequest, targets: tuple[Target, ...], terms: Terms) -> Started:
    if (known := _known(owner_id, request)) is not None:
        return known
    named = history.files_in(request.messages)
    owned = files.owned(owner_id, named) if named else {}
    if named - owned.keys():
        raise NoSuchFile
    parts = [history.user_parts(message, owned) for message in request.messages]
    for target in targets:
        why = options.refusal(target, request.options, system=request.system, messages=parts)
        if why is not None:
            raise Unsupported(why)
    conversation = _conversation(owner_id, request, title=_title(parts))
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


def _title(messages: list[list[Json]]) -> str:
    """Return the first words of the first message, on one line; of one without words what it shows."""
    words = [part.get("text") or part.get("name") or part["medium"] for part in messages[0]]
    title = " ".join(" ".join(words).split())
    return title if len(title) <= TITLE_LENGTH else f"{title[: TITLE_LENGTH - 1].rstrip()}…"


async def cancel(owner_id: int, run_id: UUID, *, mode: str = CancelMode.IMMEDIATE, reason: str = "") -> str:
    """Stop a run of ``owner_id``: its event is set at once, the answer comes after the store.

    Returns ``requested`` (also when it was requested before) or ``already_terminal``; raises
    ``NotFound``. The intent is queued on the journal in the same breath as the event is set, so
    that it is stored before any end that the cancel brings about.
    """
    live = cancellation.get(run_id)
    if live is not None and live.owner_id != owner_id:
        raise NotFound
    if mode == CancelMode.IMMEDIATE:
        cancellation.request(run_id, by="user", reason=reason)
    is_stored = await supervisor.current().journal.execute(
        lambda: _store_cancel(owner_id, run_id, mode=mode, reason=reason)
    )
    return "requested" if is_stored else "already_terminal"


def _store_cancel(owner_id: int, run_id: UUID, *, mode: str, reason: str) -> bool:
    if not Run.objects.filter(pk=run_id, owner_id=owner_id).exists():
        raise NotFound
    return transitions.request_cancel(run_id, by="user", reason=reason, mode=mode)


def cancel_from_thread(user: Any, run_id: UUID, *, by: str = "user", reason: str = "") -> str:
    """Do what ``cancel`` does for a view or the admin; ``by="admin"`` may stop anybody's run.

    A live run's intent is stored by the journal: a thread that competes with it for the database's
    one lock waits for seconds when many runs write.
    """
    runs = Run.objects.filter(pk=run_id)
    if by != "admin":
        runs = runs.filter(owner=user)
    status = runs.values_list("status", flat=True).first()
    if status is None:
        raise NotFound
    if status in TERMINAL:
        return "already_terminal"
    live = cancellation.get(run_id)
    if live is None:
        is_stored = transitions.request_cancel(run_id, by=by, reason=reason)
    elif connection.in_atomic_block:
        # The journal would wait for this transaction, and this transaction for the journal.
        cancellation.request(run_id, by=by, reason=reason)
        is_stored = transitions.request_cancel(run_id, by=by, reason=reason)
    else:
        is_stored = supervisor.wait_for(live.loop, lambda: _request_cancel(run_id, by=by, reason=reason))
    return "requested" if is_stored else "already_terminal"


async def _request_cancel(run_id: UUID, *, by: str, reason: str) -> bool:
    cancellation.request(run_id, by=by, reason=reason)
    return await supervisor.current().journal.execute(
        lambda: transitions.request_cancel(run_id, by=by, reason=reason)
    )


async def locate_run(owner_id: int, run_id: UUID) -> Position:
    """Return how far a run of ``owner_id`` is, or raise ``NotFound``."""
    position = await readers.run(_position, Run.objects.filter(pk=run_id, owner_id=owner_id))
    if position is None:
        raise NotFound
    return position


async def locate_conversation(owner_id: int, conversation_id: UUID) -> Position | None:
    """Return how far the active run of a conversation is, ``None`` without one; or ``NotFound``."""

    def read() -> tuple[bool, Position | None]:
        if not Conversation.objects.filter(pk=conversation_id, owner_id=owner_id).exists():
            return False, None
        return True, _position(Run.objects.filter(conversation_id=conversation_id, status__in=ACTIVE))

    is_known, position = await readers.run(read)
    if not is_known:
        raise NotFound
    return position


def _position(runs: Any) -> Position | None:
    row = runs.values_list("id", "last_seq", "status").first()
    return Position(run_id=row[0], last_seq=row[1], status=row[2]) if row else None


def delete_conversation(user: Any, conversation_id: UUID) -> None:
    """Delete a conversation of ``user`` with its runs, log and traces.

    Raises ``NotFound``, and ``ConversationBusy`` while a run is under way.
    """
    with transaction.atomic():
        conversation = Conversation.objects.filter(pk=conversation_id, owner=user).first()
        if conversation is None:
            raise NotFound
        if conversation.runs.filter(status__in=ACTIVE).exists():
            raise ConversationBusy
        run_ids = list(conversation.runs.values_list("id", flat=True))
        ProviderTrace.objects.filter(run_id__in=run_ids).delete()
        conversation.delete()
