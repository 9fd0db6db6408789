"""The hook for the built-in upstream: all that ``providers`` knows of the emulator.

The emulator registers itself when Django starts (``emulator.apps``), so that it imports this package and this
package never imports it.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Upstream:
    """What a built-in upstream offers."""

    #: Starts it if need be; returns its origin, such as ``http://127.0.0.1:40123``.
    origin: Callable[[], Awaitable[str]]
    #: Returns the faults that a prompt orders from it.
    ordered_faults: Callable[[str], list[str]]


_registered: list[Upstream] = []


def register(upstream: Upstream) -> None:
    """Use ``upstream`` for every target that is emulated."""
    _registered[:] = [upstream]


def upstream() -> Upstream:
    """Return the registered upstream.

    Raises:
        RuntimeError: none is registered.
    """
    if not _registered:
        raise RuntimeError("No emulator is registered: is 'emulator' among INSTALLED_APPS?")
    return _registered[0]
