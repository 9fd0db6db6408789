"""Every fault over every wire, through plain HTTP; then what the SDKs make of some of them."""

import json
import time
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from typing import Any

import httpx2
import pytest
from anthropic import APIStatusError as AnthropicStatusError
from google.genai.errors import APIError as GeminiError
from openai import APIError as OpenAIError
from openai import APIStatusError as OpenAIStatusError

from emulator import Emulator, ExchangeOutcome
from emulator.actions import Fault
from emulator.directive import Trouble
from emulator.mechanics import COMMENT
from tests.emulator.asking import PATIENCE, Answer, asked, post, provoke, provoke_all
from tests.emulator.listening import WIRES, ask

every_wire = pytest.mark.parametrize("wire", WIRES)

TERMINAL = {
    "openai-chat": b"data: [DONE]",
    "openai-responses": b"event: response.incomplete",
    "anthropic-messages": b"event: message_stop",
    "gemini-generate": b'"finishReason":"MAX_TOKENS"',
}
USAGE = {
    "openai-chat": b'"prompt_tokens"',
    "openai-responses": b'"input_tokens"',
    "anthropic-messages": b'"input_tokens"',
    "gemini-generate": b'"promptTokenCount"',
}
PINGS = {
    "openai-chat": b": OPENROUTER PROCESSING\n\n",
    "openai-responses": b"event: keepalive\n",
    "anthropic-messages": b"event: ping\n",
    "gemini-generate": COMMENT,
}


def ended(wire: str, answer: Answer) -> bool:
    return TERMINAL[wire] in answer.body


def words(answer: Answer) -> int:
    """Return how many tokens of ``length`` have come: each stands in one event."""
    return sum(
        answer.body.count(word) for word in (b'"There"', b'" are"', b'" three"', b'" reason"', b'"s for"')
    )


def is_whole(wire: str, answer: Answer) -> bool:
    return (answer.status, answer.end, ended(wire, answer)) == (200, "end", True)


def is_stream(answer: Answer) -> bool:
    return answer.status == 200 and answer.headers["content-type"].startswith("text/event-stream")


def count(wire: str, answer: Answer) -> int:
    return answer.body.count(TERMINAL[wire])


async def is_noted(emulator: Emulator, wire: str, outcome: ExchangeOutcome) -> None:
    await emulator.wait_for(lambda each: (each.wire, each.outcome) == (wire, outcome))


type Check = Callable[[str, Answer], bool]

#: The order, and what must be true of the answer.
ORDERS: list[tuple[str, Check]] = [
    ("delay delay=0.01", is_whole),
    ("silence", lambda _, answer: (answer.status, answer.end) == (None, "open")),
    (
        "silence after=headers",
        lambda _, answer: (answer.status, answer.body, answer.end) == (200, b"", "open"),
    ),
    ("silence after=2", lambda wire, a: a.end == "open" and bool(a.body) and not ended(wire, a)),
    ("silence after=end", lambda wire, a: a.end == "open" and ended(wire, a)),
    ("truncate", lambda wire, a: is_stream(a) and a.end == "end" and bool(a.body) and not ended(wire, a)),
    ("truncate after=0", lambda _, a: is_stream(a) and (a.end, a.body) == ("end", b"")),
    ("abrupt", lambda wire, a: a.error == "RemoteProtocolError" and bool(a.body) and not ended(wire, a)),
    ("abrupt after=request", lambda _, a: (a.error, a.status) == ("RemoteProtocolError", None)),
    ("abrupt after=headers", lambda _, a: (a.error, a.status, a.body) == ("RemoteProtocolError", 200, b"")),
    ("abrupt after=end", lambda wire, a: a.error == "RemoteProtocolError" and ended(wire, a)),
    ("reset after=5", lambda wire, a: a.error == "ReadError" and bool(a.body) and not ended(wire, a)),
    ("reset after=request", lambda _, a: (a.error, a.status) == ("ReadError", None)),
    ("reset after=headers", lambda _, a: (a.error, a.status, a.body) == ("ReadError", 200, b"")),
    ("reset after=900", lambda wire, a: a.error == "ReadError" and bool(a.body) and not ended(wire, a)),
    ("empty", lambda _, a: is_stream(a) and (a.end, a.body) == ("end", b"")),
    (
        "html",
        lambda _, a: (a.status, a.headers["content-type"][:9]) == (200, "text/html") and b"<html>" in a.body,
    ),
    ("html status=502", lambda _, a: a.status == 502 and b"<html>" in a.body),
    ("json", lambda _, a: a.status == 200 and a.headers["content-type"] == "application/json"),
    ("redirect", lambda _, a: (a.status, a.headers["location"], a.body) == (307, "/moved", b"")),
    ("redirect status=301", lambda _, a: a.status == 301),
    (
        "endless_error every=0.01",
        lambda _, a: (a.status, a.end) == (500, "open") and a.body.endswith(b"    "),
    ),
    ("endless_error status=429", lambda _, a: (a.status, a.end) == (429, "open")),
    ("long_line size=100000", lambda wire, a: is_whole(wire, a) and len(a.body) > 100_000),
    ("crlf", lambda wire, a: is_whole(wire, a) and a.body.count(b"\n") == a.body.count(b"\r\n")),
    ("comments", lambda wire, a: is_whole(wire, a) and a.body.count(COMMENT) > 10),
    ("pings", lambda wire, a: is_whole(wire, a) and a.body.count(PINGS[wire]) > 10),
    ("only_comments every=0.01", lambda _, a: a.end == "open" and a.body == COMMENT * a.body.count(COMMENT)),
    ("only_comments after=2 every=0.01", lambda wire, a: a.end == "open" and a.body.endswith(COMMENT * 3)),
    ("only_pings every=0.01", lambda wire, a: a.end == "open" and a.body.count(PINGS[wire]) > 3),
    (
        "endless every=0.01",
        lambda wire, a: a.end == "open" and ended(wire, a) and a.body.endswith(COMMENT * 3),
    ),
    ("twice", lambda wire, a: is_stream(a) and a.end == "end" and count(wire, a) == 2),
    ("no_usage", lambda wire, a: is_whole(wire, a) and USAGE[wire] not in a.body),
]


def test_the_table_has_every_fault():
    elsewhere = {Trouble.ERROR, Trouble.ERROR_EVENT, Trouble.BAD_JSON, Trouble.SPLIT_UTF8, Trouble.BYTES}
    assert {order.split()[0] for order, _ in ORDERS} | elsewhere == set(Trouble)


@pytest.mark.parametrize(("order", "holds"), ORDERS, ids=[order.replace(" ", "-") for order, _ in ORDERS])
async def test_it_does_what_was_ordered(emulator: Emulator, order: str, holds: Check):
    patience = PATIENCE if order.startswith(("silence", "endless", "only")) else 10

    for wire, answer in (await provoke_all(emulator, order, patience=patience)).items():
        assert holds(wire, answer), (wire, answer.status, answer.end, answer.error, answer.body[-300:])
        await is_noted(
            emulator, wire, ExchangeOutcome.PEER_GONE if answer.end == "open" else ExchangeOutcome.FINISHED
        )


async def test_it_sends_byte_by_byte(emulator: Emulator):
    for wire, answer in (await provoke_all(emulator, "bytes", model="empty")).items():
        assert {len(piece) for piece in answer.pieces} == {1}
        assert answer.end == "end"
        assert answer.data, wire


@every_wire
async def test_a_fault_comes_after_exactly_so_many_tokens(emulator: Emulator, wire: str):
    heard = [words(await provoke(emulator, wire, f"truncate after={tokens}")) for tokens in range(5)]

    assert heard == [0, 1, 2, 3, 4]


@every_wire
async def test_a_delay_comes_before_the_headers_of_any_fault(emulator: Emulator, wire: str):
    begun = time.monotonic()
    late = await provoke(emulator, wire, "error delay=30", patience=PATIENCE)
    assert late.status is None

    answer = await provoke(emulator, wire, "error status=503 delay=0.2")

    assert answer.status == 503
    assert time.monotonic() - begun > 0.2


@every_wire
async def test_one_event_is_no_json_and_the_others_are(emulator: Emulator, wire: str):
    answer = await provoke(emulator, wire, "bad_json after=2")

    lines = [line for line in answer.body.split(b"\n") if line.startswith(b"data: {")]
    broken = [line for line in lines if not parses(line[6:])]
    assert len(broken) == 1
    assert is_whole(wire, answer)


def parses(text: bytes) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


@every_wire
async def test_pieces_end_inside_characters(emulator: Emulator, wire: str):
    answer = await provoke(emulator, wire, "split_utf8", model="echo")

    assert is_stream(answer)
    assert any(piece.endswith(b"\xc3") for piece in answer.pieces)
    assert not any("é".encode() in piece for piece in answer.pieces)


@pytest.mark.parametrize(
    "status", [400, 401, 402, 403, 404, 408, 409, 413, 418, 422, 429, 500, 502, 503, 504, 529]
)
async def test_it_fails_with_any_status_in_the_provider_s_own_form(emulator: Emulator, status: int):
    for wire, answer in (await provoke_all(emulator, f"error status={status}")).items():
        error = json.loads(answer.body)["error"]
        assert answer.status == status
        assert answer.message
        if wire == "gemini-generate":
            assert (error["code"], error["status"]) == (status, error["status"].upper())
        else:
            assert error["type"]


@pytest.mark.parametrize("kind", Fault)
async def test_it_fails_in_any_way_before_the_stream_and_inside_it(emulator: Emulator, kind: Fault):
    answers = await provoke_all(emulator, f"error kind={kind}")
    for wire, inside in (await provoke_all(emulator, f"error_event kind={kind}")).items():
        before = answers[wire]
        assert before.status is not None
        assert before.status >= 400
        assert is_stream(inside)
        assert inside.end == "end"
        assert words(inside) == 3
        last = inside.data[-1]
        error = last["response"]["error"] if wire == "openai-responses" else last["error"]
        assert error["message"] == before.message
        assert not ended(wire, inside)


@every_wire
async def test_an_error_inside_the_stream_can_be_its_first_event(emulator: Emulator, wire: str):
    answer = await provoke(emulator, wire, "error_event after=0 kind=overloaded")

    types = [event.get("type") for event in answer.data]
    expected = {
        "openai-chat": [None],
        "openai-responses": ["error", "response.failed"],
        "anthropic-messages": ["error"],
        "gemini-generate": [None],
    }
    assert types == expected[wire]
    assert "error" in answer.data[0]


@every_wire
@pytest.mark.parametrize(
    ("order", "header", "value", "delay"),
    [
        ("retry_after=7", "retry-after", "7", "7s"),
        ("retry_after=4290000000", "retry-after", "4290000000", "4290000000s"),
        ("retry_after_ms=250", "retry-after-ms", "250", "0.25s"),
        ("retry_after=soon", "retry-after", "soon", "soons"),
    ],
)
async def test_it_says_when_to_try_again(
    emulator: Emulator, wire: str, order: str, header: str, value: str, delay: str
):
    answer = await provoke(emulator, wire, f"error status=503 {order}")

    if wire == "gemini-generate":
        assert json.loads(answer.body)["error"]["details"][-1]["retryDelay"] == delay
        assert header not in answer.headers
    else:
        assert answer.headers[header] == value


@every_wire
async def test_it_says_when_to_try_again_as_a_date(emulator: Emulator, wire: str):
    answer = await provoke(emulator, wire, "error status=429 retry_date=60")

    away = parsedate_to_datetime(answer.headers["retry-after"]).timestamp() - time.time()
    assert 50 < away < 61


@every_wire
async def test_the_first_attempts_fail_and_the_next_one_goes_well(emulator: Emulator, wire: str):
    order = "error status=503 attempts=2"
    statuses = [(await provoke(emulator, wire, order)).status for _ in range(4)]

    assert statuses == [503, 503, 200, 503]


async def test_attempts_are_counted_for_each_request(emulator: Emulator):
    async def status(wire: str, model: str, text: str, to: Emulator = emulator) -> int | None:
        order = f"{text} [[fault=error attempts=1]]"
        return (await post(to, wire, model, asked(wire, order))).status

    assert await status("openai-chat", "length", "one") == 500
    assert await status("openai-responses", "length", "one") == 500
    assert await status("openai-chat", "echo", "one") == 500
    assert await status("openai-chat", "length", "two") == 500
    assert await status("openai-chat", "length", "one") == 200
    other = await Emulator.start()
    assert await status("openai-chat", "length", "two", other) == 500
    await other.close()


@every_wire
@pytest.mark.parametrize(
    ("order", "named"), [("rest", "'rest'"), ("reset colour=red", "'colour'"), ("reset after=soon", "'soon'")]
)
async def test_it_refuses_an_order_that_it_does_not_know(
    emulator: Emulator, wire: str, order: str, named: str
):
    answer = await provoke(emulator, wire, order)

    assert answer.status == 400
    assert named in answer.message


@every_wire
async def test_only_what_the_user_said_last_is_an_order(emulator: Emulator, wire: str):
    said = ("user", "[[fault=reset]]"), ("assistant", "I will not."), ("user", "Thank you.")
    turns: list[Any] = [{"role": role, "content": text} for role, text in said]
    contents = [
        {"role": role.replace("assistant", "model"), "parts": [{"text": text}]} for role, text in said
    ]
    key = {"openai-responses": "input", "gemini-generate": "contents"}.get(wire, "messages")
    body = {**asked(wire, ""), key: contents if key == "contents" else turns}

    assert is_whole(wire, await post(emulator, wire, "length", body))


async def test_every_scripted_model_obeys(emulator: Emulator):
    for model in ("hello", "reasoning", "tools", "drip", "silent", "overloaded", "empty"):
        assert (await provoke(emulator, "openai-chat", "html", model=model)).status == 200


@every_wire
async def test_a_long_line_is_ten_megabytes_unless_something_else_is_ordered(emulator: Emulator, wire: str):
    answer = await provoke(emulator, wire, "long_line")

    assert max(map(len, answer.body.split(b"\n"))) > 10_000_000
    assert is_whole(wire, answer)


@every_wire
@pytest.mark.parametrize("order", ["crlf", "split_utf8", "twice", "long_line size=99999"])
async def test_the_sdk_hears_the_same_words_through_what_is_odd_and_allowed(
    emulator: Emulator, wire: str, order: str
):
    plain = await ask(emulator, wire, "length", "Say it.")

    heard = await ask(emulator, wire, "length", f"Say it. [[fault={order}]]")

    assert (heard.text, heard.end) == (plain.text, plain.end)


@every_wire
async def test_the_sdk_hears_an_answer_that_comes_byte_by_byte(emulator: Emulator, wire: str):
    assert (await ask(emulator, wire, "empty", "[[fault=bytes]]")).end


@every_wire
@pytest.mark.parametrize(
    "kind", [Fault.RATE_LIMITED, Fault.OVERLOADED, Fault.SERVER_ERROR, Fault.CONTEXT_WINDOW]
)
async def test_the_sdk_takes_the_error_event_for_an_error(emulator: Emulator, wire: str, kind: Fault):
    with pytest.raises((OpenAIError, AnthropicStatusError, GeminiError)) as caught:
        await ask(emulator, wire, "length", f"Go. [[fault=error_event after=0 kind={kind}]]")

    assert not isinstance(caught.value, OpenAIStatusError)


@every_wire
@pytest.mark.parametrize("order", ["bad_json", "abrupt", "reset"])
async def test_the_sdk_does_not_take_a_broken_answer_for_a_whole_one(
    emulator: Emulator, wire: str, order: str
):
    with pytest.raises((OpenAIError, ValueError, httpx2.HTTPError, GeminiError)):
        await ask(emulator, wire, "length", f"Go. [[fault={order}]]")
