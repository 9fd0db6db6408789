"""MCP servers that an admin has set up: how each is reached, what it offers, and who may use it."""

import json
from contextlib import suppress
from typing import Any

from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models

from providers.security import vault
from providers.security.addresses import LONGEST_URL, origin_of
from providers.security.redaction import remember


class Transport(models.TextChoices):
    """How a server is spoken to."""

    #: A program on this machine, over its standard input and output.
    STDIO = "stdio", "Command"
    #: Streamable HTTP.
    HTTP = "http", "HTTP"


class McpServer(models.Model):
    """A server of the Model Context Protocol, and which of its tools models are offered.

    What a model reads of a tool is what was listed when an admin asked, not what the server says by now.
    """

    #: What its tools' names begin with; the double underscore behind it is nobody else's.
    name = models.CharField(
        max_length=24,
        unique=True,
        validators=[
            RegexValidator(
                r"^[a-z][a-z0-9]*(-[a-z0-9]+)*\Z",
                "A name begins with a letter and has lower-case letters, digits and single hyphens between them.",
            )
        ],
    )
    is_enabled = models.BooleanField("enabled", default=True)
    transport = models.CharField("reached by", max_length=8, choices=Transport.choices)
    #: For stdio: the program, and its arguments, which no shell reads.
    command = models.CharField(max_length=500, blank=True)
    arguments = models.JSONField(default=list, blank=True)
    #: For HTTP.
    url = models.CharField("URL", max_length=LONGEST_URL, blank=True)
    #: Environment variables or headers, sealed, and their names.
    sealed_secrets = models.TextField(blank=True, editable=False)
    secret_names = models.JSONField(default=list, blank=True, editable=False)

    #: Names of its tools, as the server calls them, that are offered.
    allowed = models.JSONField("offered tools", default=list, blank=True)
    requires_approval = models.BooleanField("a person decides about each call", default=True)
    #: Names of those that are called without asking anybody.
    exempt = models.JSONField("except for these", default=list, blank=True)
    timeout = models.FloatField(
        "seconds for a call", default=30.0, validators=[MinValueValidator(0.1), MaxValueValidator(3_600.0)]
    )
    groups = models.ManyToManyField(
        "auth.Group", blank=True, related_name="+", verbose_name="only for these groups"
    )

    #: What it said it has: ``name``, ``description``, ``parameters``, ``hints``, and why it cannot be offered.
    listed = models.JSONField(default=list, blank=True, editable=False)
    listed_at = models.DateTimeField(null=True, blank=True, editable=False)
    #: What came of asking the last time, in a sentence or two.
    list_message = models.TextField(blank=True, editable=False)

    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    #: What ``manage.py reseal_keys`` seals anew.
    sealed_column = "sealed_secrets"

    class Meta:
        ordering = ["name"]
        verbose_name = "MCP server"

    def __str__(self) -> str:
        return self.name

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Store the row; what an older ``SECRET_KEY`` has sealed is sealed anew with the current one."""
        if self.sealed_secrets and kwargs.get("update_fields") is None:
            with suppress(vault.Unsealable):
                self.sealed_secrets = vault.reseal(self.sealed_secrets, purpose=self.purpose)
        super().save(*args, **kwargs)

    @property
    def purpose(self) -> str:
        """What the secrets are sealed for: this very command line, or the origin of the URL."""
        if self.transport == Transport.STDIO:
            return f"mcp:{json.dumps([self.command, *self.arguments])}"
        return f"mcp:{origin_of(self.url)}"

    def seal(self, secrets: dict[str, str]) -> None:
        """Keep ``secrets`` for what this row leads to now.

        A command is sealed also without any: what nobody has entered here is not executed.
        """
        self._remember(secrets)
        self.secret_names = list(secrets)
        is_needed = secrets or self.transport == Transport.STDIO
        self.sealed_secrets = vault.seal(json.dumps(secrets), purpose=self.purpose) if is_needed else ""

    def unseal(self) -> dict[str, str]:
        """Return the environment variables or headers. Raises ``vault.Unsealable``."""
        if not self.sealed_secrets:
            if self.transport == Transport.STDIO:
                raise vault.Unsealable
            return {}
        secrets: dict[str, str] = json.loads(vault.unseal(self.sealed_secrets, purpose=self.purpose))
        self._remember(secrets)
        return secrets

    @staticmethod
    def _remember(secrets: dict[str, str]) -> None:
        for value in secrets.values():
            # Of "Bearer abc" the second word is what must not be seen.
            for word in (value, *value.split()):
                remember(word)
