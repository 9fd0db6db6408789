"""The type of an ASGI application: what a server calls for each connection (ASGI, version 3.0)."""

from collections.abc import Awaitable, Callable
from typing import Any

#: Called with a scope, ``receive`` and ``send``.
type Application = Callable[[Any, Any, Any], Awaitable[None]]
