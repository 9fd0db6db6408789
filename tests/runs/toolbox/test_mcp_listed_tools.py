"""MCP servers of the database: what they offer, and to whom."""

import pytest
from django.contrib.auth.models import Group
from pytest_django.fixtures import Settings

from runs.calls import offers
from runs.errors import NoSuchTool, Unsupported
from runs.models.mcp_server import Transport
from runs.toolbox import usable
from runs.toolbox.mcp.listed_tools import offered_name
from tests.runs.rows import make_user
from tests.runs.toolbox.mcp_rows import entry, make, mine

pytestmark = pytest.mark.django_db(transaction=True)


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


def test_a_start_with_a_tool_that_cannot_be_offered_is_told_why() -> None:
    make("lakes", listed=[entry("read"), entry("fill", problem="it is too large")], allowed=["read"])
    ada = make_user()
    with pytest.raises(
        Unsupported, match=r"The tool lakes__fill cannot be offered to a model: it is too large\."
    ):
        offers.chosen(ada.pk, ["lakes__read", "lakes__fill"], [], strict=True)
    with pytest.raises(NoSuchTool):
        offers.chosen(ada.pk, ["lakes__drain"], [], strict=True)


def test_a_tool_that_an_older_version_listed_is_mended() -> None:
    old = entry("read", parameters={"type": "object", "properties": {"$top": {"type": "array"}}})
    unusable = entry("write", parameters={"type": "string"})
    make(listed=[old, unusable], allowed=["read", "write"])
    tools = mine(make_user())
    assert {name: tool.parameters["properties"] for name, tool in tools.items()} == {
        "rivers__read": {"_top": {"type": "array", "items": {}}}
    }
