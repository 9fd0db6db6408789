"""The form for an MCP server. It checks the fields, encrypts the secrets and never shows stored secrets."""

import re
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.html import escape
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldBooleanSwitchWidget,
)

from providers.security.addresses import AddressRefused
from providers.security.pinned import check_entered
from providers.security.vault import Unsealable
from providers.text.hidden import visible
from runs.models import McpServer
from runs.models.mcp_server import Transport
from runs.toolbox.mcp.target import is_loopback_allowed, why_no_commands

_MOST_ARGUMENTS = 100
_MOST_SECRETS = 50
#: Characters of one argument, or of the value of one secret.
_LONGEST_LINE = 4_000
#: Characters of a description beside a tick box.
_LONGEST_LABEL = 160

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
#: A header's name (RFC 9110, section 5.1).
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
#: Headers that the HTTP library or the protocol sets itself, so that an admin may not set them.
_RESERVED_HEADERS = re.compile(
    r"host|connection|content-.*|transfer-encoding|upgrade|te|trailer|accept|accept-encoding|mcp-.*",
    re.IGNORECASE,
)


class ToolChoices(UnfoldAdminCheckboxSelectMultipleWidget):
    """Tick boxes for tools. Those that cannot be offered can only be unticked."""

    #: Names of tools that cannot be offered.
    unusable: frozenset[str] = frozenset()

    def create_option(
        self, name: str, value: Any, label: Any, selected: Any, *args: Any, **kwargs: Any
    ) -> Any:
        """Return the context of one box."""
        option = super().create_option(name, value, label, selected, *args, **kwargs)
        if str(value) in self.unusable and not selected:
            option["attrs"]["disabled"] = True
        return option


# ModelForm is generic in the stubs only; at run time it takes no type argument.
class McpServerForm(forms.ModelForm):  # type: ignore[type-arg]
    """The form for one server. An empty field for secrets keeps the stored secrets."""

    #: Whether the user may enter a command, which runs with all rights of this server. The page sets it.
    may_enter_commands = False

    arguments = forms.CharField(
        required=False,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
        help_text="One on a line, as the program gets it: no shell reads them, so nothing is quoted.",
    )
    secrets = forms.CharField(
        label="Environment variables, or headers",
        required=False,
        strip=False,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3, "autocomplete": "off", "spellcheck": "false"}),
    )
    forget_secrets = forms.BooleanField(
        label="Forget those that are stored", required=False, widget=UnfoldBooleanSwitchWidget
    )
    allowed = forms.MultipleChoiceField(
        label="Offered tools",
        required=False,
        widget=ToolChoices,
        help_text="Models are told what stands here, as the server described it when it was asked.",
    )
    exempt = forms.MultipleChoiceField(
        label="Without asking",
        required=False,
        widget=ToolChoices,
        help_text="Calls of these are executed at once, also where a person decides about the others.",
    )

    class Meta:
        model = McpServer
        fields = (
            "name",
            "transport",
            "command",
            "arguments",
            "url",
            "is_enabled",
            "timeout",
            "allowed",
            "requires_approval",
            "exempt",
            "groups",
        )
        widgets = {"transport": UnfoldAdminSelectWidget}
        help_texts = {
            "name": "What its tools' names begin with: with “files” here one is files__read.",
            "command": "The program, by its path or as PATH finds it. It runs as this server's own user.",
            "url": "Its Streamable HTTP endpoint, with https. An address on this machine, http too, needs "
            "RUNNEL_ALLOW_LOOPBACK_PROVIDERS=true in .env, beside manage.py, and a restart.",
            "timeout": "Seconds for one call, including the start of the server if it is not running.",
            "groups": "Only members of these groups may use it. Without a group, everybody may.",
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        row = self.instance
        self._purpose = row.purpose if row.pk else ""
        #: The stored secrets; ``None`` if they cannot be decrypted.
        self._stored: dict[str, str] | None = {}
        if row.pk:
            try:
                self._stored = row.unseal()
            except Unsealable:
                self._stored = None
        refusal = why_no_commands() or (
            "" if self.may_enter_commands else "Only a superuser may enter commands."
        )
        if refusal and "transport" in self.fields:
            self._offer("transport", [(Transport.HTTP.value, Transport.HTTP.label)])
            self.fields["transport"].help_text = refusal
        self.initial["arguments"] = "\n".join(map(str, row.arguments))
        self._describe_secrets()
        self._offer("allowed", self._choices())
        self._offer("exempt", self._choices())

    def _offer(self, name: str, choices: list[tuple[str, str]]) -> None:
        field: Any = self.fields[name]
        field.choices = choices
        if isinstance(field.widget, ToolChoices):
            field.widget.unusable = self._unusable

    @property
    def _unusable(self) -> frozenset[str]:
        return frozenset(entry["name"] for entry in self.instance.listed if entry["problem"])

    def clean_allowed(self) -> list[str]:
        """Return the offered tools; one that cannot be offered may stay, but not be added."""
        names: list[str] = self.cleaned_data["allowed"]
        if added := sorted(self._unusable & set(names) - set(self.instance.allowed)):
            raise ValidationError(f"Cannot be offered, for the reason beside it: {', '.join(added)}.")
        return names

    def _describe_secrets(self) -> None:
        # Django takes a help text for HTML.
        names = escape(", ".join(map(str, self.instance.secret_names)))
        self.fields["secrets"].help_text = (
            f"Stored, and not shown again: {names}. Leave this empty to keep them; what is entered replaces them all."
            if names
            else "One on a line: NAME=value for a command, Name: value for HTTP. Stored encrypted, and not shown again."
        )
        if not names and self._stored is not None:
            del self.fields["forget_secrets"]

    def _choices(self) -> list[tuple[str, str]]:
        choices = {}
        for entry in self.instance.listed:
            text = visible(" ".join(entry["description"].split()))
            text = text if len(text) <= _LONGEST_LABEL else f"{text[:_LONGEST_LABEL]}…"
            hints = f" (it says: {', '.join(entry['hints'])})" if entry["hints"] else ""
            problem = f" (cannot be offered: {entry['problem']})" if entry["problem"] else ""
            choices[entry["name"]] = f"{entry['name']} – {text}{hints}{problem}"
        for name in self.instance.allowed:
            choices.setdefault(name, f"{name} (not listed any more)")
        return list(choices.items())

    def clean_arguments(self) -> list[str]:
        """Return the arguments, one for each non-empty line."""
        lines = [line for line in self.cleaned_data["arguments"].splitlines() if line]
        if len(lines) > _MOST_ARGUMENTS or any(len(line) > _LONGEST_LINE for line in lines):
            raise ValidationError(
                f"A command takes {_MOST_ARGUMENTS} arguments at most, each of a sensible length."
            )
        if any("\0" in line for line in lines):
            raise ValidationError("An argument has no NUL character.")
        return lines

    def clean(self) -> dict[str, Any]:
        """Check the fields that depend on the transport: command or address, and the secrets."""
        data: dict[str, Any] = super().clean() or self.cleaned_data
        if data.get("transport") == Transport.STDIO:
            data["url"] = ""
            command = data.get("command", "")
            if not command or not command.isprintable():
                self.add_error("command", "Say which program to start.")
        elif data.get("transport") == Transport.HTTP:
            data["command"], data["arguments"] = "", []
            try:
                data["url"] = check_entered(data.get("url", ""), allow_loopback=is_loopback_allowed())
            except AddressRefused as refusal:
                self.add_error("url", refusal.message)
        else:
            return data
        try:
            data["secrets"] = _read(data.get("secrets", ""), is_command=data["transport"] == Transport.STDIO)
        except ValidationError as error:
            self.add_error("secrets", error)
        data["exempt"] = [name for name in data.get("exempt", ()) if name in data.get("allowed", ())]
        return data

    def _post_clean(self) -> None:
        super()._post_clean()  # type: ignore[misc]  # Django's own hook: the instance has its values now
        if self.errors or self.cleaned_data["secrets"] or self.cleaned_data.get("forget_secrets"):
            return
        if self._stored is None:
            self.add_error(
                "secrets", "What is stored cannot be opened. Enter it again, or have it forgotten."
            )
        elif self._stored and self.instance.purpose != self._purpose and not self._is_still_a_command():
            self.add_error(
                "secrets",
                "What is stored was entered for another address and goes nowhere else. Enter it again for the new one.",
            )

    def _is_still_a_command(self) -> bool:
        """Return whether the server is still a command, so that the stored secrets may be kept.

        A user who may change the command could print the secrets anyway.
        """
        return self.instance.transport == Transport.STDIO and self.initial.get("transport") == Transport.STDIO

    def save(self, commit: bool = True) -> McpServer:
        """Encrypt the secrets for the row and save it."""
        stored = {} if self.cleaned_data.get("forget_secrets") else self._stored
        self.instance.seal(self.cleaned_data["secrets"] or stored or {})
        server: McpServer = super().save(commit)
        return server


def _read(text: str, *, is_command: bool) -> dict[str, str]:
    """Return the variables or headers in ``text``, by name.

    Raises:
        ValidationError: a line is wrong. The message names its number only, because it may hold a secret.
    """
    found = {}
    for number, line in enumerate(filter(str.strip, text.splitlines()), start=1):
        name, sign, value = line.partition("=" if is_command else ":")
        name, value = name.strip(), value if is_command else value.strip()
        is_name = (_VARIABLE if is_command else _HEADER).fullmatch(name)
        if not sign or not is_name:
            form = "NAME=value" if is_command else "Name: value"
            raise ValidationError(f"Line {number} is not of the form {form}.")
        can_be_sent = value.isascii() and value.isprintable()
        if not is_command and (_RESERVED_HEADERS.fullmatch(name) or not can_be_sent):
            raise ValidationError(
                f"Line {number} is no header that can be set, or has a value that cannot be sent."
            )
        if "\0" in value or len(value) > _LONGEST_LINE:
            raise ValidationError(
                f"The value on line {number} is too long, or has characters that no value has."
            )
        found[name] = value
    if len(found) > _MOST_SECRETS:
        raise ValidationError(f"There may be {_MOST_SECRETS} at most.")
    return found
