"""A start request, and checking it: the run, its conversation and the new user messages.

``prepare`` reads and checks; ``runs.services.storing`` then stores the rows. This module needs no event loop.
"""

import hashlib
from dataclasses import dataclass, field, replace
from enum import StrEnum
from itertools import chain
from uuid import UUID

import orjson

from providers.catalog import Target
from providers.types import ChatMessage, Json, Role
from providers.types.usage import Usage
from providers.usage import pricing
from runs.calls import offers
from runs.calls.offers import OfferedTools
from runs.errors import (
    Conflict,
    NoSuchFile,
    NotFound,
    TooLarge,
    TooManyRuns,
    Unsupported,
)
from runs.limits import Ceilings
from runs.models import Conversation, File, Message, Run
from runs.services import options, own_ids, placing
from runs.services.placing import Place
from runs.store import files, history, media
from runs.store.titles import title_of
from runs.usage import daily

#: Seconds after which a client may try again that has too many runs. When one ends is not known.
_ASK_AGAIN = 5.0


class WhenBusy(StrEnum):
    """What a start does in a conversation with a run under way."""

    #: It is refused.
    REJECT = "reject"
    #: It waits until the conversation is free.
    QUEUE = "queue"
    #: It cancels the run under way, and begins then.
    INTERRUPT = "interrupt"


@dataclass(frozen=True, kw_only=True, slots=True)
class StartRequest:
    """A request to start a run. ``messages`` are AG-UI user messages."""

    run_id: UUID
    #: The id that the client chose, if ``run_id`` is a substitute for it.
    chosen_id: UUID | None = None
    conversation_id: UUID | None
    model: str
    messages: list[Json]
    #: Whether the client says behind which message the run begins: ``parent_id``, or ``None`` for the very beginning.
    names_parent: bool = False
    parent_id: UUID | None = None
    #: The API token that the client uses; ``None`` for a session. It does not distinguish one request from another.
    token_id: int | None = None
    #: What the client calls its request, for log lines. It does not distinguish one request from another.
    request_id: str = ""
    #: A ``WhenBusy``. It does not distinguish one request from another.
    when_busy: str = "reject"
    system: str = ""
    options: Json = field(default_factory=dict)
    #: AG-UI tools that the client executes.
    client_tools: list[Json] = field(default_factory=list)
    budget: Json = field(default_factory=dict)
    #: What is left of the user's day, as a budget. It does not distinguish one request from another.
    allowance: Json = field(default_factory=dict)

    @property
    def spendable(self) -> Json:
        """The budget of the run: the client's own, and no more than is left of the day."""
        return daily.least(self.budget, self.allowance)

    def with_substitute(self, owner_id: int) -> "StartRequest":
        """Return the request of a user whose chosen id another user has taken."""
        substitute = own_ids.substitute(owner_id, self.run_id)
        return replace(self, run_id=substitute, chosen_id=self.run_id)

    @property
    def models(self) -> tuple[str, ...]:
        """The models to ask, in this order."""
        return self.model, *self.options.get("fallback_models", ())

    def digest(self) -> str:
        """Return a digest that distinguishes a repeated start from another one with the same id."""
        conversation_id = self.conversation_id and str(self.conversation_id)
        body = [conversation_id, self.model, self.messages, self.system, self.options]
        if self.client_tools or self.budget:
            body += [self.client_tools, self.budget]
        if self.names_parent:
            body.append({"parent_id": self.parent_id and str(self.parent_id)})
        return hashlib.sha256(orjson.dumps(body, option=orjson.OPT_SORT_KEYS)).hexdigest()


@dataclass(frozen=True, kw_only=True, slots=True)
class Started:
    """A stored run. ``state`` is ``created``, ``queued`` for one that waits, or ``exists`` for a repeated start."""

    run_id: UUID
    conversation_id: UUID
    state: str
    status: str


class Repeated(Exception):  # noqa: N818 - it names what happened
    """The start was sent before: its run is stored."""

    def __init__(self, started: Started) -> None:
        """Keep the run that is stored."""
        super().__init__()
        self.started = started


def known(owner_id: int, request: StartRequest) -> Started | None:
    """Return the run that a repeated start names, ``None`` for a new start.

    Raises:
        Conflict: the run's id belongs to another user or to a different request.
    """
    run = Run.objects.filter(pk=request.run_id).first()
    if run is None:
        return None
    if run.owner_id != owner_id or run.request_digest != request.digest():
        raise Conflict
    return Started(run_id=run.id, conversation_id=run.conversation_id, state="exists", status=run.status)


@dataclass(frozen=True, kw_only=True, slots=True)
class PreparedStart:
    """A start that was checked, with the rows to store."""

    owner_id: int
    request: StartRequest
    run: Run
    #: Of an existing conversation, the row as it was read.
    conversation: Conversation
    #: Where the run begins, with its new messages.
    place: Place
    #: The rows of these messages.
    messages: tuple[Message, ...]
    #: The tools that the model may call.
    offer: OfferedTools
    #: The uploaded files that the messages name.
    uploads: tuple[File, ...]

    @property
    def is_first(self) -> bool:
        """Whether the run begins a conversation."""
        return self.request.conversation_id is None

    @property
    def history(self) -> tuple[ChatMessage, ...] | None:
        """The messages of a conversation that begins here; ``None`` if they must be read."""
        if not self.is_first or self.uploads:
            return None
        return history.without_files(row.parts for row in self.messages)


def needs_reading(request: StartRequest) -> bool:
    """Return whether ``prepare`` reads the database for a request, so that it must not run on the event loop."""
    if request.conversation_id is not None or request.options.get("tools"):
        return True
    return bool(history.files_in(request.messages))


def prepare(owner_id: int, request: StartRequest, targets: tuple[Target, ...]) -> PreparedStart:
    """Check a start and return the rows to store. Not for the journal's thread, which writes for everybody.

    Raises:
        NotFound: there is no such conversation, or it belongs to another user.
        NoSuchMessage: the conversation has no message behind which the run is to begin.
        NoSuchFile: a message names a file that does not exist or belongs to another user.
        TooLarge: the messages carry more files, or bytes of files, than one request to a model may.
        NoSuchTool: the request names a tool that the user may not use.
        Unsupported: two tools have one name, a target does not support an option, or its price is unknown
            although the budget limits the cost.
    """
    conversation = _conversation(owner_id, request)
    place = _place(request, conversation)
    named = history.files_in(place.messages)
    owned = files.owned(owner_id, named) if named else {}
    if named - owned.keys():
        raise NoSuchFile
    parts = [history.user_parts(message, owned) for message in place.messages]
    if (why := media.refusal(chain.from_iterable(parts), owned)) is not None:
        raise TooLarge(why)
    if request.conversation_id is None:
        conversation.title = title_of(parts[0])
    offer = _offer(owner_id, request, conversation)
    _check_targets(request, targets, parts, offer)
    return PreparedStart(
        owner_id=owner_id,
        request=request,
        run=_run(owner_id, request, conversation, place, offer),
        conversation=conversation,
        place=place,
        messages=tuple(
            Message(run_id=request.run_id, role=Role.USER.value, parts=its_parts) for its_parts in parts
        ),
        offer=offer,
        uploads=tuple(owned.values()),
    )


def _check_targets(
    request: StartRequest, targets: tuple[Target, ...], parts: list[list[Json]], offer: OfferedTools
) -> None:
    for target in targets:
        why = options.refusal(
            target, request.options, system=request.system, messages=parts, tools=offer.specs
        )
        if why is not None:
            raise Unsupported(why)
        if "cost" in request.spendable and not _has_price(target):
            raise Unsupported(_no_price(target, is_own_budget="cost" in request.budget))


def _no_price(target: Target, *, is_own_budget: bool) -> str:
    unknown = f"The price of {target.origin.model} is not known here"
    if is_own_budget:
        return f"{unknown}: give the budget in tokens."
    return f"{unknown}, and an admin has limited what your runs may cost in 24 hours. Choose another model."


def too_many(ceilings: Ceilings) -> TooManyRuns:
    """Return the error of a user who has as many runs as allowed."""
    return TooManyRuns(
        f"You may have {ceilings.runs:,} runs that are under way or wait for a decision, and you have as many. "
        "Wait for one to end, decide about one that waits, or cancel one.",
        limit="runs",
        retry_after=_ASK_AGAIN,
    )


def _has_price(target: Target) -> bool:
    one = Usage(input_tokens=1, output_tokens=1)
    return pricing.cost(one, provider=target.origin.provider, asked=target.origin.model) is not None


def _offer(owner_id: int, request: StartRequest, conversation: Conversation) -> OfferedTools:
    """Return the tools that the run offers. A new conversation gets the choice; ``store`` changes an old one."""
    names = request.options.get("tools")
    if names is None:
        return offers.chosen(owner_id, conversation.tools or (), request.client_tools, strict=False)
    offer = offers.chosen(owner_id, names, request.client_tools, strict=True)
    if request.conversation_id is None:
        conversation.tools = names
    return offer


def _place(request: StartRequest, conversation: Conversation) -> Place:
    if not request.names_parent:
        return Place(messages=request.messages)
    return placing.behind(
        request.parent_id, request.messages, conversation_id=conversation.pk, run_id=request.run_id
    )


def _run(
    owner_id: int, request: StartRequest, conversation: Conversation, place: Place, offer: OfferedTools
) -> Run:
    return Run(
        id=request.run_id,
        chosen_id=request.chosen_id,
        conversation_id=conversation.pk,
        owner_id=owner_id,
        parent_id=place.parent_id,
        begins=place.begins,
        model=request.model,
        system=request.system,
        options=request.options,
        input=place.messages,
        tool_names=list(offer.tools),
        client_tools=request.client_tools,
        budget=request.spendable,
        queued_by_token=request.token_id,
        request_id=request.request_id,
        request_digest=request.digest(),
    )


def _conversation(owner_id: int, request: StartRequest) -> Conversation:
    if request.conversation_id is None:
        return Conversation(owner_id=owner_id, shown_run_id=request.run_id)
    conversation = Conversation.objects.filter(pk=request.conversation_id, owner_id=owner_id).first()
    if conversation is None:
        raise NotFound
    return conversation
