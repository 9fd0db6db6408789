"""MCP servers of the database: what they offer, to whom, and what happens when they are called all the same."""

import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.contrib.auth.models import Group
from django.core.management import CommandError, call_command
from pytest_django.fixtures import Settings

from concurrency.threads import readers
from runs.calls import offers
from runs.errors import NoSuchTool, Unsupported
from runs.models import McpServer
from runs.models.mcp_server import Transport
from runs.toolbox import InvalidArguments, Tool, ToolContext, ToolError, usable
from runs.toolbox.mcp import close_all, listing
from runs.toolbox.mcp.listed_tools import offered_name
from runs.toolbox.mcp.target import McpEndpoint, Unusable, read
from tests.runs.rows import make_user
from tests.runs.toolbox import odd_server
from tests.runs.toolbox.mcp_servers import CHILD, Log, http, serving, stdio

pytestmark = pytest.mark.django_db(transaction=True)

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


def test_what_is_allowed_is_offered_with_approval() -> None:
    make(allowed=["read", "gone"], timeout=7.0)
    tools = mine(make_user())
    assert list(tools) == ["rivers__read"]
    tool = tools["rivers__read"]
    assert (
        tool.description,
        tool.source,
        tool.requires_approval,
        tool.timeout,
        tool.is_async,
        tool.idempotent,
    ) == (
        "Do read.",
        "mcp:rivers",
        True,
        7.0,
        True,
        False,
    )
    assert tool.parameters == entry("read")["parameters"]


def test_nothing_is_offered_that_nobody_allowed() -> None:
    make(allowed=[])
    make("seas", is_enabled=False)
    make("lakes", listed=[entry("read", problem="it is too large")])
    assert mine(make_user()) == {}


def test_an_admin_may_exempt_tools_or_a_whole_server_from_approval() -> None:
    make(exempt=["read"])
    make("seas", requires_approval=False)
    gated = {name: tool.requires_approval for name, tool in mine(make_user()).items()}
    assert gated == {
        "rivers__read": False,
        "rivers__write": True,
        "seas__read": False,
        "seas__write": False,
    }


def test_groups_decide_who_may_use_a_server() -> None:
    ada, eve = make_user(), make_user("eve")
    sailors, divers = Group.objects.create(name="sailors"), Group.objects.create(name="divers")
    make().groups.set([sailors, divers])
    assert mine(ada) == {}
    ada.groups.set([sailors, divers])
    assert list(mine(ada)) == ["rivers__read", "rivers__write"]
    assert mine(eve) == {}


def test_usable_asks_no_server_and_has_one_order(settings: Settings) -> None:
    make("zoo", url="http://127.0.0.1:9/mcp")
    make("air", transport=Transport.STDIO, command="/nowhere", url="")
    names = list(usable(make_user().pk))
    assert names == sorted(names)
    assert {"air__read", "calculate", "zoo__write"} <= set(names)


@pytest.mark.parametrize("tool", ["read", "read.me", "a/b", "ä", "x" * 128, "read_me"])
def test_names_fit_every_provider_and_stay_apart(tool: str) -> None:
    name = offered_name("rivers-of-the-whole-wor", tool)
    assert len(name) <= 64
    assert name.isascii()
    assert name.replace("-", "").replace("_", "").isalnum()
    assert name == offered_name("rivers-of-the-whole-wor", tool)
    others = {offered_name("rivers-of-the-whole-wor", f"{tool}{sign}") for sign in ("_", ".", "/")}
    assert len(others | {name}) == 4


def bound(tool: Tool, text: str, conversation_id: UUID | None = None) -> Any:
    context = ToolContext(
        user_id=1, conversation_id=conversation_id or UUID(int=5), run_id=uuid4(), call_id=uuid4()
    )
    return tool.bind(text, context)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[1]", "one JSON object"),
        ("{", "not valid JSON"),
        ("{}", "The argument a is missing."),
        ('{"a": "", "b": 1}', "There is no argument b. The arguments are: a."),
    ],
)
def test_arguments_are_looked_at_before_the_call(text: str, sentence: str) -> None:
    closed = {**entry("read")["parameters"], "additionalProperties": False}
    make(listed=[entry("read", parameters=closed)])
    with pytest.raises(InvalidArguments, match=sentence):
        bound(mine(make_user())["rivers__read"], text)


@pytest.fixture
async def sessions(settings: Settings) -> AsyncIterator[None]:
    settings.RUNNEL_ALLOW_LOOPBACK_PROVIDERS = True
    yield
    await close_all()
    await readers.close()


@pytest.fixture
def log(tmp_path: Path) -> Log:
    return Log(tmp_path / "log")


async def offered(name: str) -> Tool:
    def look() -> Tool:
        return mine(make_user(uuid4().hex))[name]

    return await readers.run(look)


@pytest.mark.usefixtures("sessions")
async def test_a_call_reaches_the_server_with_the_rows_secrets(log: Log) -> None:
    await readers.run(make_command, log, secrets={"RIVER": SECRET})
    assert (await bound(await offered("rivers__add"), '{"a": 1, "b": 2}')()).text == "3"
    answer = await bound(await offered("rivers__environment"), '{"a": "", "name": "RIVER"}')()
    # It was there; nobody reads it.
    assert answer.text == "[redacted]"


@pytest.mark.usefixtures("sessions")
async def test_what_was_taken_away_meanwhile_is_not_called(log: Log) -> None:
    server = await readers.run(make_command, log)
    tool = await offered("rivers__count")
    assert (await bound(tool, "")()).text == "1"
    for columns in ({"allowed": ["add"]}, {"allowed": ["count"], "is_enabled": False}):
        await readers.run(McpServer.objects.filter(pk=server.pk).update, **columns)
        with pytest.raises(ToolError, match="not offered any more"):
            await bound(tool, "")()
    await readers.run(server.delete)
    with pytest.raises(ToolError, match="not offered any more"):
        await bound(tool, "")()


@pytest.mark.usefixtures("sessions")
@pytest.mark.parametrize(
    "columns",
    [{"command": "/bin/sh"}, {"arguments": ["-c", "id"]}, {"sealed_secrets": ""}, {"sealed_secrets": "x"}],
)
async def test_a_command_that_was_changed_in_the_database_is_not_executed(log: Log, columns: Any) -> None:
    server = await readers.run(make_command, log)
    await readers.run(McpServer.objects.filter(pk=server.pk).update, **columns)
    with pytest.raises(ToolError, match="cannot be used as it is set up"):
        await bound(await offered("rivers__count"), "")()
    assert log.events == []


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://8.8.8.8/mcp", "https"),
        ("https://127.0.0.1/mcp", "switched off"),
        ("https://10.0.0.1/mcp", "public"),
        ("https://169.254.169.254/", "public"),
    ],
)
def test_an_address_is_judged_again_when_it_is_used(url: str, why: str) -> None:
    with pytest.raises(Unusable, match=why):
        read(make(url=url))


@pytest.mark.parametrize("debug", [True, False])
def test_only_the_setting_allows_this_machine(debug: bool, settings: Settings) -> None:
    settings.DEBUG = debug
    server = make(url="http://127.0.0.1:9/mcp")
    with pytest.raises(Unusable, match="RUNNEL_ALLOW_LOOPBACK_PROVIDERS=true"):
        read(server)
    settings.RUNNEL_ALLOW_LOOPBACK_PROVIDERS = True
    assert read(server).url == "http://127.0.0.1:9/mcp"


def test_secrets_open_for_one_address_only_and_are_seen_nowhere() -> None:
    server = make(secrets={"Authorization": f"Bearer {SECRET}"})
    assert read(server).secrets == (("Authorization", f"Bearer {SECRET}"),)
    assert SECRET not in repr(read(server))
    assert SECRET not in "".join(map(str, McpServer.objects.values_list().get()))
    server.url = "https://8.8.8.8/other/path"
    assert read(server).secrets
    server.url = "https://8.8.4.4/mcp"
    with pytest.raises(Unusable, match="Enter its secrets again"):
        read(server)


def test_a_new_secret_key_is_followed_by_resealing(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    server = make(secrets={"X-Key": SECRET})
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another-secret-key"

    call_command("reseal_keys")

    settings.SECRET_KEY_FALLBACKS = []
    server.refresh_from_db()
    assert server.unseal() == {"X-Key": SECRET}
    settings.SECRET_KEY = "a-third-one"
    with pytest.raises(CommandError, match="rivers"):
        call_command("reseal_keys")


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


def test_a_start_with_a_tool_that_cannot_be_offered_is_told_why() -> None:
    make("lakes", listed=[entry("read"), entry("fill", problem="it is too large")], allowed=["read"])
    ada = make_user()
    with pytest.raises(
        Unsupported, match=r"The tool lakes__fill cannot be offered to a model: it is too large\."
    ):
        offers.chosen(ada.pk, ["lakes__read", "lakes__fill"], [], strict=True)
    with pytest.raises(NoSuchTool):
        offers.chosen(ada.pk, ["lakes__drain"], [], strict=True)


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


def test_a_tool_that_an_older_version_listed_is_mended() -> None:
    old = entry("read", parameters={"type": "object", "properties": {"$top": {"type": "array"}}})
    unusable = entry("write", parameters={"type": "string"})
    make(listed=[old, unusable], allowed=["read", "write"])
    tools = mine(make_user())
    assert {name: tool.parameters["properties"] for name, tool in tools.items()} == {
        "rivers__read": {"_top": {"type": "array", "items": {}}}
    }
