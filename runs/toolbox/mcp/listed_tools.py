"""Makes ``Tool`` objects from the listed tools of MCP servers. Connects to a server only for a call."""

import functools
import hashlib
import json
import re
from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.db.models import Q

from concurrency.threads import readers
from providers.security.redaction import without
from providers.types import Json
from runs.models import McpServer
from runs.models.mcp_server import Transport
from runs.toolbox import schemas
from runs.toolbox.binding import json_object
from runs.toolbox.mcp import pool, results
from runs.toolbox.mcp.target import McpEndpoint, Unusable, read, why_no_commands
from runs.toolbox.registry import LONGEST_NAME, RESERVED
from runs.toolbox.tool import InvalidArguments, Tool, ToolAnswer, ToolContext, ToolError

_UNFIT = re.compile(r"[^A-Za-z0-9_-]")


def tools_for(user: Any) -> dict[str, Tool]:
    """Return the tools that enabled servers offer to ``user``, by name.

    The tools come from the stored list, so a server that is down still offers its tools.
    """
    found = {}
    for server in _servers_for(user):
        for entry in server.listed:
            if entry["name"] not in server.allowed:
                continue
            current = _mended(server, entry)
            if not current["problem"]:
                tool = _tool(server, current)
                found[tool.name] = tool
    return found


def _mended(server: McpServer, entry: Json) -> Json:
    """Return a listed tool with its ``problem``; the schema of one that an older version listed is mended now."""
    if server.transport == Transport.STDIO and why_no_commands():
        return {
            **entry,
            "problem": "servers that are commands are switched off here (RUNNEL_ALLOW_STDIO_MCP)",
        }
    if "renamed" in entry or entry["problem"]:
        return entry
    try:
        found = schemas.simplified(entry["parameters"])
    except schemas.UnusableSchema as unusable:
        return {**entry, "problem": str(unusable)}
    return {**entry, "parameters": found.parameters, "renamed": found.renamed}


def problems_for(user: Any) -> dict[str, str]:
    """Return why listed tools of the user's servers cannot be offered, by the names that they would have."""
    return {
        offered_name(server.name, entry["name"]): problem
        for server in _servers_for(user)
        for entry in server.listed
        if (problem := _mended(server, entry)["problem"])
    }


def _servers_for(user: Any) -> Iterable[McpServer]:
    allowed = Q(groups__isnull=True) | Q(groups__in=user.groups.all())
    return McpServer.objects.filter(allowed, is_enabled=True).distinct()


def offered_name(server: str, tool: str) -> str:
    """Return the name by which models call a server's tool: stable, unique, at most ``LONGEST_NAME`` long."""
    name = f"{server}{RESERVED}{_UNFIT.sub('_', tool)}"
    if len(name) <= LONGEST_NAME and name.endswith(tool):
        return name
    # Replacing or cutting characters can make two names equal; a digest of the original makes them differ.
    digest = hashlib.sha256(tool.encode()).hexdigest()[:8]
    return f"{name[: LONGEST_NAME - len(digest) - 1]}_{digest}"


def _executor(server: McpServer) -> str:
    """Return what executes the calls of a server's tools, as text: its row, and its command or address."""
    what = [server.pk, server.transport, server.command, server.arguments, server.url]
    return json.dumps(what)


def _tool(server: McpServer, entry: Json) -> Tool:
    executor = _executor(server)
    return Tool(
        name=offered_name(server.name, entry["name"]),
        description=entry["description"][: settings.RUNNEL_TOOL_DESCRIPTION_CHARS],
        parameters=entry["parameters"],
        source=f"mcp:{server.name}",
        bind=functools.partial(_bind, server.pk, entry, executor),
        is_async=True,
        requires_approval=server.requires_approval and entry["name"] not in server.exempt,
        timeout=server.timeout,
        executor=executor,
        binds_values=False,
    )


def _bind(server_id: int, entry: Json, executor: str, text: str, context: ToolContext) -> Any:
    """Check the arguments' names only; the server checks the rest, and the model reads its error message."""
    arguments, schema = json_object(text), entry["parameters"]
    known: Json = schema["properties"]
    missing = [each for each in schema.get("required", ()) if each not in arguments]
    if missing:
        raise InvalidArguments(" ".join(f"The argument {each} is missing." for each in missing))
    unknown = [each for each in arguments if each not in known]
    if unknown and schema.get("additionalProperties") is False:
        taken = ", ".join(known) or "none"
        raise InvalidArguments(f"There is no argument {unknown[0][:80]}. The arguments are: {taken}.")
    own = schemas.restored(arguments, schema, entry.get("renamed", {}))
    approved = executor if context.is_approved else None
    return functools.partial(_call, server_id, entry["name"], own, context, approved)


async def _call(
    server_id: int, name: str, arguments: Json, context: ToolContext, approved: str | None
) -> ToolAnswer:
    target = await readers.run(_target, server_id, name, approved)
    # A tool that prints its environment must not tell the model, and everybody who reads the run.
    secrets = [value for _, value in target.secrets]

    def note_progress(progress: float, total: float | None = None, message: str = "") -> None:
        context.note_progress(progress, total, without(message, secrets))

    try:
        result = await pool.current().call(target, context.conversation_id, name, arguments, note_progress)
    except ToolError as error:
        # Servers quote what they refuse.
        raise ToolError(without(str(error), secrets)) from None
    return results.answer_in(without(result, secrets))


def _target(server_id: int, name: str, approved: str | None = None) -> McpEndpoint:
    """Return the endpoint of the server as it is set up now.

    Args:
        server_id: the server's row.
        name: the server's own name of the tool.
        approved: the command or address that a person has approved; ``None`` if nobody was asked.

    Raises:
        ToolError: an admin has withdrawn the tool since it was offered, or has changed the command or address
            since it was approved; or the server cannot be used.
    """
    server = McpServer.objects.filter(pk=server_id, is_enabled=True).first()
    if server is None or name not in server.allowed:
        raise ToolError("This tool is not offered any more.")
    if approved is not None and _executor(server) != approved:
        raise ToolError("This tool's server was changed after the call was approved. Call the tool again.")
    try:
        return read(server)
    except Unusable:
        raise ToolError(
            f"The MCP server {server.name} cannot be used as it is set up. Tell an admin."
        ) from None
