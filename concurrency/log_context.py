"""The context of log lines: ``run_id``, ``user_id``, ``request_id``.

``project.logging`` adds it to each line, also to those of libraries. Imports no run, request or logger.
"""

import contextvars
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import structlog.contextvars


@contextmanager
def bound(**values: object) -> Iterator[None]:
    """Add ``values`` to every line that is logged inside the ``with`` block. ``None`` values are skipped."""
    known = {name: str(value) for name, value in values.items() if value is not None}
    with structlog.contextvars.bound_contextvars(**known):
        yield


def bound_value(name: str) -> str:
    """Return what is bound as ``name`` here, empty if nothing is."""
    return str(structlog.contextvars.get_contextvars().get(name, ""))


def fresh_context() -> contextvars.Context:
    """Return a fresh context that carries over only the bound values."""
    context = contextvars.Context()
    if values := structlog.contextvars.get_contextvars():
        context.run(_bind, values)
    return context


def _bind(values: dict[str, Any]) -> None:
    structlog.contextvars.bind_contextvars(**values)
