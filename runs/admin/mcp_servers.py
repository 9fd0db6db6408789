"""The admin pages of MCP servers: their connection, their offered tools and their permitted groups."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from django.contrib import admin, messages
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.views.decorators.debug import sensitive_post_parameters
from unfold.admin import ModelAdmin
from unfold.decorators import action

from providers.admin.lookups import NoSecretLookups
from providers.security.vault import Unsealable
from providers.types import Json
from runs.admin import wording
from runs.admin.mcp_form import McpServerForm
from runs.models import McpServer
from runs.models.mcp_server import Transport
from runs.toolbox.mcp import listing
from runs.toolbox.mcp.target import McpEndpoint, Unusable, read

_SERVER: tuple[str, dict[str, Any]] = (
    "The server",
    {
        "fields": (
            ("name", "transport"),
            "command",
            "arguments",
            "url",
            "secrets",
            ("timeout", "is_enabled"),
        )
    },
)
_TOOLS: tuple[str, dict[str, Any]] = (
    "Its tools",
    {"fields": ("allowed", "requires_approval", "exempt", "groups")},
)
_BEFORE_LISTING: tuple[str, dict[str, Any]] = (
    "Its tools",
    {
        "fields": ("requires_approval", "groups"),
        "description": "None is offered yet. Once the server is saved, “Save and list tools” asks it for them; then choose.",
    },
)
#: For users who may view a server but not change it.
_READ_ONLY: tuple[tuple[str, dict[str, Any]], ...] = (
    ("The server", {"fields": (("name", "transport"), "reached", "secret_list", ("timeout", "is_enabled"))}),
    ("Its tools", {"fields": ("offered", "requires_approval", "ungated", "groups")}),
)
_LAST_LISTING = ("How it stands", {"fields": (("list_message", "listed_when"),)})


@admin.register(McpServer)
class McpServerAdmin(NoSecretLookups, ModelAdmin):
    """All MCP servers.

    Only a superuser may add or change a server with a command: the command runs as this process's user and
    can read the database, the secret key and all provider keys. Django's permission to change a table must
    not give that much.
    """

    form = McpServerForm
    list_display = ("name", "reached", "is_enabled", "offered_count", "requires_approval", "list_message")
    list_filter = ("is_enabled", "transport")
    search_fields = ("name", "command", "url")
    search_help_text = "Name, command or address"
    empty_value_display = wording.UNKNOWN
    filter_horizontal = ("groups",)
    readonly_fields = ("reached", "secret_list", "offered", "ungated", "list_message", "listed_when")
    actions = ("list_selected",)
    actions_submit_line = ("save_and_list",)

    @method_decorator(sensitive_post_parameters("secrets"))
    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        response: HttpResponse = super().changeform_view(request, *args, **kwargs)
        return response

    def has_change_permission(self, request: HttpRequest, obj: McpServer | int | str | None = None) -> bool:
        """Return whether the user may change the server; one with a command needs a superuser."""
        if obj is not None and not isinstance(obj, McpServer):
            # Unfold passes only the primary key when it builds the buttons.
            obj = McpServer.objects.filter(pk=obj).first()
        may = bool(super().has_change_permission(request, obj))
        is_command = obj is not None and obj.transport == Transport.STDIO
        return may and (not is_command or bool(request.user.is_superuser))

    def get_form(self, request: HttpRequest, obj: McpServer | None = None, **kwargs: Any) -> Any:
        """Return the form class, which lets only a superuser enter a command."""
        form = super().get_form(request, obj, **kwargs)
        form.may_enter_commands = request.user.is_superuser
        return form

    def get_fieldsets(
        self, request: HttpRequest, obj: McpServer | None = None
    ) -> Sequence[tuple[str, dict[str, Any]]]:
        """Return the fieldsets for a new server, for a user who may only view it, or for editing it."""
        if obj is None:
            return (_SERVER, _BEFORE_LISTING)
        if not self.has_change_permission(request, obj):
            return (*_READ_ONLY, _LAST_LISTING)
        server = _SERVER
        if obj.sealed_secrets and (obj.secret_names or not _can_unseal(obj)):
            fields = [
                ("secrets", "forget_secrets") if name == "secrets" else name for name in _SERVER[1]["fields"]
            ]
            server = ("The server", {"fields": tuple(fields)})
        return (server, _TOOLS if obj.listed or obj.allowed else _BEFORE_LISTING, _LAST_LISTING)

    def response_change(self, request: HttpRequest, obj: McpServer) -> HttpResponse:
        """Stay on the server's page after "Save and list tools", because that page shows the result."""
        response: HttpResponse = super().response_change(request, obj)
        was_asked = any(
            action.action_name in request.POST for action in self.get_actions_submit_line(request, obj.pk)
        )
        return HttpResponseRedirect(request.path) if was_asked else response

    @admin.action(description="List tools of selected servers", permissions=["change"])
    def list_selected(self, request: HttpRequest, queryset: QuerySet[McpServer]) -> None:
        self._list(request, queryset)

    @action(description="Save and list tools", permissions=["change"])  # type: ignore[untyped-decorator]
    def save_and_list(self, request: HttpRequest, obj: McpServer) -> None:
        """Ask the saved server for its tools."""
        # After the commit, because the transaction of the page must not stay open while a server answers.
        transaction.on_commit(partial(self._list, request, McpServer.objects.filter(pk=obj.pk)))

    def _list(self, request: HttpRequest, queryset: QuerySet[McpServer]) -> None:
        servers = [server for server in queryset if self.has_change_permission(request, server)]
        results = listing.list_tools([_target(server) for server in servers])
        for server, result in zip(servers, results, strict=True):
            message = result.message
            columns: dict[str, Any] = {"list_message": message}
            if result.tools is not None:
                message += _changes(server, result.tools)
                columns = {"list_message": message, "listed": result.tools, "listed_at": timezone.now()}
            # Only these columns: the form may have been saved again while the server answered.
            McpServer.objects.filter(pk=server.pk).update(**columns)
            self.message_user(request, f"{server.name}: {message}", _level(result.tools))

    @admin.display(description="Reached by")
    def reached(self, server: McpServer) -> str:
        return server.url or " ".join([server.command, *map(str, server.arguments)])

    @admin.display(description="Secrets")
    def secret_list(self, server: McpServer) -> str:
        return ", ".join(map(str, server.secret_names)) or wording.UNKNOWN

    @admin.display(description="Offered tools")
    def offered(self, server: McpServer) -> str:
        return ", ".join(map(str, server.allowed)) or wording.UNKNOWN

    @admin.display(description="Offered")
    def offered_count(self, server: McpServer) -> str:
        return f"{len(server.allowed)} of {len(server.listed)}"

    @admin.display(description="Without asking")
    def ungated(self, server: McpServer) -> str:
        return ", ".join(map(str, server.exempt)) or wording.UNKNOWN

    @admin.display(description="Listed")
    def listed_when(self, server: McpServer) -> str:
        return wording.moment(server.listed_at)


def _level(tools: list[Json] | None) -> int:
    """Return the level of the message about a list: a warning if a tool of it cannot be offered."""
    if tools is None:
        return messages.ERROR
    return messages.WARNING if any(entry["problem"] for entry in tools) else messages.SUCCESS


def _target(server: McpServer) -> McpEndpoint | Unusable:
    try:
        return read(server)
    except Unusable as unusable:
        return unusable


def _can_unseal(server: McpServer) -> bool:
    try:
        server.unseal()
    except Unsealable:
        return False
    return True


def _changes(server: McpServer, tools: list[Json]) -> str:
    """Return a sentence with the offered tools that have changed since the last list, or empty text."""
    before = {entry["name"]: entry for entry in server.listed}
    now = {entry["name"]: entry for entry in tools}
    changed = [
        name for name in server.allowed if name in before and _told(before[name]) != _told(now.get(name))
    ]
    return f" Look again at {', '.join(changed)}: what is offered has changed." if changed else ""


def _told(entry: Json | None) -> tuple[Any, ...]:
    """Return what models are told of a listed tool, and its server's hints."""
    return tuple((entry or {}).get(key) for key in ("description", "parameters", "hints", "problem"))
