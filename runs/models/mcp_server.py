"""MCP servers that an admin has set up: their connections, offered tools and permitted groups."""

import json
from contextlib import suppress
from typing import Any

from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models

from providers.security import vault
from providers.security.addresses import LONGEST_URL, origin_of
from providers.security.redaction import remember


class Transport(models.TextChoices):
    """How Runnel talks to an MCP server."""

    #: A program on this machine, through its standard input and output.
    STDIO = "stdio", "Command"
    #: Streamable HTTP.
    HTTP = "http", "HTTP"


class McpServer(models.Model):
    """A server of the Model Context Protocol, and the tools of it that models are offered.

    Models get the descriptions of the last list that an admin requested, even if the server has changed them
    since: an admin sees a description before a model reads it.
    """

    #: Prefix of its tools' names. Two underscores follow; other tools' names must not contain them.
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
    #: The program; for stdio only.
    command = models.CharField(max_length=500, blank=True)
    #: The program's arguments, a list of texts; no shell interprets them.
    arguments = models.JSONField(default=list, blank=True)
    #: The address; for HTTP only.
    url = models.CharField("URL", max_length=LONGEST_URL, blank=True)
    #: The environment variables or headers as a JSON object, encrypted.
    sealed_secrets = models.TextField(blank=True, editable=False)
    #: The names of these variables or headers, in plain text.
    secret_names = models.JSONField(default=list, blank=True, editable=False)

    #: The server's names of the tools that are offered.
    allowed = models.JSONField("offered tools", default=list, blank=True)
    #: Whether a call needs an approval.
    requires_approval = models.BooleanField("a person decides about each call", default=True)
    #: The server's names of the tools that never need an approval.
    exempt = models.JSONField("except for these", default=list, blank=True)
    #: Seconds for one call, and for opening the connection.
    timeout = models.FloatField(
        "seconds for a call", default=30.0, validators=[MinValueValidator(0.1), MaxValueValidator(3_600.0)]
    )
    #: The groups whose members may use the tools; if none, every user may.
    groups = models.ManyToManyField(
        "auth.Group", blank=True, related_name="+", verbose_name="only for these groups"
    )

    #: The server's tools, as objects with ``name``, ``description``, ``parameters``, ``hints`` and
    #: ``problem``: the reason why the tool cannot be offered, or empty.
    listed = models.JSONField(default=list, blank=True, editable=False)
    listed_at = models.DateTimeField(null=True, blank=True, editable=False)
    #: The result of the last request for the list, in one or two sentences.
    list_message = models.TextField(blank=True, editable=False)

    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    #: The column that ``manage.py reseal_keys`` encrypts again.
    sealed_column = "sealed_secrets"

    class Meta:
        ordering = ["name"]
        verbose_name = "MCP server"

    def __str__(self) -> str:
        return self.name

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Store the row; secrets under an older ``SECRET_KEY`` are encrypted again under the current one."""
        if self.sealed_secrets and kwargs.get("update_fields") is None:
            with suppress(vault.Unsealable):
                self.sealed_secrets = vault.reseal(self.sealed_secrets, purpose=self.purpose)
        super().save(*args, **kwargs)

    @property
    def purpose(self) -> str:
        """The purpose for which the secrets are encrypted: this exact command line, or the URL's origin.

        After a change of either, the stored secrets cannot be decrypted and thus not be sent elsewhere.
        """
        if self.transport == Transport.STDIO:
            return f"mcp:{json.dumps([self.command, *self.arguments])}"
        return f"mcp:{origin_of(self.url)}"

    def seal(self, secrets: dict[str, str]) -> None:
        """Encrypt ``secrets`` for the current command or address of this row.

        A command is sealed even without secrets, so that a command that was written to the table in another
        way cannot be executed.
        """
        self._register_for_redaction(secrets)
        self.secret_names = list(secrets)
        is_needed = secrets or self.transport == Transport.STDIO
        self.sealed_secrets = vault.seal(json.dumps(secrets), purpose=self.purpose) if is_needed else ""

    def unseal(self) -> dict[str, str]:
        """Return the environment variables or headers, decrypted.

        Raises:
            vault.Unsealable: they were sealed for another command or address, or under another
                ``SECRET_KEY``; or a command was never sealed.
        """
        if not self.sealed_secrets:
            if self.transport == Transport.STDIO:
                raise vault.Unsealable
            return {}
        secrets: dict[str, str] = json.loads(vault.unseal(self.sealed_secrets, purpose=self.purpose))
        self._register_for_redaction(secrets)
        return secrets

    @staticmethod
    def _register_for_redaction(secrets: dict[str, str]) -> None:
        """Register the secrets, so that this process redacts them in logs and messages."""
        for value in secrets.values():
            # Each word too: in "Bearer abc" only the second one is secret.
            for word in (value, *value.split()):
                remember(word)
