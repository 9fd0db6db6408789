"""What MCP servers say that they have, and what an admin is told of it."""

import json
import sys
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from runs.toolbox.mcp import listing
from runs.toolbox.mcp.target import McpEndpoint, Unusable
from tests.runs.toolbox import odd_server
from tests.runs.toolbox.mcp_rows import SECRET
from tests.runs.toolbox.mcp_servers import Log, http, serving, stdio

pytestmark = pytest.mark.django_db(transaction=True)


def test_it_lists_what_servers_have(log: Log, settings: Settings) -> None:
    settings.RUNNEL_ALLOW_LOOPBACK_PROVIDERS = True
    with serving(log) as url:
        over_stdio, over_http, refused = listing.list_tools(
            [stdio(log), http(url), Unusable("Not this one.")]
        )
    assert over_stdio.message == "It answered, and has 11 tools."
    assert over_http == over_stdio
    assert refused == listing.ListingResult(message="Not this one.")
    assert over_stdio.tools is not None
    add = over_stdio.tools[0]
    assert add == {
        "name": "add",
        "description": "Add two numbers.",
        "hints": ["only reads"],
        "problem": "",
        "renamed": {},
        "parameters": {
            "type": "object",
            "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}},
            "required": ["a", "b"],
        },
    }
    assert not log.alive


@pytest.mark.parametrize(
    ("target", "message"),
    [
        (
            McpEndpoint(
                name="broken",
                timeout=5.0,
                command=(sys.executable, "-c", f"raise SystemExit('no key={SECRET}')"),
            ),
            "The MCP server broken has ended the connection. It said: no key=[redacted]",
        ),
        (
            McpEndpoint(name="slow", timeout=0.3, command=("sleep", "600")),
            "The MCP server slow did not answer within 0.3 seconds.",
        ),
        (
            McpEndpoint(name="gone", timeout=5.0, command=("/nowhere",)),
            "The MCP server gone cannot be started: No such file or directory.",
        ),
    ],
)
def test_it_tells_an_admin_why_there_is_no_list(target: McpEndpoint, message: str) -> None:
    assert listing.list_tools([target]) == [listing.ListingResult(message=message)]


ODD_LIST = [
    {"name": "plain", "inputSchema": {"type": "object", "properties": {}}},
    {"name": "bare"},
    {"name": "union", "inputSchema": {"anyOf": [{"properties": {"a": {}}}]}},
    {"name": "text", "inputSchema": {"type": "string"}},
    {"name": "named", "inputSchema": {"properties": {"$a": {}}}, "annotations": "none", "description": 7},
    {"name": "long", "inputSchema": {}, "description": "a" * 2_000},
    {"name": 5, "inputSchema": {}},
    "no tool",
    {"name": "plain", "inputSchema": {"type": "string"}},
]


def test_one_odd_tool_hides_no_other(settings: Settings) -> None:
    program = odd_list(ODD_LIST)
    [result] = listing.list_tools([McpEndpoint(name="odd", timeout=20.0, command=program)])
    assert result.tools is not None
    assert {tool["name"]: tool["problem"] for tool in result.tools} == {
        "plain": "",
        "bare": "",
        "union": "",
        "text": "its arguments are no object",
        "named": "",
        "long": "",
        "(tool 7)": "it has no name that can be used",
        "(tool 8)": "it has no name that can be used",
    }
    by_name = {tool["name"]: tool for tool in result.tools}
    assert by_name["named"]["renamed"] == {"_a": "$a"}
    assert by_name["long"]["hints"] == ["its description is cut at 1,024 characters"]
    assert len(by_name["long"]["description"]) == 1_024
    assert result.message == (
        "It answered, and has 9 tools. A tool with the same name as an earlier one is not listed. 3 tools cannot be offered "
        "(text: its arguments are no object; (tool 7): it has no name that can be used; "
        "(tool 8): it has no name that can be used)."
    )


@pytest.mark.parametrize(
    "schema",
    [
        pytest.param('{"type": "object", "properties": {"a": {"type": "string"}}}', id="as text"),
        pytest.param({"jsonSchema": {"properties": {"a": {"type": "string"}}}}, id="in a library's object"),
    ],
)
def test_a_schema_that_is_wrapped_loses_no_argument(schema: Any) -> None:
    program = odd_list([{"name": "look", "inputSchema": schema}])
    [result] = listing.list_tools([McpEndpoint(name="odd", timeout=20.0, command=program)])
    assert result.tools is not None
    assert result.tools[0]["parameters"]["properties"] == {"a": {"type": "string"}}


def test_an_admin_is_told_of_tools_beyond_the_limit(settings: Settings) -> None:
    settings.RUNNEL_MCP_TOOLS = 2
    tools = [{"name": f"look_{number}", "inputSchema": {}} for number in range(5)]
    [result] = listing.list_tools([McpEndpoint(name="odd", timeout=20.0, command=odd_list(tools))])
    assert result.tools is not None
    assert [tool["name"] for tool in result.tools] == ["look_0", "look_1"]
    assert (
        result.message == "It answered, and has 5 tools. 2 tools of them are listed; RUNNEL_MCP_TOOLS is 2."
    )


def odd_list(tools: list[Any]) -> tuple[str, ...]:
    """Return the command of a server that lists ``tools``."""
    return (sys.executable, odd_server.__file__, json.dumps(tools))
