"""The tools of the MCP servers in the database, as tools like any other. Speaks to no server until one is called."""

import functools
import hashlib
import re
from typing import Any
from uuid import UUID

from django.db.models import Q

from concurrency.threads import readers
from providers.types import Json
from runs.models import McpServer
from runs.toolbox.binding import json_object
from runs.toolbox.mcp import pool, results
from runs.toolbox.mcp.target import McpEndpoint, Unusable, read
from runs.toolbox.registry import LONGEST_NAME, RESERVED
from runs.toolbox.tool import InvalidArguments, Tool, ToolContext, ToolError

#: Characters of a description; OpenAI takes no more for a function.
_LONGEST_DESCRIPTION = 1_024
_UNFIT = re.compile(r"[^A-Za-z0-9_-]")


def tools_for(user: Any) -> dict[str, Tool]:
    """Return what enabled servers offer to ``user``, by name. A server that is down offers what it was listed with."""
    servers = McpServer.objects.filter(
        Q(groups__isnull=True) | Q(groups__in=user.groups.all()), is_enabled=True
    ).distinct()
    found = {}
    for server in servers:
        for entry in server.listed:
            if entry["name"] in server.allowed and not entry["problem"]:
                tool = _tool(server, entry)
                found[tool.name] = tool
    return found


def offered_name(server: str, tool: str) -> str:
    """Return what models call a server's tool by; the same each time, and nobody else's."""
    name = f"{server}{RESERVED}{_UNFIT.sub('_', tool)}"
    if len(name) <= LONGEST_NAME and name.endswith(tool):
        return name
    # Two names may have become one: what tells them apart comes back.
    mark = hashlib.sha256(tool.encode()).hexdigest()[:8]
    return f"{name[: LONGEST_NAME - len(mark) - 1]}_{mark}"


def _tool(server: McpServer, entry: Json) -> Tool:
    return Tool(
        name=offered_name(server.name, entry["name"]),
        description=entry["description"][:_LONGEST_DESCRIPTION],
        parameters=entry["parameters"],
        source=f"mcp:{server.name}",
        bind=functools.partial(_bind, server.pk, entry["name"], entry["parameters"]),
        is_async=True,
        requires_approval=server.requires_approval and entry["name"] not in server.exempt,
        timeout=server.timeout,
    )


def _bind(server_id: int, name: str, schema: Json, text: str, context: ToolContext) -> Any:
    """Check what is easily checked; the rest is the server's to say, whose refusal the model reads."""
    arguments = json_object(text)
    known: Json = schema["properties"]
    missing = [each for each in schema.get("required", ()) if each not in arguments]
    if missing:
        raise InvalidArguments(" ".join(f"The argument {each} is missing." for each in missing))
    unknown = [each for each in arguments if each not in known]
    if unknown and schema.get("additionalProperties") is False:
        taken = ", ".join(known) or "none"
        raise InvalidArguments(f"There is no argument {unknown[0][:80]}. The arguments are: {taken}.")
    return functools.partial(_call, server_id, name, arguments, context.conversation_id)


async def _call(server_id: int, name: str, arguments: Json, conversation_id: UUID) -> str:
    target = await readers.run(_target, server_id, name)
    return results.text_of(await pool.current().call(target, conversation_id, name, arguments))


def _target(server_id: int, name: str) -> McpEndpoint:
    """Return how the server is reached now: since the tool was offered it may have been taken away."""
    server = McpServer.objects.filter(pk=server_id, is_enabled=True).first()
    if server is None or name not in server.allowed:
        raise ToolError("This tool is not offered any more.")
    try:
        return read(server)
    except Unusable:
        raise ToolError(
            f"The MCP server {server.name} cannot be used as it is set up. Tell an admin."
        ) from None
