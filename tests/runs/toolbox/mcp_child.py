"""A real MCP server for tests: ``python mcp_child.py stdio LOG`` or ``python mcp_child.py http LOG PORT``.

The process writes a line to ``LOG`` for each of its events, beginning with its process id.
"""

import os
import sys
import time
from pathlib import Path
from typing import Any

import anyio
from mcp.server import MCPServer
from mcp.server.mcpserver import Image
from mcp.server.mcpserver.exceptions import ToolError
from mcp.types import ToolAnnotations

way, log, *rest = sys.argv[1:]
server = MCPServer("Rivers", log_level="ERROR")
calls: list[None] = []


def note(what: str) -> None:
    with Path(log).open("a") as file:
        file.write(f"{os.getpid()} {what}\n")


@server.tool(annotations=ToolAnnotations(read_only_hint=True))
def add(a: int, b: int) -> int:
    """Add two numbers."""
    note("add")
    return a + b


@server.tool()
def length(river: str, unit: str = "km") -> dict[str, Any]:
    """Tell how long a river is."""
    return {"river": river, "length": 1_233, "unit": unit}


@server.tool()
def count() -> int:
    """Count how often this was called in this session."""
    calls.append(None)
    return len(calls)


@server.tool()
async def hang() -> str:
    """Take for ever, unless somebody cancels it."""
    note("hang begins")
    try:
        await anyio.sleep(600)
    except anyio.get_cancelled_exc_class():
        note("hang is cancelled")
        raise
    return "never"


@server.tool()
async def block() -> str:
    """Take for ever, and hear of nothing."""
    note("block begins")
    time.sleep(600)
    return "never"


@server.tool()
async def pause(seconds: float) -> str:
    """Take a while."""
    await anyio.sleep(seconds)
    return f"paused for {seconds}"


@server.tool()
def die() -> str:
    """End the process in the middle of the call."""
    sys.stderr.write("I cannot go on, secret-of-mine-12345\n")
    sys.stderr.flush()
    os._exit(3)


@server.tool()
def fail() -> str:
    """Fail."""
    raise ToolError("The river is dry.")


@server.tool(structured_output=False)
def picture() -> list[Any]:
    """Show a picture."""
    return ["Here it is:", Image(data=b"\x89PNG" * 1000, format="png")]


@server.tool()
def environment(name: str) -> str:
    """Tell an environment variable."""
    return os.environ.get(name, "not set")


@server.tool()
def much(megabytes: int) -> str:
    """Say much."""
    return "a" * (megabytes * 1024 * 1024)


note("starts")
if way == "stdio":
    server.run("stdio")
else:
    server.run("streamable-http", port=int(rest[0]), json_response="json" in rest)
