"""Asks MCP servers for the list of their tools, for a page of the admin.

The view's thread runs an event loop of its own for this.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import anyio
import orjson
from django.conf import settings

from providers.text.cleaning import clean_json
from providers.types import Json
from runs.toolbox import schemas
from runs.toolbox.mcp import errors
from runs.toolbox.mcp.connection import Diagnostics, connect
from runs.toolbox.mcp.messages import RAW
from runs.toolbox.mcp.target import McpEndpoint, Unusable

if TYPE_CHECKING:
    from mcp import Client

#: Pages of the list that are requested.
_MOST_PAGES = 50
#: Characters of a tool's name; a tool with a longer name cannot be offered.
_LONGEST_NAME = 128
#: Bytes of a tool's schema; a tool with a larger one cannot be offered.
_LONGEST_SCHEMA = 50_000

#: Tools that cannot be offered and are named in the message.
_MOST_NAMED = 5

#: Words for a server's hints about a tool, which it does not guarantee (``ToolAnnotations``).
_HINTS = (
    ("readOnlyHint", "only reads"),
    ("destructiveHint", "may destroy"),
    ("idempotentHint", "may be repeated"),
    ("openWorldHint", "reaches the outside"),
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
    found: _Listed | None = None
    try:
        # A scope of anyio: asyncio.timeout would interrupt the end of the process.
        with anyio.move_on_after(target.timeout):
            async with connect(target, on_end=lambda: None, diagnostics=diagnostics) as client:
                found = await _all_pages(client)
    except Exception as error:  # noqa: BLE001 - the admin needs a sentence for every failure
        if found is None:
            return ListingResult(message=_with(errors.sentence(target, error), diagnostics))
    if found is None:
        return ListingResult(message=_with(errors.no_answer(target), diagnostics))
    return ListingResult(message=found.message, tools=list(found.tools.values()))


def _with(sentence: str, diagnostics: Diagnostics) -> str:
    return f"{sentence} It said: {diagnostics.tail}" if diagnostics.tail else sentence


@dataclass(slots=True)
class _Listed:
    """The tools of one server so far."""

    #: By name.
    tools: dict[str, Json] = field(default_factory=dict)
    #: How many the server named, those that are not listed included.
    count: int = 0

    @property
    def message(self) -> str:
        """Sentences for an admin: how many tools there are, and which are not usable."""
        said = [f"It answered, and has {_counted(self.count)}."]
        if self.count > len(self.tools):
            said.append(
                f"{_counted(len(self.tools))} of them are listed; RUNNEL_MCP_TOOLS is {settings.RUNNEL_MCP_TOOLS}."
                if len(self.tools) >= settings.RUNNEL_MCP_TOOLS
                else "A tool with the same name as an earlier one is not listed."
            )
        unusable = [entry for entry in self.tools.values() if entry["problem"]]
        if unusable:
            named = "; ".join(f"{entry['name']}: {entry['problem']}" for entry in unusable[:_MOST_NAMED])
            more = f"; and {len(unusable) - _MOST_NAMED} more" if len(unusable) > _MOST_NAMED else ""
            said.append(f"{_counted(len(unusable))} cannot be offered ({named}{more}).")
        return " ".join(said)


def _counted(count: int) -> str:
    return "1 tool" if count == 1 else f"{count} tools"


async def _all_pages(client: "Client") -> _Listed:
    found = _Listed()
    cursor: str | None = None
    for _ in range(_MOST_PAGES):
        page = await client.list_tools(cursor=cursor)
        raw = (page.meta or {}).get(RAW)
        for tool in _tools_in(raw):
            entry = _entry(tool, found.count)
            if found.tools.get(entry["name"]) == entry:
                # Some servers send the same page again and again.
                continue
            found.count += 1
            if len(found.tools) < settings.RUNNEL_MCP_TOOLS:
                found.tools.setdefault(entry["name"], entry)
        if page.next_cursor in {None, cursor}:
            break
        cursor = page.next_cursor
    return found


def _tools_in(raw: Any) -> list[Any]:
    """Return the tools on a page of the list; a server's object with tools by name is read as well."""
    tools = raw.get("tools") if isinstance(raw, dict) else raw
    if isinstance(tools, dict):
        return [{"name": name, **tool} for name, tool in tools.items() if isinstance(tool, dict)]
    return tools if isinstance(tools, list) else []


def _entry(tool: Any, position: int) -> Json:
    """Return a listed tool, of whatever form it is; its ``problem`` says why it cannot be offered."""
    given = clean_json(tool) if isinstance(tool, dict) else {}
    if "name" not in given and isinstance(given.get("function"), dict):
        given = given["function"]
    name, description, hints = (given.get(key) for key in ("name", "description", "annotations"))
    entry: Json = {
        "name": name if _is_name(name) else f"(tool {position + 1})",
        "description": description if isinstance(description, str) else "",
        "parameters": {},
        "renamed": {},
        "hints": [words for key, words in _HINTS if isinstance(hints, dict) and hints.get(key) is True],
        "problem": "" if _is_name(name) else "it has no name that can be used",
    }
    most = settings.RUNNEL_TOOL_DESCRIPTION_CHARS
    if len(entry["description"]) > most:
        entry["description"] = entry["description"][:most]
        entry["hints"].append(f"its description is cut at {most:,} characters")
    if not entry["problem"]:
        named = ("inputSchema", "input_schema", "parameters")
        entry |= _arguments(next((given[each] for each in named if given.get(each) is not None), None))
    return entry


def _is_name(name: Any) -> bool:
    return isinstance(name, str) and 0 < len(name) <= _LONGEST_NAME and name.isprintable()


def _unwrapped(schema: Any) -> Json:
    """Return a schema that a server sent as text, or in an object of the library that it was written with."""
    if isinstance(schema, str):
        schema = orjson.loads(schema)
    if not isinstance(schema, dict):
        return {}
    wrapped = next(
        (schema[key] for key in ("jsonSchema", "schema") if isinstance(schema.get(key), dict)), None
    )
    return schema if wrapped is None or schema.keys() & {"type", "properties"} else wrapped


def _arguments(schema: Any) -> Json:
    """Return the fields of an entry about its arguments."""
    try:
        found = schemas.simplified(_unwrapped(schema))
        if len(orjson.dumps(found.parameters)) > _LONGEST_SCHEMA:
            return {"problem": "its schema is too large"}
    except schemas.UnusableSchema as unusable:
        return {"problem": str(unusable)}
    except (TypeError, ValueError, AttributeError) as error:
        return {"problem": f"its schema cannot be read ({type(error).__name__})"}
    return {"parameters": found.parameters, "renamed": found.renamed}
