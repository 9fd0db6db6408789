"""Asks MCP servers for the list of their tools, for a page of the admin.

The view's thread runs an event loop of its own for this.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import anyio
import orjson

from providers.text import clean, clean_json
from providers.types import Json
from runs.toolbox import schemas
from runs.toolbox.mcp import errors
from runs.toolbox.mcp.connection import Diagnostics, connect
from runs.toolbox.mcp.target import McpEndpoint, Unusable

if TYPE_CHECKING:
    from mcp import Client

#: Tools of one server; the others are ignored.
_MOST_TOOLS = 500
#: Pages of the list that are requested.
_MOST_PAGES = 50
#: Characters of a tool's name; a tool with a longer name is ignored.
_LONGEST_NAME = 128
#: Characters of a tool's description; a longer one is cut.
_LONGEST_DESCRIPTION = 4_000
#: Bytes of a tool's schema; a tool with a larger one cannot be offered.
_LONGEST_SCHEMA = 50_000

#: Words for a server's hints about a tool, which it does not guarantee (``ToolAnnotations``).
_HINTS = (
    ("read_only_hint", "only reads"),
    ("destructive_hint", "may destroy"),
    ("idempotent_hint", "may be repeated"),
    ("open_world_hint", "reaches the outside"),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class ListingResult:
    """The answer of one server."""

    #: One or two sentences for an admin.
    message: str
    #: ``None`` if the server did not answer.
    tools: list[Json] | None = None


def list_tools(targets: Sequence[McpEndpoint | Unusable]) -> list[ListingResult]:
    """Return one result for each server; all are asked at the same time, each within its own time limit.

    Blocks the calling thread, which must not run an event loop.
    """
    return asyncio.run(_list_all(targets))


async def _list_all(targets: Sequence[McpEndpoint | Unusable]) -> list[ListingResult]:
    return list(await asyncio.gather(*map(_list_one, targets)))


async def _list_one(target: McpEndpoint | Unusable) -> ListingResult:
    if isinstance(target, Unusable):
        return ListingResult(message=target.message)
    diagnostics = Diagnostics()
    tools: list[Json] | None = None
    try:
        # A scope of anyio: asyncio.timeout would interrupt the end of the process.
        with anyio.move_on_after(target.timeout):
            async with connect(target, on_end=lambda: None, diagnostics=diagnostics) as client:
                tools = await _all_pages(client)
    except Exception as error:  # noqa: BLE001 - the admin needs a sentence for every failure
        if tools is None:
            return ListingResult(message=_with(errors.sentence(target, error), diagnostics))
    if tools is None:
        return ListingResult(message=_with(errors.no_answer(target), diagnostics))
    count = "1 tool" if len(tools) == 1 else f"{len(tools)} tools"
    return ListingResult(message=f"It answered, and has {count}.", tools=tools)


def _with(sentence: str, diagnostics: Diagnostics) -> str:
    return f"{sentence} It said: {diagnostics.tail}" if diagnostics.tail else sentence


async def _all_pages(client: "Client") -> list[Json]:
    found: dict[str, Json] = {}
    cursor: str | None = None
    for _ in range(_MOST_PAGES):
        page = await client.list_tools(cursor=cursor)
        for tool in page.tools:
            if len(found) < _MOST_TOOLS and 0 < len(tool.name) <= _LONGEST_NAME and tool.name.isprintable():
                found.setdefault(tool.name, _entry(tool))
        cursor = page.next_cursor
        if cursor is None:
            break
    return list(found.values())


def _entry(tool: Any) -> Json:
    parameters: Json = {}
    problem = ""
    try:
        parameters = schemas.plain(clean_json(tool.input_schema))
        if len(orjson.dumps(parameters)) > _LONGEST_SCHEMA:
            problem = "its schema is too large"
    except schemas.UnusableSchema as unusable:
        problem = str(unusable)
    hints = [words for name, words in _HINTS if tool.annotations and getattr(tool.annotations, name)]
    return {
        "name": tool.name,
        "description": clean(tool.description or "")[:_LONGEST_DESCRIPTION],
        "parameters": {} if problem else parameters,
        "hints": hints,
        "problem": problem,
    }
