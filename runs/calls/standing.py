"""Applies a user's standing decisions to the calls of a step. Only ``load`` reads the database."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from uuid import UUID

from django.db.models import Q

from providers.text.arguments import object_of
from providers.text.hidden import visible
from runs import limits
from runs.models import StandingDecision
from runs.models.standing_decision import Verdict
from runs.models.tool_call import digest_of
from runs.toolbox.tool import Tool


@dataclass(frozen=True, kw_only=True, slots=True)
class StandingRule:
    """A standing decision, as planning uses it."""

    #: The row's primary key.
    id: int
    verdict: Verdict
    pattern: str
    #: For ``allow``: the digests of the allowed tools by name.
    tools: Mapping[str, str] = field(default_factory=dict)
    owner_id: int
    owner_name: str

    def allows(self, tool: Tool) -> bool:
        """Return whether ``tool`` is one of those that were allowed, and is unchanged."""
        return self.tools.get(tool.name) == fingerprint(tool)


@dataclass(frozen=True, slots=True)
class StandingRules:
    """The standing decisions that hold in one conversation."""

    rules: tuple[StandingRule, ...] = ()
    #: Whether calls may be allowed beforehand.
    may_allow: bool = True

    def about(self, name: str, arguments: str, tool: Tool | None) -> StandingRule | None:
        """Return the decision about a call, ``None`` if there is none. ``deny`` wins over ``ask``, ``ask`` over ``allow``.

        A call whose arguments hold characters that nobody can see is never allowed beforehand.

        Args:
            name: the name that the model called.
            arguments: the arguments, JSON text.
            tool: the server's tool; ``None`` if the client executes the call.
        """
        matching = [rule for rule in self.rules if fnmatchcase(name, rule.pattern)]
        for verdict in (Verdict.DENY, Verdict.ASK):
            if found := next((rule for rule in matching if rule.verdict is verdict), None):
                return found
        if tool is None or not self.may_allow or _has_hidden(arguments):
            return None
        return next((rule for rule in matching if rule.allows(tool)), None)


def fingerprint(tool: Tool) -> str:
    """Return the digest of what a standing approval is bound to: the tool, its schema and its server."""
    return digest_of("", tool.identity)


def may_allow(owner_id: int) -> bool:
    """Return whether a user may allow calls beforehand, by the setting and the user's groups."""
    return limits.of(owner_id).standing_decisions


def load(owner_id: int, conversation_id: UUID) -> StandingRules:
    """Return the standing decisions of a user that hold in a conversation."""
    here = Q(conversation=None) | Q(conversation_id=conversation_id)
    rows = StandingDecision.objects.filter(here, owner_id=owner_id).select_related("owner")
    rules = tuple(map(_rule, rows))
    return StandingRules(rules, may_allow=may_allow(owner_id)) if rules else StandingRules()


def in_force(decision_id: int) -> StandingRule | None:
    """Return a standing decision by its number, ``None`` if it was revoked."""
    row = StandingDecision.objects.filter(pk=decision_id).select_related("owner").first()
    return None if row is None else _rule(row)


def _rule(row: StandingDecision) -> StandingRule:
    return StandingRule(
        id=row.pk,
        verdict=Verdict(row.verdict),
        pattern=row.pattern,
        tools=row.tools,
        owner_id=row.owner_id,
        owner_name=row.owner.get_username(),
    )


def _has_hidden(arguments: str) -> bool:
    text = json.dumps(object_of(arguments), ensure_ascii=False)
    # JSON escapes control characters, and nothing else here.
    return visible(text) != text or "\\u00" in text
