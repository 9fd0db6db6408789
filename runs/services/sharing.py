"""Sharing a conversation: with a user, or by a link; and who may look at what."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib.auth import get_user_model
from django.db import transaction
from django.db.models import Q, QuerySet
from django.db.models.functions import Now

from runs.engine import from_threads
from runs.errors import BadChange, NotFound
from runs.models import Conversation, Run, Share

#: Shares of one conversation.
MOST_SHARES = 100


@dataclass(frozen=True, kw_only=True, slots=True)
class Onlooker:
    """Who looks at conversations: a user, or somebody who has a link."""

    #: ``None`` for a link.
    user_id: int | None = None
    #: The share of the link; ``None`` for a user.
    share_id: int | None = None


def share_for(onlooker: Onlooker, conversation_id: UUID) -> Share | None:
    """Return the valid share through which somebody may look at another's conversation, ``None`` if there is none."""
    shares = Share.valid().filter(conversation_id=conversation_id)
    return _of(onlooker, shares).select_related("conversation__owner").first()


def share_for_run(onlooker: Onlooker, run_id: UUID) -> Share | None:
    """Return the valid share through which somebody may look at a run, ``None`` if there is none."""
    shares = Share.valid().filter(conversation__runs=run_id)
    return _of(onlooker, shares).select_related("conversation__owner").first()


def _of(onlooker: Onlooker, shares: QuerySet[Share]) -> QuerySet[Share]:
    if onlooker.share_id is not None:
        return shares.filter(pk=onlooker.share_id, user=None)
    return shares.none() if onlooker.user_id is None else shares.filter(user_id=onlooker.user_id)


def still_valid(share_ids: set[int]) -> set[int]:
    """Return those of the shares through which somebody may look now."""
    return set(Share.valid().filter(pk__in=share_ids).values_list("pk", flat=True))


def shares(user: Any, conversation_id: UUID) -> list[Share]:
    """Return the shares of a conversation of ``user``, newest first.

    Raises:
        NotFound: there is no such conversation, or it belongs to another user.
    """
    return list(_own(user, conversation_id).shares.select_related("user"))


def share_by_link(user: Any, conversation_id: UUID, *, may_stop: bool) -> tuple[Share, str]:
    """Make a link to a conversation of ``user``. Return its row and its secret, which is stored nowhere.

    Raises:
        NotFound: there is no such conversation, or it belongs to another user.
        BadChange: the conversation has too many shares.
    """
    conversation = _own(user, conversation_id)
    _check_room(conversation)
    return Share.make_link(conversation, may_stop=may_stop)


def share_with(user: Any, conversation_id: UUID, *, username: str, may_stop: bool) -> Share:
    """Let another user look at a conversation of ``user``; for one who may already, change what they may.

    Raises:
        NotFound: there is no such conversation, or it belongs to another user.
        BadChange: there is no active user of that name, it is the owner, or the conversation has too many shares.
    """
    conversation = _own(user, conversation_id)
    people = get_user_model()._default_manager.filter(is_active=True)
    other = people.filter(**{get_user_model().USERNAME_FIELD: username}).first()
    if other is None:
        raise BadChange("There is no user of this name here.")
    if other.pk == user.pk:
        raise BadChange("This conversation is yours already.")
    _check_room(conversation)
    share, _ = Share.objects.update_or_create(
        conversation=conversation, user=other, defaults={"may_stop": may_stop}
    )
    _tell(share)
    return share


def change_share(user: Any, share_id: int, *, may_stop: bool) -> Share:
    """Choose whether those who look through a share may stop an answer.

    Raises:
        NotFound: there is no such share, or its conversation belongs to another user.
    """
    share = _own_share(user, share_id)
    share.may_stop = may_stop
    share.save(update_fields=["may_stop"])
    return share


def revoke(user: Any, share_id: int) -> None:
    """Revoke a share. ``runs.access`` ends what is looked at through it.

    Raises:
        NotFound: there is no such share, or its conversation belongs to another user.
    """
    share = _own_share(user, share_id)
    _tell(share)
    share.delete()


def leave(user: Any, conversation_id: UUID) -> None:
    """Take a conversation that others share with ``user`` out of their list.

    Raises:
        NotFound: it is not shared with this user.
    """
    share = Share.objects.filter(user=user, conversation_id=conversation_id).first()
    if share is None:
        raise NotFound
    _tell(share)
    share.delete()


def readable(user: Any) -> QuerySet[Conversation]:
    """Return the conversations that a user owns or that others share with them."""
    shared = Share.valid().filter(user=user).values("conversation")
    return Conversation.objects.filter(Q(owner=user) | Q(pk__in=shared))


def run_to_stop(onlooker: Onlooker, run_id: UUID) -> int:
    """Return the owner of a run that this onlooker may stop.

    Raises:
        NotFound: there is no such run, or the owner does not let this onlooker stop it.
    """
    share = share_for_run(onlooker, run_id)
    if share is None or not share.may_stop:
        raise NotFound
    owner_id: int = Run.objects.values_list("owner_id", flat=True).get(pk=run_id)
    return owner_id


def _own(user: Any, conversation_id: UUID) -> Conversation:
    conversation = Conversation.objects.filter(pk=conversation_id, owner=user).first()
    if conversation is None:
        raise NotFound
    return conversation


def _own_share(user: Any, share_id: int) -> Share:
    own = Share.objects.filter(pk=share_id, conversation__owner=user, conversation__erased_at=None)
    share = own.select_related("user", "conversation").first()
    if share is None:
        raise NotFound
    return share


def _check_room(conversation: Conversation) -> None:
    if conversation.shares.count() >= MOST_SHARES:
        raise BadChange(f"A conversation has at most {MOST_SHARES} shares. Revoke one first.")


def _tell(share: Share) -> None:
    """Tell the open pages of owner and user that the list of one of them has changed."""
    conversation_id, user_id = share.conversation_id, share.user_id
    Conversation.objects.filter(pk=conversation_id).update(changed_at=Now())
    if user_id is not None:
        transaction.on_commit(lambda: from_threads.listing_changed(user_id, conversation_id))
