"""A call that failed is freed with its answer at once, not at some garbage collection."""

import asyncio
import gc
import weakref
from collections.abc import Iterator
from uuid import uuid4

import pytest

from providers.adapter import EventSink
from providers.errors import LLMError
from providers.errors.stop_signal import RunCancelled, StopSignal
from providers.retry.attempts import Attempts
from providers.types import ChatMessage, ModelRequest, Role, TextPart
from providers.types.trace import CallContext
from tests.providers.calling import PATIENT, WIRES, Recorder, Sink, at
from tests.providers.retry.attempting import HASTY, beginning, refusing
from tests.providers.upstream import Behaviour, forever, streaming, upstream


@pytest.fixture
def uncollected() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


async def end_of(origin: str, wire: str, sink: EventSink, cancel: StopSignal) -> "weakref.ref[BaseException]":
    """Return a reference to the exception that ends a step."""
    target = at(origin, wire)
    attempts = Attempts((target,), policy=HASTY, recorder=Recorder(), timeouts=PATIENT)
    asked = ChatMessage(role=Role.USER, parts=(TextPart(text="Tell me something."),))
    request = ModelRequest(origin=target.origin, messages=(asked,))
    try:
        await attempts.run(
            request, call=CallContext(run_id=uuid4(), step_id=uuid4()), cancel=cancel, sink=sink
        )
    except (LLMError, RunCancelled) as error:
        return weakref.ref(error)
    raise AssertionError("the step succeeded")


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("ending", ["garbage", "status", "cut"])
async def test_the_exception_that_ended_a_step_hangs_in_no_cycle(
    wire: str, ending: str, fresh_clients: None, uncollected: None
) -> None:
    behave: Behaviour
    match ending:
        case "garbage":
            behave = streaming(beginning(wire), b"data: {not json\n\n")
        case "status":
            behave = refusing(503)
        case _:
            behave = streaming(beginning(wire))
    async with upstream(behave) as server:
        left = await end_of(server.origin, wire, Sink(), StopSignal())
        await asyncio.sleep(0)
        assert left() is None


@pytest.mark.parametrize("wire", WIRES)
async def test_the_exception_of_a_cancelled_step_hangs_in_no_cycle(
    wire: str, fresh_clients: None, uncollected: None
) -> None:
    sink, cancel = Sink(), StopSignal()
    async with upstream(streaming(beginning(wire), then=forever)) as server:

        async def cancelled() -> "weakref.ref[BaseException]":
            return await end_of(server.origin, wire, sink, cancel)

        step = asyncio.create_task(cancelled())
        await asyncio.wait_for(sink.heard.wait(), 10)
        cancel.set()
        left = await step
        await asyncio.sleep(0)
        assert left() is None
