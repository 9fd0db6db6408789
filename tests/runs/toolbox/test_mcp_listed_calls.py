"""MCP servers of the database: what a call of their tools reaches, with which secrets, and what is refused."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command
from pytest_django.fixtures import Settings

from concurrency.threads import readers
from runs.models import McpServer
from runs.toolbox import InvalidArguments, Tool, ToolError
from runs.toolbox.mcp import close_all
from runs.toolbox.mcp.target import Unusable, read
from tests.runs.rows import make_user
from tests.runs.toolbox.mcp_rows import SECRET, bound, entry, make, make_command, mine
from tests.runs.toolbox.mcp_servers import Log

pytestmark = pytest.mark.django_db(transaction=True)


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
