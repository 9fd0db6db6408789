"""Writes the audit log: sign-ins, changes of users, groups, keys and limits, and looks at what other people wrote.

Changes are noted by signals, so that every way to make them counts: the admin, a page, a command. They are noted in
the transaction of the change. Decisions and cancels are noted where they are stored.
"""

from collections.abc import Callable, Iterable
from contextvars import ContextVar
from datetime import datetime
from typing import Any

from asgiref.sync import iscoroutinefunction, sync_to_async
from django.contrib.auth import user_logged_in, user_logged_out
from django.contrib.auth.models import Group, User
from django.db.models import Model
from django.db.models.signals import m2m_changed, post_delete, post_save, pre_save
from django.http import HttpRequest, HttpResponseBase
from django.utils.decorators import sync_and_async_middleware

from providers.models import Provider
from runs.access import addresses
from runs.models import ApiToken, AuditEntry, Conversation, GroupLimits, McpServer, Share, StandingDecision
from runs.models.audit import Actor, AuditAction

#: The models whose changes are noted.
_AUDITED: tuple[type[Model], ...] = (
    User,
    Group,
    GroupLimits,
    Provider,
    McpServer,
    ApiToken,
    StandingDecision,
    Share,
)
#: Relations whose changes are noted, each with its name.
_RELATIONS: tuple[tuple[Any, str], ...] = (
    (User.groups.through, "groups"),
    (User.user_permissions.through, "permissions"),
    (Group.permissions.through, "permissions"),
    (McpServer.groups.through, "groups"),
)
#: Fields that change without anybody's decision.
_BY_THEMSELVES = frozenset({"last_login", "updated_at", "last_used_at"})
#: Pages of the admin that show what people wrote, by the model whose row they show.
_PAYLOADS = {
    "runs_run_change": "runs.run",
    "runs_conversation_change": "runs.conversation",
    "providers_providertrace_change": "providers.providertrace",
}

_USER = "auth.user"

_request: ContextVar[HttpRequest | None] = ContextVar("request", default=None)


def connect() -> None:
    """Connect the signals. Called once, when Django is set up."""
    for model in _AUDITED:
        pre_save.connect(_before_save, sender=model, dispatch_uid="audit")
        post_save.connect(_saved, sender=model, dispatch_uid="audit")
        post_delete.connect(_deleted, sender=model, dispatch_uid="audit")
    for through, _ in _RELATIONS:
        m2m_changed.connect(_related, sender=through, dispatch_uid="audit")
    post_delete.connect(_conversation_deleted, sender=Conversation, dispatch_uid="audit")
    user_logged_in.connect(_signed_in, dispatch_uid="audit")
    user_logged_out.connect(_signed_out, dispatch_uid="audit")


def acting() -> Actor:
    """Return who has sent the request that this thread answers; without a request, a command."""
    request = _request.get()
    if request is None:
        return Actor()
    user: Any = getattr(request, "user", None)
    is_known = user is not None and user.is_authenticated
    return Actor(
        user_id=user.pk if is_known else None,
        name=user.get_username() if is_known else "",
        address=addresses.of_request(request) or "",
    )


@sync_and_async_middleware
def note_looks(get_response: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Any]:
    """Remember who asks, and note each look at a payload in the admin. Its place is after the authentication."""

    async def async_middleware(request: HttpRequest) -> Any:
        token = _request.set(request)
        try:
            response = await get_response(request)
            if _is_look(request, response):
                await sync_to_async(_note_look)(request)
            return response
        finally:
            _request.reset(token)

    def middleware(request: HttpRequest) -> Any:
        token = _request.set(request)
        try:
            response = get_response(request)
            if _is_look(request, response):
                _note_look(request)
            return response
        finally:
            _request.reset(token)

    return async_middleware if iscoroutinefunction(get_response) else middleware


def _is_look(request: HttpRequest, response: HttpResponseBase) -> bool:
    match = request.resolver_match
    is_payload = match is not None and match.app_name == "admin" and match.url_name in _PAYLOADS
    return is_payload and response.status_code == 200


def _note_look(request: HttpRequest) -> None:
    match = request.resolver_match
    if match is not None and match.url_name is not None:
        AuditEntry.note(
            acting(), AuditAction.VIEWED, _PAYLOADS[match.url_name], match.kwargs.get("object_id", "")
        )


def _before_save(sender: type[Model], instance: Any, raw: bool, update_fields: Any, **kwargs: Any) -> None:
    instance.audited = []
    if raw or instance._state.adding:
        return
    before = sender._default_manager.filter(pk=instance.pk).first()
    if before is None:
        return
    names = [
        field.name
        for field in sender._meta.concrete_fields
        if field.name not in _BY_THEMSELVES
        and (update_fields is None or not update_fields.isdisjoint({field.name, field.attname}))
        and _differ(getattr(before, field.attname), getattr(instance, field.attname))
    ]
    # At a sign-in Django may hash the same password anew. It stores only that field then, and keeps no raw password.
    if names == ["password"] and update_fields is not None and getattr(instance, "_password", None) is None:
        names = []
    instance.audited = names


def _differ(before: Any, after: Any) -> bool:
    """Return whether two values of a field are others. A form of the admin sends times back in whole seconds."""
    if isinstance(before, datetime) and isinstance(after, datetime):
        return before.replace(microsecond=0) != after.replace(microsecond=0)
    return bool(before != after)


def _saved(sender: type[Model], instance: Any, created: bool, raw: bool, **kwargs: Any) -> None:
    changed = instance.__dict__.pop("audited", [])
    if raw or not (created or changed):
        return
    action = AuditAction.ADDED if created else AuditAction.CHANGED
    _note(action, instance, "" if created else ", ".join(map(_named, changed)))


def _deleted(instance: Any, **kwargs: Any) -> None:
    _note(AuditAction.DELETED, instance)


def _related(
    instance: Any, action: str, reverse: bool, pk_set: Iterable[Any] | None, sender: Any, **kwargs: Any
) -> None:
    if action not in {"post_add", "post_remove", "post_clear"} or (action != "post_clear" and not pk_set):
        return
    name = next(name for through, name in _RELATIONS if through is sender)
    done = action.removeprefix("post_")
    ids = ", ".join(map(str, sorted(pk_set or ())))
    _note(AuditAction.CHANGED, instance, f"{'members' if reverse else name}: {done} {ids}".strip())


def _conversation_deleted(instance: Conversation, **kwargs: Any) -> None:
    """Note the deletion of a conversation by another user than its owner."""
    actor = acting()
    if actor.user_id is not None and actor.user_id != instance.owner_id:
        AuditEntry.note(
            actor, AuditAction.DELETED, "runs.conversation", instance.pk, f"of user {instance.owner_id}"
        )


def note_failed_sign_in(name: str) -> None:
    """Note that a sign-in failed. A name that nobody has is not kept: it may be a password in the wrong field."""
    user = User.objects.filter(username=name[:150]).first() if name else None
    summary = str(user) if user is not None else "with a name that nobody has"
    AuditEntry.note(acting(), AuditAction.SIGN_IN_FAILED, _USER, user.pk if user else "", summary)


def note_lock(name: str) -> None:
    """Note that too many failures have locked ``name`` at the address of the request, or the address if it is empty."""
    user = User.objects.filter(username=name[:150]).first() if name else None
    summary = str(user) if user is not None else "a name that nobody has" if name else "all names"
    AuditEntry.note(
        acting(), AuditAction.LOCKED_OUT, _USER, user.pk if user else "", f"{summary}, from this address"
    )


def _signed_in(request: HttpRequest, user: User, **kwargs: Any) -> None:
    _note_session(AuditAction.SIGNED_IN, request, user)


def _signed_out(request: HttpRequest, user: User | None, **kwargs: Any) -> None:
    if user is not None:
        _note_session(AuditAction.SIGNED_OUT, request, user)


def _note_session(action: AuditAction, request: HttpRequest, user: User) -> None:
    name, address = user.get_username(), addresses.of_request(request) or ""
    AuditEntry.note(Actor(user_id=user.pk, name=name, address=address), action, _USER, user.pk, name)


def _note(action: AuditAction, instance: Any, summary: str = "") -> None:
    named = f"{instance}: {summary}" if summary else str(instance)
    if isinstance(instance, ApiToken):
        named = f"{named} (of user {instance.user_id})"
    AuditEntry.note(acting(), action, instance._meta.label_lower, instance.pk, named)


def _named(field: str) -> str:
    """Return a field's name in words; an encrypted one is named by what it encrypts."""
    return {"sealed_key": "key", "sealed_secrets": "secrets"}.get(field, field)
