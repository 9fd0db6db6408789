"""What exists once per event loop."""

import asyncio

import pytest

from concurrency.per_loop import PerLoop


def test_each_loop_has_its_own_and_a_closed_one_is_dropped() -> None:
    made = PerLoop(object)

    async def twice() -> tuple[object, object]:
        return made.get(), made.get()

    first = asyncio.run(twice())
    second = asyncio.run(twice())
    assert first[0] is first[1]
    assert first[0] is not second[0]
    assert len(made._items) == 1


async def test_one_that_was_never_made_is_not_made_by_a_look() -> None:
    made = PerLoop(object)
    assert made.pop() is None
    item = made.get()
    assert made.running() == ((asyncio.get_running_loop(), item),)
    assert made.pop() is item
    assert made.running() == ()


def test_it_needs_a_loop() -> None:
    with pytest.raises(RuntimeError):
        PerLoop(object).get()
