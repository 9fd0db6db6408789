import asyncio
import threading
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from emulator import Emulator
from providers.call.trace import without_files
from providers.types.events import UsageSeen
from providers.types.trace import TraceStatus
from tests.providers.call.test_adapter_results import CHAT_END, CHAT_USAGE, chat_text
from tests.providers.calling import KEY, Call, at, emulated, until
from tests.providers.upstream import answering, streaming, upstream

LONG = "A long conversation, and another word of it. " * 5_000


async def until_counted(call: Call) -> None:
    """Wait for the usage, the last thing that an answer tells."""
    await until(lambda: any(isinstance(event, UsageSeen) for event in call.sink.events), seconds=10)


@pytest.fixture
async def busy_threads(emulator: Emulator) -> AsyncIterator[threading.Event]:
    """The loop's threads do nothing until the event is set; the way to the emulator is open already."""
    await Call(emulated("echo", "openai-chat")).start()
    free = threading.Event()
    threads = ThreadPoolExecutor(1)
    asyncio.get_running_loop().set_default_executor(threads)
    threads.submit(free.wait)
    yield free
    free.set()


async def test_a_long_request_is_redacted_like_a_short_one(fresh_clients: None) -> None:
    async with upstream(streaming(chat_text(b"Yes."), CHAT_END, CHAT_USAGE)) as server:
        call = Call(at(server.origin, "openai-chat"), prompt=f"{LONG}My key is {KEY}, keep it.")
        await asyncio.wait_for(call.start(), 10)
    assert f"{LONG}My key is [redacted], keep it." in str(call.trace.request)
    assert call.trace.status is TraceStatus.COMPLETED


async def test_a_key_that_a_provider_quotes_beside_its_answer_is_not_kept(fresh_clients: None) -> None:
    headers = ("content-type: text/event-stream", f"x-request-id: no-{KEY}")
    body = chat_text(b"Yes.") + CHAT_END + CHAT_USAGE
    async with upstream(answering("200 OK", body, *headers)) as server:
        call = Call(at(server.origin, "openai-chat"))
        await asyncio.wait_for(call.start(), 10)
    assert call.trace.upstream_request_id == "no-[redacted]"
    assert KEY not in repr(call.trace)


async def test_nobody_on_the_loop_waits_while_a_long_request_is_redacted(
    emulator: Emulator, busy_threads: threading.Event
) -> None:
    call = Call(emulated("echo", "openai-chat"), prompt=LONG)
    task = call.start()
    await until_counted(call)
    await asyncio.sleep(0.3)
    assert not task.done()
    busy_threads.set()
    await asyncio.wait_for(task, 10)
    assert LONG in str(call.trace.request)


async def test_a_short_call_needs_no_thread(emulator: Emulator, busy_threads: threading.Event) -> None:
    call = Call(emulated("echo", "openai-chat"))
    await asyncio.wait_for(call.start(), 10)
    assert call.trace.request is not None


async def test_without_payloads_no_call_needs_a_thread(
    emulator: Emulator, busy_threads: threading.Event, settings: Settings
) -> None:
    settings.RUNNEL_TRACE_PAYLOADS = False
    await asyncio.wait_for(Call(emulated("echo", "openai-chat"), prompt=LONG).start(), 10)


async def test_a_cancellation_from_outside_does_not_wait_for_a_long_trace(
    emulator: Emulator, busy_threads: threading.Event
) -> None:
    call = Call(emulated("echo", "openai-chat"), prompt=LONG)
    task = call.start()
    await until_counted(call)
    await asyncio.sleep(0.3)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(task, 1)
    assert call.trace.request is None
    assert call.trace.status is TraceStatus.COMPLETED


async def test_a_call_that_is_cancelled_from_outside_needs_no_thread(
    emulator: Emulator, busy_threads: threading.Event
) -> None:
    call = Call(emulated("drip", "openai-chat"), prompt=LONG)
    task = call.start()
    await asyncio.wait_for(call.sink.heard.wait(), 10)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(task, 1)
    assert call.trace.status is TraceStatus.CANCELLED


async def test_an_answer_does_not_wait_for_ever_for_its_trace(
    emulator: Emulator, busy_threads: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("providers.adapter._DESCRIBE_SECONDS", 0.2)
    call = Call(emulated("echo", "openai-chat"), prompt=LONG)
    result = await asyncio.wait_for(call.start(), 10)
    assert result.text == call.sink.text != ""
    assert call.trace.request is None
    assert call.trace.raw_usage == result.raw_usage


@pytest.mark.parametrize(
    "shown",
    [
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{'A' * 9_000}"}},
        {"type": "input_image", "image_url": f"data:image/png;base64,{'A' * 9_000}"},
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "A" * 9_000}},
        {"inlineData": {"mimeType": "image/png", "data": "A" * 9_000}},
        {"type": "file", "file": {"filename": "a.pdf", "file_data": "A" * 9_000}},
    ],
)
def test_of_a_file_only_its_beginning_is_kept(shown: dict[str, Any]) -> None:
    kept = str(without_files({"messages": [{"content": [shown, {"type": "text", "text": "A" * 9_000}]}]}))

    assert "A" * 9_000 in kept
    assert kept.count("A" * 9_000) == 1
    assert "characters of a file" in kept


def test_short_files_and_long_words_are_kept_whole() -> None:
    body = {"data": "A" * 500, "url": "a word " * 1_000}

    assert without_files(body) == body


async def test_it_says_what_stood_beside_the_events(fresh_clients: None) -> None:
    frames = (b": wait\n\n", chat_text(b"Yes."), CHAT_END, CHAT_USAGE, b"retry: 5\n\ndata: [DONE]\n\n")
    async with upstream(streaming(*frames)) as server:
        call = Call(at(server.origin, "openai-chat"))
        await asyncio.wait_for(call.start(), 10)
    assert call.trace.oddities == ("comment", "done", "retry")


async def test_it_keeps_text_that_was_no_event(fresh_clients: None) -> None:
    frames = (chat_text(b"Yes."), f"Gateway gone, key {KEY}\n\n".encode())
    async with upstream(streaming(*frames)) as server:
        call = Call(at(server.origin, "openai-chat"))
        await call.failure()
    assert call.trace.error is not None
    assert call.trace.error["foreign_text"] == "Gateway gone, key [redacted]"
