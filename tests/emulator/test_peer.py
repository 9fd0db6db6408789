import asyncio
import json
import time

import pytest

from emulator import EmulatedExchange, Emulator, ExchangeOutcome


def chat(model: str) -> bytes:
    body = json.dumps({"model": model, "stream": True, "messages": [{"role": "user", "content": "x"}]})
    return (
        f"POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(body)}\r\n\r\n{body}"
    ).encode()


async def connect(emulator: Emulator) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection("127.0.0.1", int(emulator.origin.rpartition(":")[2]))


def stop_reading(writer: asyncio.StreamWriter) -> None:
    assert isinstance(writer.transport, asyncio.Transport)
    writer.transport.pause_reading()


def is_under_way(exchange: EmulatedExchange) -> bool:
    return exchange.is_open


@pytest.mark.parametrize("model", ["silent", "stall-headers", "stall-mid", "drip", "fast", "long"])
@pytest.mark.parametrize("abort", [False, True], ids=["close", "reset"])
async def test_it_knows_within_milliseconds_that_its_peer_has_gone(
    emulator: Emulator, model: str, abort: bool
):
    _, writer = await connect(emulator)
    writer.write(chat(model))
    exchange = await emulator.wait_for(is_under_way)
    await asyncio.sleep(0.05)
    closed = time.monotonic()
    if abort:
        writer.transport.abort()
    else:
        writer.close()

    await emulator.wait_for(lambda each: not each.is_open)

    assert exchange.outcome is ExchangeOutcome.PEER_GONE
    assert exchange.ended is not None
    # About 0.2 ms where nothing else runs.
    assert -0.001 < exchange.ended - closed < 0.1
    assert exchange.ended_at is not None
    assert emulator.active == ()


async def test_it_knows_that_its_peer_has_gone_while_the_peer_reads_nothing(emulator: Emulator):
    reader, writer = await connect(emulator)
    stop_reading(writer)
    writer.write(chat("fast"))
    exchange = await emulator.wait_for(is_under_way)
    sent = -1
    while sent != exchange.bytes_sent:
        sent = exchange.bytes_sent
        await asyncio.sleep(0.1)
    assert exchange.is_open, "the socket took ten thousand tokens that nobody read"

    writer.transport.abort()

    gone = await emulator.wait_for(lambda each: each.outcome is ExchangeOutcome.PEER_GONE, timeout=1)
    assert gone is exchange
    assert await reader.read() == b""


async def test_it_counts_an_answer_as_finished_when_the_peer_leaves_after_its_end(emulator: Emulator):
    _, writer = await connect(emulator)
    writer.write(chat("length"))
    exchange = await emulator.wait_for(lambda each: not each.is_open)
    writer.close()
    await asyncio.sleep(0.05)

    assert exchange.outcome is ExchangeOutcome.FINISHED


async def test_it_serves_others_while_one_reads_nothing(emulator: Emulator):
    _, stalled = await connect(emulator)
    stop_reading(stalled)
    stalled.write(chat("fast"))
    reader, writer = await connect(emulator)
    writer.write(chat("length"))

    answer = await asyncio.wait_for(reader.readuntil(b"[DONE]"), 2)

    assert answer.startswith(b"HTTP/1.1 200 OK")
    for each in (stalled, writer):
        each.transport.abort()


async def test_closing_cuts_what_is_under_way_and_says_so():
    emulator = await Emulator.start()
    reader, writer = await connect(emulator)
    writer.write(chat("silent"))
    exchange = await emulator.wait_for(is_under_way)
    idle_reader, idle_writer = await connect(emulator)

    await asyncio.wait_for(emulator.close(), 2)
    await emulator.close()

    assert exchange.outcome is ExchangeOutcome.CUT_OFF
    for stream in (reader, idle_reader):
        await asyncio.wait_for(stream.read(), 2)
    with pytest.raises(ConnectionRefusedError):
        await connect(emulator)
    for each in (writer, idle_writer):
        each.close()
