"""``RUNNEL_ALLOW_STDIO_MCP=false``: no command is entered, offered, listed or started."""

from typing import Any

import pytest
from django.test import Client

from runs.calls import offers
from runs.errors import Unsupported
from runs.models import McpServer
from runs.toolbox import ToolError, usable
from runs.toolbox.mcp import listed_tools
from runs.toolbox.mcp.target import Unusable, read
from tests.runs.rows import make_user
from tests.runs.toolbox.mcp_rows import make

pytestmark = [
    pytest.mark.django_db(transaction=True),
    # Unfold 0.110 has not followed Django 6.1 here yet.
    pytest.mark.filterwarnings("ignore:Overriding get_action_choices"),
]

LIST = "/admin/runs/mcpserver/"


@pytest.fixture
def command() -> McpServer:
    return make(transport="stdio", url="", command="/bin/true", requires_approval=False)


@pytest.fixture
def off(settings: Any) -> None:
    settings.RUNNEL_ALLOW_STDIO_MCP = False


def test_a_stored_command_is_unusable_and_says_why(command: McpServer, settings: Any) -> None:
    assert read(command).command == ("/bin/true",)
    settings.RUNNEL_ALLOW_STDIO_MCP = False
    with pytest.raises(Unusable, match="RUNNEL_ALLOW_STDIO_MCP=true"):
        read(command)
    with pytest.raises(ToolError, match="cannot be used as it is set up"):
        listed_tools._target(command.pk, "read")


def test_its_tools_are_not_offered(command: McpServer, settings: Any) -> None:
    ada = make_user("ada")
    assert "rivers__read" in usable(ada.pk)
    settings.RUNNEL_ALLOW_STDIO_MCP = False
    assert not any(name.startswith("rivers") for name in usable(ada.pk))
    with pytest.raises(Unsupported, match="RUNNEL_ALLOW_STDIO_MCP"):
        offers.chosen(ada.pk, ["rivers__read"], [], strict=True)


@pytest.mark.usefixtures("off")
def test_not_even_a_superuser_enters_one(client: Client) -> None:
    client.force_login(make_user("root", is_staff=True, is_superuser=True))
    page = client.get(f"{LIST}add/")
    assert "RUNNEL_ALLOW_STDIO_MCP=true" in page.text
    assert 'value="stdio"' not in page.text
    form = {"name": "rivers", "transport": "stdio", "command": "/bin/true", "timeout": "20"}
    assert client.post(f"{LIST}add/", form).status_code == 200
    assert not McpServer.objects.exists()


@pytest.mark.usefixtures("off")
def test_listing_its_tools_starts_nothing(client: Client, command: McpServer) -> None:
    client.force_login(make_user("root", is_staff=True, is_superuser=True))
    client.post(LIST, {"action": "list_selected", "_selected_action": [command.pk]})
    command.refresh_from_db()
    assert "switched off here" in command.list_message


def test_the_form_says_what_an_address_on_this_machine_needs(client: Client) -> None:
    client.force_login(make_user("root", is_staff=True, is_superuser=True))
    assert "RUNNEL_ALLOW_LOOPBACK_PROVIDERS=true" in client.get(f"{LIST}add/").text
