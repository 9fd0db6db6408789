import asyncio
import json
import logging

import httpx2
import pytest

from emulator import Emulator, ExchangeOutcome
from emulator.exchanges import KEPT
from tests.emulator.listening import KEY, WIRES, ask, question, streaming

PATHS = {
    "openai-chat": "/v1/chat/completions",
    "openai-responses": "/v1/responses",
    "anthropic-messages": "/v1/messages",
    "gemini-generate": "/v1beta/models/hello:streamGenerateContent?alt=sse",
}

CHAT = {"model": "length", "stream": True, "messages": [{"role": "user", "content": "x"}]}


def is_in_the_form_of(wire: str, error: dict) -> bool:
    match wire:
        case "anthropic-messages":
            return error["type"] == "error" and set(error["error"]) == {"type", "message"}
        case "gemini-generate":
            return {"code", "message", "status"} <= set(error["error"])
        case _:
            return set(error["error"]) == {"message", "type", "param", "code"}


async def talk(emulator: Emulator, sent: bytes) -> bytes:
    """Return all that the emulator says to ``sent`` until it closes the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", int(emulator.origin.rpartition(":")[2]))
    writer.write(sent)
    answer = await asyncio.wait_for(reader.read(), 5)
    writer.close()
    return answer


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"{not json", 400),
        (b"[]", 400),
        (b"\xff\xfe", 400),
        (b"[" * 100_000, 400),
        (b"{}", 400),
        (b'{"model": 7, "messages": [], "input": [], "contents": 3, "stream": true}', 400),
        (b'{"model": "hello", "messages": [7], "input": [7], "contents": [7], "stream": true}', 400),
        (b'{"model": ["hello"], "messages": "x", "input": 1, "contents": {}, "stream": true}', 400),
    ],
)
async def test_it_refuses_what_the_endpoint_cannot_read(
    emulator: Emulator, wire: str, content: bytes, status: int
):
    async with httpx2.AsyncClient(verify=False) as client:
        answer = await client.post(emulator.origin + PATHS[wire], content=content)

    assert answer.status_code == status
    assert is_in_the_form_of(wire, answer.json())
    assert emulator.exchanges[-1].outcome is ExchangeOutcome.FINISHED


@pytest.mark.parametrize("wire", WIRES)
async def test_it_refuses_to_answer_in_one_piece(emulator: Emulator, wire: str):
    path = PATHS[wire].replace("streamGenerateContent?alt=sse", "generateContent")
    body = {"contents": [{"parts": [{"text": "x"}]}]} if wire.startswith("gemini") else question(wire, "x")
    async with httpx2.AsyncClient(verify=False) as client:
        answer = await client.post(emulator.origin + path, json={"model": "hello", **body})

    assert answer.status_code == 400
    assert is_in_the_form_of(wire, answer.json())
    assert "stream" in answer.text


@pytest.mark.parametrize("wire", WIRES)
async def test_it_refuses_another_method(emulator: Emulator, wire: str):
    async with httpx2.AsyncClient(verify=False) as client:
        answer = await client.get(emulator.origin + PATHS[wire])

    assert answer.status_code == 405
    assert is_in_the_form_of(wire, answer.json())


@pytest.mark.parametrize(
    ("path", "wire"),
    [
        ("/v1/embeddings", "openai-chat"),
        ("/", "openai-chat"),
        ("/_log", "openai-chat"),
        ("/_active", "openai-chat"),
        ("/v1/responses/resp_1/cancel", "openai-responses"),
        ("/v1/messages/batches", "anthropic-messages"),
        ("/v1beta/models/hello:countTokens", "gemini-generate"),
        ("/v1/models/hello:countTokens", "gemini-generate"),
    ],
)
async def test_it_knows_no_other_path(emulator: Emulator, path: str, wire: str):
    async with httpx2.AsyncClient(verify=False) as client:
        answer = await client.get(emulator.origin + path)

    assert answer.status_code == 404
    assert is_in_the_form_of(wire, answer.json())


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"GET / HTTP/1.0\r\n\r\n", 505),
        (b"GET / HTTP/1.1\r\nno colon\r\n\r\n", 400),
        (b"GET http://[ HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999\r\n\r\n", 413),
        (b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 411),
        (b"GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n", 421),
        (b"GET / HTTP/1.1\r\n\r\n", 421),
        (b"GET / HTTP/1.1\r\nX: " + b"x" * 100_000 + b"\r\n\r\n", 431),
    ],
)
async def test_it_says_what_is_wrong_with_the_http_and_closes(emulator: Emulator, sent: bytes, status: int):
    answer = await talk(emulator, sent)

    assert answer.startswith(b"HTTP/1.1 %d " % status)
    assert "message" in json.loads(answer.partition(b"\r\n\r\n")[2])["error"]


@pytest.mark.parametrize("sent", [b"", b"POST /v1/respo", b"POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\nabc"])
async def test_it_forgets_a_request_that_never_becomes_one(emulator: Emulator, sent: bytes):
    _, writer = await asyncio.open_connection("127.0.0.1", int(emulator.origin.rpartition(":")[2]))
    writer.write(sent)
    await asyncio.sleep(0.02)
    writer.close()
    await asyncio.sleep(0.02)

    assert list(emulator.exchanges) == []


async def test_it_answers_many_requests_over_one_connection(emulator: Emulator):
    body = json.dumps(CHAT).encode()
    head = b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n" % len(body)

    answer = await talk(
        emulator, head + b"\r\n" + body + head + b"\r\n" + body + head + b"Connection: close\r\n\r\n" + body
    )

    assert answer.count(b"HTTP/1.1 200 OK") == answer.count(b"[DONE]") == 3
    assert answer.endswith(b"0\r\n\r\n")


@pytest.mark.parametrize("wire", WIRES)
async def test_it_remembers_what_was_asked_and_no_key(emulator: Emulator, wire: str):
    await ask(emulator, wire, "length", "Remember me.")

    [exchange] = emulator.exchanges
    assert (exchange.wire, exchange.model, exchange.status) == (wire, "length", 200)
    assert exchange.outcome is ExchangeOutcome.FINISHED
    assert "Remember me." in json.dumps(exchange.body)
    assert exchange.headers["content-type"].startswith("application/json")
    assert exchange.bytes_sent > 100
    assert exchange.ended is not None
    assert exchange.ended >= exchange.started
    assert KEY not in json.dumps(exchange.as_json())


@pytest.mark.parametrize(
    ("wire", "header"),
    [
        ("openai-chat", "x-request-id"),
        ("openai-responses", "x-request-id"),
        ("anthropic-messages", "request-id"),
    ],
)
async def test_it_names_the_request_where_the_provider_does(emulator: Emulator, wire: str, header: str):
    async with streaming(emulator, wire, "length", question(wire, "x")) as stream:
        assert stream.response.headers[header].startswith("req_")


async def test_it_remembers_only_so_much(emulator: Emulator):
    async with httpx2.AsyncClient(verify=False) as client:
        for _ in range(KEPT + 3):
            await client.get(f"{emulator.origin}/v1/nothing")

    assert len(emulator.exchanges) == KEPT
    assert emulator.exchanges[0].number == 4
    assert emulator.active == ()


async def test_it_writes_a_line_when_an_exchange_ends(emulator: Emulator, caplog: pytest.LogCaptureFixture):
    with caplog.at_level(logging.INFO, logger="runnel.emulator"):
        await ask(emulator, "openai-chat", "length")

    [record] = [each for each in caplog.records if each.name == "runnel.emulator"]
    assert "model=length" in record.getMessage()
    assert "outcome=finished" in record.getMessage()


async def test_waiting_for_what_never_comes_ends(emulator: Emulator):
    with pytest.raises(TimeoutError):
        await emulator.wait_for(lambda _: True, timeout=0.02)


async def test_several_may_wait_for_different_exchanges(emulator: Emulator):
    waiting = [
        asyncio.create_task(emulator.wait_for(lambda each: each.model == "length")),
        asyncio.create_task(emulator.wait_for(lambda each: each.model == "empty")),
    ]
    await ask(emulator, "openai-chat", "empty")
    await ask(emulator, "openai-chat", "length")

    found = await asyncio.gather(*waiting)

    assert [each.model for each in found] == ["length", "empty"]
