"""Rows of MCP servers for tests, and the tools that they offer to a user."""

import sys
from typing import Any
from uuid import UUID, uuid4

from runs.models import McpServer
from runs.models.mcp_server import Transport
from runs.toolbox import Tool, ToolContext, usable
from tests.runs.toolbox.mcp_servers import CHILD, Log

SECRET = "canary-of-mine-24680"


def entry(name: str, **other: Any) -> dict[str, Any]:
    parameters = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}
    return {
        "name": name,
        "description": f"Do {name}.",
        "parameters": parameters,
        "hints": [],
        "problem": "",
    } | other


def make(name: str = "rivers", secrets: dict[str, str] | None = None, **columns: Any) -> McpServer:
    defaults: dict[str, Any] = {
        "transport": Transport.HTTP,
        "url": "https://8.8.8.8/mcp",
        "listed": [entry("read"), entry("write")],
        "allowed": ["read", "write"],
    }
    server = McpServer(name=name, **defaults | columns)
    server.seal(secrets or {})
    server.save()
    return server


def make_command(log: Log, **columns: Any) -> McpServer:
    defaults: dict[str, Any] = {
        "transport": Transport.STDIO,
        "url": "",
        "command": sys.executable,
        "arguments": [str(CHILD), "stdio", str(log.path)],
        "listed": [
            entry("add"),
            entry("environment"),
            entry("count", parameters={"type": "object", "properties": {}}),
        ],
        "allowed": ["add", "environment", "count"],
    }
    return make(**defaults | columns)


def mine(user: Any) -> dict[str, Tool]:
    return {name: tool for name, tool in usable(user.pk).items() if tool.source.startswith("mcp:")}


def bound(tool: Tool, text: str, conversation_id: UUID | None = None) -> Any:
    context = ToolContext(
        user_id=1, conversation_id=conversation_id or UUID(int=5), run_id=uuid4(), call_id=uuid4()
    )
    return tool.bind(text, context)
