"""Standing decisions: what a user has decided beforehand about the calls of tools."""

from fnmatch import fnmatchcase
from typing import Any

from django.conf import settings
from django.core.validators import RegexValidator
from django.db import models

from runs.models.conversation import Conversation

#: Characters of a pattern.
LONGEST_PATTERN = 100


class Verdict(models.TextChoices):
    """What a standing decision says about a call."""

    #: Execute the call without asking.
    ALLOW = "allow", "Allow"
    #: Ask about the call, also if its tool needs no approval.
    ASK = "ask", "Ask"
    #: Do not execute the call.
    DENY = "deny", "Deny"


class StandingDecision(models.Model):
    """One decision of a user about all calls of the tools whose names match a pattern.

    ``deny`` wins over ``ask``, and ``ask`` over ``allow``. Deleting the row revokes the decision.
    """

    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="standing_decisions"
    )
    #: The conversation for which it holds; NULL for all of the user's conversations.
    conversation = models.ForeignKey(
        Conversation, null=True, blank=True, on_delete=models.CASCADE, related_name="standing_decisions"
    )
    verdict = models.CharField(max_length=8, choices=Verdict.choices)
    #: A tool's name, in which ``*`` stands for any characters.
    pattern = models.CharField(
        max_length=LONGEST_PATTERN,
        validators=[
            RegexValidator(
                r"^[A-Za-z0-9_.:*-]+\Z",
                "A pattern has letters, digits, _ - . : and *, which stands for any characters.",
            )
        ],
    )
    #: For ``allow``: the digests of the tools that matched when it was made, by name. A tool that has changed since,
    #: or came later, is not among the allowed ones.
    tools = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    #: When it decided about a call last; NULL for never.
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        ordering = ["-created_at", "-pk"]

    def __str__(self) -> str:
        where = "one conversation" if self.conversation_id else "all conversations"
        return f"{self.verdict} {self.pattern} in {where} (of user {self.owner_id})"

    @classmethod
    def of(cls, owner: Any) -> models.QuerySet["StandingDecision"]:
        """Return the decisions of ``owner``, without those for erased conversations."""
        return cls.objects.filter(owner=owner, conversation__erased_at=None)

    def matches(self, name: str) -> bool:
        """Return whether the pattern matches a tool's name."""
        return fnmatchcase(name, self.pattern)
