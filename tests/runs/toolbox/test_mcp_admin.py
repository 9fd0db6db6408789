"""The admin's pages for MCP servers, with Django's client and real servers on loopback."""

import re
import sys
from pathlib import Path
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.contrib.messages import get_messages
from django.test import Client

from runs.models import McpServer
from runs.toolbox import usable
from tests.runs.rows import make_user
from tests.runs.toolbox.mcp_servers import CHILD, Log, serving

pytestmark = [
    pytest.mark.django_db(transaction=True),
    # Unfold 0.110 has not followed Django 6.1 here yet.
    pytest.mark.filterwarnings("ignore:Overriding get_action_choices"),
]

LIST = "/admin/runs/mcpserver/"
ADD = f"{LIST}add/"
CANARY = "canary-THIS-HEADER-MUST-NOT-LEAK-86420"


@pytest.fixture(autouse=True)
def loopback(settings: Any) -> None:
    settings.RUNNEL_ALLOW_LOOPBACK_PROVIDERS = True


@pytest.fixture
def root(client: Client) -> Client:
    client.force_login(make_user("root", is_staff=True, is_superuser=True))
    return client


@pytest.fixture
def log(tmp_path: Path) -> Log:
    return Log(tmp_path / "log")


def over_http(url: str, **fields: Any) -> dict[str, Any]:
    return {
        "name": "rivers",
        "transport": "http",
        "url": url,
        "timeout": "20",
        "is_enabled": "on",
        "requires_approval": "on",
        **fields,
    }


def said(response: Any) -> str:
    return " ".join(str(message) for message in get_messages(response.wsgi_request))


def test_an_admin_enters_one_lists_its_tools_and_offers_some(root: Client, log: Log) -> None:
    with serving(log) as url:
        form = over_http(url, secrets=f"X-Api-Key: {CANARY}", runs_mcpserver_save_and_list="1")
        root.post(ADD, form)
        server = McpServer.objects.get()
        page = f"{LIST}{server.pk}/change/"
        response = root.post(page, over_http(url, runs_mcpserver_save_and_list="1"))
    assert (response.status_code, response["location"]) == (302, page)
    server.refresh_from_db()
    assert {"add", "hang", "length"} <= {tool["name"] for tool in server.listed}
    assert "It answered, and has" in server.list_message
    assert server.allowed == []

    user = make_user("ada")
    assert not any(name.startswith("rivers__") for name in usable(user.pk))
    root.post(page, over_http(url, allowed=["add", "length"], exempt=["length"]))
    tools = usable(user.pk)
    offered = {name: tool for name, tool in tools.items() if name.startswith("rivers__")}
    assert {name: tool.requires_approval for name, tool in offered.items()} == {
        "rivers__add": True,
        "rivers__length": False,
    }
    assert {tool.source for tool in offered.values()} == {"mcp:rivers"}


def test_what_is_secret_is_never_shown_again(root: Client) -> None:
    root.post(ADD, over_http("https://8.8.8.8/mcp", secrets=f"Authorization: Bearer {CANARY}"))
    server = McpServer.objects.get()
    assert server.unseal() == {"Authorization": f"Bearer {CANARY}"}
    pages = [root.get(f"{LIST}{server.pk}/change/"), root.get(LIST), root.get(f"{LIST}{server.pk}/history/")]
    assert all(response.status_code == 200 for response in pages)
    assert not any(CANARY in response.text for response in pages)
    assert "Authorization" in pages[0].text
    assert CANARY not in server.sealed_secrets
    assert not LogEntry.objects.filter(change_message__contains=CANARY).exists()
    root.post(f"{LIST}{server.pk}/change/", over_http("https://8.8.8.8/mcp"))
    server.refresh_from_db()
    assert server.unseal() == {"Authorization": f"Bearer {CANARY}"}


def test_the_name_of_a_secret_is_no_markup(root: Client) -> None:
    server = McpServer(name="rivers", transport="http", url="https://8.8.8.8/mcp")
    server.seal({"<script>x</script>": CANARY})
    server.save()
    page = root.get(f"{LIST}{server.pk}/change/").text
    assert "&lt;script&gt;x&lt;/script&gt;" in page
    assert "<script>x" not in page


def test_secrets_do_not_move_to_another_address(root: Client) -> None:
    root.post(ADD, over_http("https://8.8.8.8/mcp", secrets=f"X-Key: {CANARY}"))
    server = McpServer.objects.get()
    response = root.post(f"{LIST}{server.pk}/change/", over_http("https://9.9.9.9/mcp"))
    assert response.status_code == 200
    assert "entered for another address" in response.text
    server.refresh_from_db()
    assert server.url == "https://8.8.8.8/mcp"


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"url": "http://8.8.8.8/mcp"}, "https"),
        ({"url": "https://10.0.0.1/mcp"}, "10.0.0.1"),
        ({"name": "Rivers 1"}, "lower-case"),
        ({"secrets": "no colon here"}, "Line 1 is not of the form"),
        ({"secrets": "Host: elsewhere"}, "no header that can be set"),
    ],
)
def test_it_says_what_is_wrong(fields: dict[str, Any], words: str, root: Client) -> None:
    response = root.post(ADD, over_http("https://8.8.8.8/mcp") | fields)
    assert response.status_code == 200
    assert words in response.text
    assert not McpServer.objects.exists()


def test_a_command_is_a_superusers_to_enter(client: Client, log: Log) -> None:
    form = {
        "name": "rivers",
        "transport": "stdio",
        "command": sys.executable,
        "arguments": f"{CHILD}\nstdio\n{log.path}",
        "timeout": "20",
        "is_enabled": "on",
        "requires_approval": "on",
    }
    clerk = make_user("clerk", is_staff=True)
    clerk.user_permissions.set(Permission.objects.filter(content_type__model="mcpserver"))
    client.force_login(clerk)
    response = client.post(ADD, form)
    assert response.status_code == 200
    assert not McpServer.objects.exists()

    client.force_login(make_user("root", is_staff=True, is_superuser=True))
    client.post(ADD, form)
    server = McpServer.objects.get()
    response = client.post(LIST, {"action": "list_selected", "_selected_action": [server.pk]})
    assert "It answered" in said(response)
    server.refresh_from_db()
    assert server.listed

    client.force_login(clerk)
    page = f"{LIST}{server.pk}/change/"
    assert client.get(page).status_code == 200
    assert client.post(page, {**form, "command": "/bin/sh"}).status_code == 403
    server.refresh_from_db()
    assert server.command == sys.executable


def test_one_that_does_not_answer_is_told(root: Client) -> None:
    root.post(ADD, over_http("http://127.0.0.1:9/mcp"))
    server = McpServer.objects.get()
    response = root.post(LIST, {"action": "list_selected", "_selected_action": [server.pk]})
    assert "cannot be reached" in said(response)
    server.refresh_from_db()
    assert (server.listed, server.listed_at) == ([], None)


def entry(name: str, problem: str = "") -> dict[str, Any]:
    return {
        "name": name,
        "description": "It " + "mends" * 60,
        "parameters": {"type": "object"},
        "hints": [],
        "problem": problem,
    }


@pytest.mark.parametrize(("offered", "taken"), [([], False), (["broken"], True)])
def test_a_tool_that_cannot_be_offered_can_only_be_taken_back(
    offered: list[str], taken: bool, root: Client
) -> None:
    listed = [entry("whole"), entry("broken", "its schema is a list")]
    server = McpServer.objects.create(
        name="odd", transport="http", url="https://mcp.example/mcp", listed=listed, allowed=offered
    )
    address = f"{LIST}{server.pk}/change/"
    page = root.get(address).content.decode()
    boxes = re.findall(r'<input type="checkbox" name="allowed"[^>]*>', page)
    marks = [
        tuple(re.search(rf"\s{mark}[\s>]", box) is not None for mark in ("disabled", "checked"))
        for box in boxes
    ]
    assert marks == [(False, False), (not taken, taken)]
    posted = over_http("https://mcp.example/mcp", name="odd", allowed=["whole", "broken"])
    answer = root.post(address, posted)
    assert (answer.status_code == 302) is taken
    server.refresh_from_db()
    assert server.allowed == (["whole", "broken"] if taken else [])
