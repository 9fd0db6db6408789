import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

import httpx2
import pytest

from providers import errors
from providers.call import timeout_errors
from providers.errors import LLMError
from providers.errors.translation import from_exception
from tests.compatibility import understood
from tests.providers.call.test_adapter_cancel import full_listener
from tests.providers.calling import PATIENT, WIRES, Call, at, until
from tests.providers.retry.attempting import beginning
from tests.providers.speaking import saying_hi
from tests.providers.upstream import Behaviour, forever, streaming, upstream


async def on_every_wire(check: Callable[[str], Awaitable[None]]) -> None:
    """Check all wires at once, because what takes time is waiting for the limits."""

    async def named(wire: str) -> None:
        try:
            await check(wire)
        except BaseException as error:
            error.add_note(f"on the wire {wire}")
            raise

    await asyncio.gather(*map(named, WIRES))


def repeating(data: bytes) -> Behaviour:
    async def behave(writer: asyncio.StreamWriter) -> None:
        while True:
            writer.write(data)
            await writer.drain()
            await asyncio.sleep(0.05)

    return behave


async def failure_at(behave: Behaviour, wire: str, **limits: float) -> tuple[LLMError, Call]:
    async with upstream(behave) as server:
        call = Call(at(server.origin, wire), timeouts=replace(PATIENT, **limits))
        error = await call.failure()
        await until(lambda: not server.open)
    return error, call


@pytest.mark.parametrize(
    ("behave", "limits", "name"),
    [
        pytest.param(lambda wire: forever, {"first_byte": 0.4}, "first_byte", id="first byte"),
        pytest.param(lambda wire: streaming(then=forever), {"idle": 0.4}, "idle", id="no event"),
        pytest.param(
            lambda wire: streaming(beginning(wire), then=forever), {"idle": 0.4}, "idle", id="silence"
        ),
    ],
)
async def test_each_limit_tells_its_name_and_its_seconds(
    behave: Callable[[str], Behaviour], limits: dict[str, float], name: str, fresh_clients: None
) -> None:
    async def check(wire: str) -> None:
        error, call = await failure_at(behave(wire), wire, **limits)
        assert type(error) is errors.LLMTimeoutError
        assert "0.4 seconds" in error.message
        assert call.trace.error is not None
        assert (call.trace.error["watchdog"], call.trace.error["seconds"]) == (name, 0.4)

    await on_every_wire(check)


async def test_a_connection_that_is_not_made_is_told_apart(fresh_clients: None) -> None:
    with full_listener() as address:
        call = Call(at(address, "openai-chat"), timeouts=replace(PATIENT, connect=0.3))
        error = await call.failure()
    assert type(error) is errors.LLMTimeoutError
    assert "did not take the connection" in error.message
    assert call.trace.error is not None
    assert (call.trace.error["watchdog"], call.trace.error["seconds"]) == ("connect", 0.3)


def test_their_sentences_differ() -> None:
    told = [
        from_exception(httpx2.ConnectTimeout("slow")),
        timeout_errors.no_answer(PATIENT),
        *(timeout_errors.idle(PATIENT, has_spoken=has_spoken) for has_spoken in (False, True)),
        *(timeout_errors.only_keepalives(PATIENT, has_spoken=has_spoken) for has_spoken in (False, True)),
    ]
    assert len({error.message for error in told}) == 6
    names = [error.detail["watchdog"] for error in told]
    assert names == ["connect", "first_byte", "idle", "idle", "keepalive", "keepalive"]


signs_of_life = pytest.mark.parametrize(
    "noise",
    [
        understood(
            b": still here\n\n",
            server="Any server",
            oddity="Comments keep a connection while nothing is said.",
            id="comments",
        ),
        pytest.param(b'event: ping\ndata: {"type": "ping"}\n\nevent: heartbeat\ndata: {}\n\n', id="pings"),
        pytest.param(
            b'event: keepalive\ndata: {"type":"keepalive","sequence_number":1}\n\n', id="keepalives"
        ),
        pytest.param(b"data: ping\n\n", id="words"),
        pytest.param(b"event: heartbeat\n\n", id="names"),
        pytest.param(b"\n", id="blank lines"),
    ],
)


@signs_of_life
async def test_what_keeps_a_connection_open_is_no_answer(noise: bytes, fresh_clients: None) -> None:
    async def check(wire: str, frames: tuple[bytes, ...], text: str, sentence: str) -> None:
        error, call = await failure_at(
            streaming(*frames, then=repeating(noise)), wire, idle=0.3, keepalive=0.6
        )
        assert call.sink.text == text
        assert (error.detail["watchdog"], error.detail["seconds"]) == ("keepalive", 0.6)
        assert sentence in error.message

    await asyncio.gather(
        on_every_wire(lambda wire: check(wire, (beginning(wire),), "Well", "in the middle of its answer")),
        on_every_wire(lambda wire: check(wire, (), "", "before it said anything")),
    )


@signs_of_life
async def test_what_keeps_a_connection_open_gives_it_time(noise: bytes, fresh_clients: None) -> None:
    async def check(wire: str) -> None:
        async def at_last(writer: asyncio.StreamWriter) -> None:
            for _ in range(16):
                writer.write(noise)
                await writer.drain()
                await asyncio.sleep(0.05)
            await saying_hi(wire, head=False)(writer)

        async with upstream(streaming(then=at_last)) as server:
            call = Call(at(server.origin, wire), timeouts=replace(PATIENT, idle=0.4, keepalive=5))
            await call.start()
        assert call.sink.text == "Hi"

    await on_every_wire(check)


async def test_silence_after_keepalives_is_silence(fresh_clients: None) -> None:
    async def fall_silent(writer: asyncio.StreamWriter) -> None:
        writer.write(b": still here\n\n")
        await forever(writer)

    async def check(wire: str) -> None:
        error, _ = await failure_at(streaming(then=fall_silent), wire, idle=0.3, keepalive=5)
        assert error.detail["watchdog"] == "idle"
        assert "sent no words for 0.3 seconds" in error.message

    await on_every_wire(check)
