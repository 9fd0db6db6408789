"""Making, listing and revoking standing decisions. Foreign ones look absent."""

from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q, QuerySet

from providers.types import Json
from runs import toolbox
from runs.calls.standing import fingerprint, may_allow
from runs.errors import BadDecision, NotFound, Unsupported
from runs.models import Conversation, StandingDecision
from runs.models.standing_decision import Verdict

#: Standing decisions that one user may have.
MOST = 200

_SWITCHED_OFF = "Calls cannot be allowed beforehand here: an admin has switched that off."


def add(
    user: Any, verdict: Verdict, pattern: str, *, conversation_id: UUID | None = None
) -> StandingDecision:
    """Store a decision of ``user``, in the place of one about the same pattern in the same place.

    Args:
        user: whose decision it is.
        verdict: what is decided.
        pattern: a tool's name, in which ``*`` stands for any characters.
        conversation_id: the conversation for which it holds; ``None`` for all of the user's.

    Raises:
        NotFound: there is no such conversation, or it belongs to another user.
        BadDecision: the pattern is none, or matches no tool that could be allowed.
        Unsupported: calls cannot be allowed beforehand here, or the user has too many decisions.
    """
    made = StandingDecision(owner=user, verdict=verdict, pattern=pattern, conversation_id=conversation_id)
    try:
        made.full_clean(exclude=["owner", "conversation"])
    except ValidationError as error:
        raise BadDecision(" ".join(error.messages)) from None
    if conversation_id and not Conversation.objects.filter(pk=conversation_id, owner=user).exists():
        raise NotFound("There is no such conversation.")
    if verdict is Verdict.ALLOW:
        made.tools = _allowed(user, made)
    with transaction.atomic():
        own = StandingDecision.objects.filter(owner=user)
        here = Q(conversation=None) if conversation_id is None else Q(conversation_id=conversation_id)
        for before in own.filter(here, pattern=pattern):
            before.delete()
        if own.count() >= MOST:
            raise Unsupported(
                f"You have {MOST} standing decisions. Revoke one that you do not need any more."
            )
        made.save()
    return made


def _allowed(user: Any, made: StandingDecision) -> dict[str, str]:
    if not may_allow(user.pk):
        raise Unsupported(_SWITCHED_OFF)
    matching = {
        name: fingerprint(tool) for name, tool in toolbox.usable(user.pk).items() if made.matches(name)
    }
    if not matching:
        raise BadDecision("No tool that you may use has such a name.")
    return matching


def revoke(user: Any, decision_id: int) -> None:
    """Revoke a decision of ``user``. It holds no more from the next step of any run on.

    Raises:
        NotFound: there is no such decision, or it belongs to another user.
    """
    found = StandingDecision.objects.filter(pk=decision_id, owner=user).first()
    if found is None:
        raise NotFound("There is no such standing decision.")
    found.delete()


def of(user: Any) -> QuerySet[StandingDecision]:
    """Return the decisions of ``user``, newest first, with their conversations."""
    return StandingDecision.of(user).select_related("conversation")


def shown(user: Any) -> list[Json]:
    """Return the decisions of ``user`` as JSON. ``changed`` names the allowed tools that are asked about again."""
    usable = {name: fingerprint(tool) for name, tool in toolbox.usable(user.pk).items()}
    return [
        {
            "id": row.pk,
            "verdict": row.verdict,
            "pattern": row.pattern,
            "conversation_id": row.conversation_id,
            "conversation_title": row.conversation.title if row.conversation else None,
            "tools": sorted(row.tools),
            "changed": sorted(name for name, digest in row.tools.items() if usable.get(name) != digest),
            "created_at": row.created_at,
            "last_used_at": row.last_used_at,
        }
        for row in of(user)
    ]
