"""What goes on ends before a server hears of a signal to stop."""

import asyncio
import signal
from collections.abc import Iterator
from typing import Any

import pytest

from project import shutdown_signals


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    shutdown_signals._ending.clear()
    for number, handler in before.items():
        signal.signal(number, handler)


class Story:
    """What happens, in order, until the server ends."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.may_end = asyncio.Event()
        self.is_over = asyncio.Event()

    async def end(self) -> None:
        self.told.append("the application ends")
        await self.may_end.wait()
        self.told.append("the application has ended")

    def hurry(self) -> None:
        self.told.append("hurry")
        self.may_end.set()

    def server(self, *_: Any) -> None:
        self.told.append("the server ends")
        self.is_over.set()


EXPECTED = ["the application ends", "hurry", "the application has ended", "the server ends"]


async def stop_twice(story: Story) -> None:
    signal.raise_signal(signal.SIGTERM)
    while not story.told:
        await asyncio.sleep(0)
    signal.raise_signal(signal.SIGTERM)
    await story.is_over.wait()


async def test_a_server_that_has_given_its_handler_to_the_process_hears_of_it_last() -> None:
    story = Story()
    signal.signal(signal.SIGTERM, story.server)
    shutdown_signals.hear_first(story.end, story.hurry)

    await stop_twice(story)

    assert story.told == EXPECTED


async def test_a_server_that_has_given_its_handler_to_the_loop_hears_of_it_last() -> None:
    story = Story()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, story.server, signal.SIGTERM, None)
    shutdown_signals.hear_first(story.end, story.hurry)

    await stop_twice(story)

    assert story.told == EXPECTED


async def test_the_server_hears_of_it_even_if_the_application_cannot_end() -> None:
    story = Story()

    async def fail() -> None:
        raise RuntimeError("the database is gone")

    signal.signal(signal.SIGTERM, story.server)
    shutdown_signals.hear_first(fail, story.hurry)
    signal.raise_signal(signal.SIGTERM)

    await story.is_over.wait()
