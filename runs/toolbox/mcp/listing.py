"""Asks MCP servers which tools they have. For a page that somebody waits for: on a thread and a loop of its own."""

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
from runs.toolbox.mcp.connection import Aside, connect
from runs.toolbox.mcp.target import McpEndpoint, Unusable

if TYPE_CHECKING:
    from mcp import Client

#: Tools that are kept of one server, and pages that are asked for.
_MOST_TOOLS = 500
_MOST_PAGES = 50
_LONGEST_NAME = 128
_LONGEST_DESCRIPTION = 4_000
#: Bytes of a tool's schema.
_LONGEST_SCHEMA = 50_000

#: What a server says of a tool, without a promise (``ToolAnnotations``).
_HINTS = (
    ("read_only_hint", "only reads"),
    ("destructive_hint", "may destroy"),
    ("idempotent_hint", "may be repeated"),
    ("open_world_hint", "reaches the outside"),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class ListingResult:
    """What came of asking one server."""

    #: One or two sentences, fit to be shown.
    message: str
    #: ``None`` when it did not answer.
    tools: list[Json] | None = None


def ask(asked: Sequence[McpEndpoint | Unusable]) -> list[ListingResult]:
    """Ask each for its tools, all at the same time, each within its own patience."""
    return asyncio.run(_ask_all(asked))


async def _ask_all(asked: Sequence[McpEndpoint | Unusable]) -> list[ListingResult]:
    return list(await asyncio.gather(*map(_ask, asked)))


async def _ask(target: McpEndpoint | Unusable) -> ListingResult:
    if isinstance(target, Unusable):
        return ListingResult(message=target.message)
    aside = Aside()
    found: list[Json] | None = None
    try:
        # Scopes of anyio, not of asyncio: those would cut the end of the process short.
        with anyio.move_on_after(target.patience):
            async with connect(target, on_end=lambda: None, aside=aside) as client:
                found = await _all_pages(client)
    except Exception as error:  # noqa: BLE001 - whatever it is, somebody waits for a sentence
        if found is None:
            return ListingResult(message=_with(errors.sentence(target, error), aside))
    if found is None:
        return ListingResult(message=_with(errors.silent(target), aside))
    count = "1 tool" if len(found) == 1 else f"{len(found)} tools"
    return ListingResult(message=f"It answered, and has {count}.", tools=found)


def _with(sentence: str, aside: Aside) -> str:
    return f"{sentence} It said: {aside.tail}" if aside.tail else sentence


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
    hints = [said for name, said in _HINTS if tool.annotations and getattr(tool.annotations, name)]
    return {
        "name": tool.name,
        "description": clean(tool.description or "")[:_LONGEST_DESCRIPTION],
        "parameters": {} if problem else parameters,
        "hints": hints,
        "problem": problem,
    }
