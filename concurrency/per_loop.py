"""Objects that exist once per event loop, such as connection pools.

An asyncio object belongs to the loop that made it. A server has one loop, tests have many. Objects of a
closed loop are dropped.
"""

import asyncio
from collections.abc import Callable


class PerLoop[T]:
    """One object per running event loop, made when it is first needed."""

    def __init__(self, make: Callable[[], T]) -> None:
        """Keep the function that makes the object. It is called on the object's loop."""
        self._make = make
        self._items: dict[asyncio.AbstractEventLoop, T] = {}

    def get(self) -> T:
        """Return the running loop's object; make it if there is none.

        Raises:
            RuntimeError: no event loop is running.
        """
        loop = asyncio.get_running_loop()
        if loop not in self._items:
            for closed in [other for other in self._items if other.is_closed()]:
                del self._items[closed]
            self._items[loop] = self._make()
        return self._items[loop]

    def pop(self) -> T | None:
        """Forget the running loop's object and return it, ``None`` if there is none.

        Raises:
            RuntimeError: no event loop is running.
        """
        return self._items.pop(asyncio.get_running_loop(), None)

    def running(self) -> tuple[tuple[asyncio.AbstractEventLoop, T], ...]:
        """Return the objects of all loops that run, each with its loop. For other threads."""
        return tuple((loop, item) for loop, item in list(self._items.items()) if loop.is_running())
