"""A run whose model calls the tools of MCP servers: they ask first, answer, and stop when the run does."""

import base64
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import sync_to_async

import emulator
from concurrency.threads import readers
from providers import clients
from providers.types import ToolResultPart
from runs.engine import supervisor
from runs.models import ApiToken, File, McpServer, Message, Run, ToolCall
from runs.models.mcp_server import Transport
from runs.store import history
from runs.toolbox import ToolError
from runs.toolbox.mcp import close_all, listed_tools, listing
from runs.toolbox.mcp.target import read
from tests.runs.rows import make_user
from tests.runs.sockets import Socket, bearer, is_terminal
from tests.runs.toolbox import odd_server
from tests.runs.toolbox.mcp_servers import CHILD, Log, serving

pytestmark = pytest.mark.django_db(transaction=True)

type Json = dict[str, Any]


def listed(*, secrets: dict[str, str] | None = None, **columns: Any) -> McpServer:
    """Store a server with all the tools that it says it has."""
    server = McpServer(name="rivers", **columns)
    server.seal(secrets or {})
    (outcome,) = listing.list_tools([read(server)])
    assert outcome.tools is not None, outcome.message
    server.listed = outcome.tools
    server.allowed = [tool["name"] for tool in outcome.tools]
    server.save()
    return server


@pytest.fixture
def log(tmp_path: Path) -> Log:
    return Log(tmp_path / "log")


@pytest.fixture
async def socket(settings: Any) -> Any:
    settings.RUNNEL_DRAIN_SECONDS = 0.0
    settings.RUNNEL_ALLOW_LOOPBACK_PROVIDERS = True
    user = await sync_to_async(make_user)("ada")
    _, token = await readers.run(ApiToken.issue, user)
    opened = await Socket(bearer(token)).open()
    yield opened
    await opened.close()
    await supervisor.current().drain()
    await close_all()
    await clients.close_all()
    await emulator.close_shared()


def order(name: str, /, **arguments: Any) -> str:
    return f"[[call rivers__{name} {json.dumps(arguments)}]]"


async def start(socket: Socket, text: str, *names: str) -> str:
    tools = [f"rivers__{name}" for name in names]
    run_id: str = (await socket.start("emulator/calls", text, options={"tools": tools}))["run_id"]
    return run_id


async def segment(socket: Socket, run_id: str, number: int) -> Json:
    """Wait until so many segments of a run have ended; return the last event."""
    await socket.until(lambda: sum(map(is_terminal, socket.events(run_id))) == number, timeout=30.0)
    return socket.events(run_id)[-1]


async def approve(socket: Socket, run_id: str, end: Json) -> None:
    resume = [
        {
            "interruptId": each["id"],
            "status": "resolved",
            "payload": {"approved": True},
            "metadata": {"digest": each["metadata"]["digest"]},
        }
        for each in end["outcome"]["interrupts"]
    ]
    answer = await socket.ask("resolve", run_id=run_id, resume=resume)
    assert answer["type"] == "ok", answer


def results(socket: Socket, run_id: str) -> list[tuple[str, str]]:
    return [
        (event["metadata"]["status"], event["content"])
        for event in socket.events(run_id)
        if event["type"] == "TOOL_CALL_RESULT"
    ]


@pytest.mark.parametrize("transport", ["stdio", "http"])
async def test_they_ask_first_and_answer_like_any_other(transport: str, socket: Socket, log: Log) -> None:
    if transport == "stdio":
        arguments = [str(CHILD), "stdio", str(log.path)]
        columns: Json = {"transport": Transport.STDIO, "command": sys.executable, "arguments": arguments}
        await ask_and_approve(socket, columns)
        return
    with serving(log) as url:
        await ask_and_approve(socket, {"transport": Transport.HTTP, "url": url})


async def ask_and_approve(socket: Socket, columns: Json) -> None:
    await readers.run(lambda: listed(exempt=["count"], **columns))
    text = order("add", a=2, b=40) + order("count") + order("fail")
    run_id = await start(socket, text, "add", "count", "fail")
    end = await segment(socket, run_id, 1)
    names = [each["metadata"]["name"] for each in end["outcome"]["interrupts"]]
    assert names == ["rivers__add", "rivers__fail"]
    assert results(socket, run_id) == []
    await approve(socket, run_id, end)
    assert (await segment(socket, run_id, 2))["outcome"] == {"type": "success"}
    assert sorted(results(socket, run_id)) == [
        ("failed", "Error executing tool fail: The river is dry."),
        ("succeeded", "1"),
        ("succeeded", "42"),
    ]
    assert "- 42\n- 1\n- Error executing tool fail: The river is dry." in socket.said(run_id)
    assert await readers.run(lambda: set(ToolCall.objects.values_list("source", flat=True))) == {"mcp:rivers"}


async def test_a_tool_that_prints_its_secrets_tells_nobody(socket: Socket, log: Log) -> None:
    secrets = {"RIVER_KEY": "secret-of-a-river-86420", "RIVER_UNIT": "km"}
    columns = {"transport": Transport.STDIO, "command": sys.executable, "requires_approval": False}
    await readers.run(
        lambda: listed(secrets=secrets, arguments=[str(CHILD), "stdio", str(log.path)], **columns)
    )
    text = order("environment", name="RIVER_KEY") + order("environment", name="RIVER_UNIT")
    run_id = await start(socket, text, "environment")
    await segment(socket, run_id, 1)
    assert sorted(results(socket, run_id)) == [("succeeded", "[redacted]"), ("succeeded", "km")]
    assert not any(secrets["RIVER_KEY"] in text for text in socket.received)
    stored = await readers.run(lambda: str(list(ToolCall.objects.values()) + list(Message.objects.values())))
    assert "[redacted]" in stored
    assert secrets["RIVER_KEY"] not in stored


async def test_a_cancel_reaches_the_server_and_leaves_no_process(socket: Socket, log: Log) -> None:
    arguments = [str(CHILD), "stdio", str(log.path)]
    await readers.run(
        lambda: listed(
            transport=Transport.STDIO,
            command=sys.executable,
            arguments=arguments,
            requires_approval=False,
        )
    )
    run_id = await start(socket, order("hang"), "hang")
    await log.until("hang begins")
    assert (await socket.ask("cancel", run_id=run_id))["state"] == "requested"
    assert (await socket.ended(run_id))["outcome"] == {"type": "cancelled"}
    ((status, content),) = results(socket, run_id)
    assert status == "interrupted"
    assert "may have taken effect" in content
    await log.until("hang is cancelled")
    await log.until_nobody_is_left()


async def test_a_server_that_is_gone_is_an_answer_and_the_run_goes_on(socket: Socket, log: Log) -> None:
    with serving(log) as url:
        await readers.run(lambda: listed(transport=Transport.HTTP, url=url, requires_approval=False))
    run_id = await start(socket, order("add", a=1, b=1), "add")
    assert (await socket.ended(run_id))["outcome"] == {"type": "success"}
    ((status, content),) = results(socket, run_id)
    assert status == "failed"
    assert content == "The MCP server rivers cannot be reached."


def odd(*names: str) -> McpServer:
    tools = [{"name": name, "inputSchema": {"type": "object", "properties": {}}} for name in names]
    arguments = [odd_server.__file__, json.dumps(tools)]
    return listed(
        transport=Transport.STDIO, command=sys.executable, arguments=arguments, requires_approval=False
    )


async def test_a_picture_reaches_the_model_and_the_person(socket: Socket) -> None:
    await readers.run(odd, "picture")
    run_id = await start(socket, order("picture"), "picture")
    assert (await socket.ended(run_id))["outcome"] == {"type": "success"}

    [result] = [event for event in socket.events(run_id) if event["type"] == "TOOL_CALL_RESULT"]
    assert result["content"] == "Look:\n[image, image/png, 70 bytes]"
    [shown] = result["metadata"]["files"]
    assert (shown["mime_type"], shown["size"]) == ("image/png", 70)
    content = base64.b64decode(odd_server.PNG)
    assert await readers.run(stored_content, shown["id"]) == content

    def kept() -> tuple[Any, ...]:
        call, run = ToolCall.objects.get(), Run.objects.get()
        messages = history.of_branch(run.pk)
        [part] = [part for message in messages for part in message.parts if isinstance(part, ToolResultPart)]
        return call.files, part.media

    files, media = await readers.run(kept)
    assert files == [shown]
    assert [(file.kind, file.mime_type, file.data) for file in media] == [
        ("image", "image/png", odd_server.PNG)
    ]
    # What is deleted is named to the model.
    await readers.run(lambda: File.objects.get().delete())
    _, media = await readers.run(kept)
    assert media == ()


def stored_content(file_id: str) -> bytes:
    file = File.objects.get(pk=file_id)
    assert file.owner.get_username() == "ada"
    with file.content.open() as content:
        return bytes(content.read())


async def test_progress_is_asked_for_and_shown(socket: Socket) -> None:
    await readers.run(odd, "steps")
    run_id = await start(socket, order("steps"), "steps")
    assert (await socket.ended(run_id))["outcome"] == {"type": "success"}

    events = socket.events(run_id)
    notes = [event["value"] for event in events if event.get("name") == "tool_progress"]
    [call_id] = [event["toolCallId"] for event in events if event["type"] == "TOOL_CALL_START"]
    assert notes[0] == {"toolCallId": call_id, "progress": 1.0, "total": 4.0, "message": "step 1"}
    assert notes[-1]["progress"] == 4.0
    kinds = [event.get("name") or event["type"] for event in events]
    assert kinds.index("TOOL_CALL_END") < kinds.index("tool_progress") < kinds.index("TOOL_CALL_RESULT")


def other_command(server: McpServer) -> None:
    server.arguments = [*server.arguments, "--swapped"]
    server.seal({})
    server.save()


def other_row(server: McpServer) -> None:
    columns = {name: getattr(server, name) for name in ("command", "arguments", "listed", "allowed")}
    server.delete()
    made = McpServer(name="rivers", transport=Transport.STDIO, **columns)
    made.seal({})
    made.save()


def listed_again(server: McpServer) -> None:
    for entry in server.listed:
        entry["description"] = "Add two numbers, and send them to a stranger."
    server.save()


@pytest.mark.parametrize("change", [other_command, other_row, listed_again])
async def test_what_is_swapped_while_a_call_waits_is_not_executed(
    change: Callable[[McpServer], None], socket: Socket, log: Log
) -> None:
    arguments = [str(CHILD), "stdio", str(log.path)]
    columns: Json = {"transport": Transport.STDIO, "command": sys.executable, "arguments": arguments}
    server = await readers.run(lambda: listed(**columns))
    run_id = await start(socket, order("add", a=2, b=40), "add")
    end = await segment(socket, run_id, 1)
    processes = {pid for pid, _ in log.lines}
    await readers.run(change, server)
    await approve(socket, run_id, end)
    assert (await segment(socket, run_id, 2))["outcome"] == {"type": "success"}
    ((status, content),) = results(socket, run_id)
    assert status == "failed"
    assert "was changed while this call waited" in content
    assert {pid for pid, _ in log.lines} == processes


async def test_an_approval_without_its_digest_changes_nothing(socket: Socket, log: Log) -> None:
    columns: Json = {"transport": Transport.STDIO, "command": sys.executable}
    await readers.run(lambda: listed(arguments=[str(CHILD), "stdio", str(log.path)], **columns))
    run_id = await start(socket, order("add", a=2, b=40), "add")
    end = await segment(socket, run_id, 1)
    [waiting] = end["outcome"]["interrupts"]
    blind = {"interruptId": waiting["id"], "status": "resolved", "payload": {"approved": True}}
    answer = await socket.ask("resolve", run_id=run_id, resume=[blind])
    assert (answer["type"], answer["code"]) == ("error", "bad_frame")
    assert "digest" in answer["message"]
    await approve(socket, run_id, end)
    await segment(socket, run_id, 2)
    assert results(socket, run_id) == [("succeeded", "42")]


def test_what_is_swapped_after_an_approval_is_not_called(transactional_db: None) -> None:
    server = McpServer.objects.create(
        name="rivers", transport=Transport.HTTP, url="https://8.8.8.8/mcp", allowed=["add"]
    )
    approved = listed_tools._executor(server)
    assert listed_tools._target(server.pk, "add", approved).url == "https://8.8.8.8/mcp"
    server.url = "https://8.8.4.4/mcp"
    server.save()
    assert listed_tools._target(server.pk, "add").url == "https://8.8.4.4/mcp"
    with pytest.raises(ToolError, match="changed after the call was approved"):
        listed_tools._target(server.pk, "add", approved)
