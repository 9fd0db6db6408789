"""Logging: readable lines while ``DEBUG`` is on, JSON otherwise.

structlog formats all records, also those of libraries. Bodies and keys are never logged: this configuration
drops ``extra`` data, and records below ``WARNING`` from libraries that log their requests.
"""

import logging
import sys
import time
import traceback
from typing import Any, TextIO

import structlog
from django.db.utils import InterfaceError, OperationalError

#: Characters of a message, of a value beside it, and of what an exception says. Strangers choose paths and headers.
LONGEST = 1_000
#: Seconds in which an outage's line is logged once.
OUTAGE_LINE_SECONDS = 5.0
#: Different lines of outages that are remembered.
MOST_OUTAGE_LINES = 1_000

#: Libraries that log each request, or the content of requests.
CHATTY = (
    "anthropic",
    "asyncio",
    # It writes four lines for each sign-in, and masks in all of them who it was. Wrong passwords are warnings.
    "axes",
    "daphne",
    "google_genai",
    "httpcore2",
    "httpx2",
    "openai",
    "procrastinate",
    "twisted",
)


def configure(*, debug: bool) -> dict[str, Any]:
    """Configure structlog and return the matching ``LOGGING`` for Django."""
    shared: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="%H:%M:%S" if debug else "iso", utc=not debug),
        structlog.processors.StackInfoRenderer(),
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "structlog": {
                "()": structlog.stdlib.ProcessorFormatter,
                "foreign_pre_chain": shared,
                "processors": [
                    structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                    _bounded,
                    *_renderers(debug=debug),
                ],
            }
        },
        "filters": {"refusals": {"()": _NoStackForRefusals}, "outages": {"()": _FewLinesInOutages}},
        "handlers": {
            "stderr": {
                "class": "logging.StreamHandler",
                "formatter": "structlog",
                "filters": ["refusals", "outages"],
            }
        },
        "root": {"handlers": ["stderr"], "level": "INFO"},
        "loggers": {
            # Remove Django's own handlers, which print and send mail. The root handler is the only one.
            "django": {"handlers": [], "level": "INFO", "propagate": True},
            "django.server": {"handlers": [], "level": "INFO", "propagate": True},
        }
        | {name: {"level": "WARNING"} for name in CHATTY}
        # Its errors contain data from servers. Runnel logs the outcome of an MCP call itself.
        | {"mcp": {"level": "CRITICAL"}}
        # It tells each attempt to reach a database that is away, in several lines; whoever wants a connection says so.
        | {"psycopg.pool": {"level": "ERROR"}}
        # /readyz answers what it finds. A traceback for each time that somebody asks would be a flood.
        | {"health_check": {"level": "CRITICAL"}},
    }


class _NoStackForRefusals(logging.Filter):
    """Removes tracebacks from responses with status 400 to 499: refusing a request is no failure."""

    def filter(self, record: logging.LogRecord) -> bool:
        if 400 <= getattr(record, "status_code", 0) < 500:
            record.exc_info = None
        return True


class _FewLinesInOutages(logging.Filter):
    """Cuts what a database or a Redis that is away causes: no tracebacks, and each message at most every few seconds.

    Hundreds of callers notice an outage, many times a second each, and all of them say the same.
    """

    def __init__(self) -> None:
        super().__init__()
        #: By logger and message: when it was logged last, and how often not since.
        self._lines: dict[tuple[str, str], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        error = _said(record.exc_info[1]) if isinstance(record.exc_info, tuple) else None
        if error is None or not isinstance(record.msg, str) or not _is_of_outage(error):
            return True
        # asyncio's message goes on with the task that failed, which is another one each time.
        key, now = (record.name, record.msg.partition("\n")[0]), time.monotonic()
        logged_at, count = self._lines.get(key, (-OUTAGE_LINE_SECONDS, 0))
        if now - logged_at < OUTAGE_LINE_SECONDS:
            self._lines[key] = logged_at, count + 1
            return False
        if len(self._lines) > MOST_OUTAGE_LINES:
            self._lines.clear()
        self._lines[key] = now, 0
        why = str(error).partition("\n")[0]
        said = record.getMessage().partition("\n")[0]
        record.msg = f"{said}: {type(error).__name__}: {why}"
        if count:
            record.msg += f" (and {count:,} times more since the last line)"
        record.args, record.exc_info = (), None
        return True


def _said(error: BaseException | None) -> BaseException | None:
    """Return what the driver said, where Procrastinate tells only that it said something."""
    is_wrapped = type(error).__module__ == "procrastinate.exceptions"
    return error.__cause__ if error is not None and is_wrapped and error.__cause__ is not None else error


def _is_of_outage(error: BaseException) -> bool:
    """Return whether an error says that a database or a Redis is away. A query that is wrong keeps its traceback."""
    if isinstance(error, OperationalError | InterfaceError):
        return not str(error).startswith("no such")
    from concurrency.database_limits import AWAY  # imported here: scripts read the settings without the rest

    kinds = {kind.__name__ for kind in type(error).__mro__ if kind.__module__.startswith("psycopg")}
    # An internal error to psycopg is also a server that only reads, or has ended the session.
    if kinds & {"OperationalError", "InterfaceError"} or getattr(error, "sqlstate", None) in AWAY:
        return True
    # Also one that is full, only reads or wants a password: each call would say so.
    return any(kind.__module__.startswith("redis.") for kind in type(error).__mro__)


def _bounded(_logger: object, _name: str, line: structlog.types.EventDict) -> structlog.types.EventDict:
    """Cut the message and the values of a line."""
    return {name: cut(value) if isinstance(value, str) else value for name, value in line.items()}


def _bounded_exceptions(
    _logger: object, _name: str, line: structlog.types.EventDict
) -> structlog.types.EventDict:
    """Cut what each exception of a line says."""
    for exception in line.get("exception", ()):
        exception["exc_value"] = cut(exception["exc_value"])
    return line


def cut(text: str) -> str:
    """Return ``text``, or its beginning and its length if it has more than ``LONGEST`` characters."""
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}… ({len(text):,} characters)"


def _traceback(stream: TextIO, exception: structlog.typing.ExcInfo) -> None:
    """Print a traceback, each line of it cut."""
    lines = "".join(traceback.format_exception(*exception)).splitlines()
    stream.write("\n" + "\n".join(map(cut, lines)))


def _renderers(*, debug: bool) -> list[structlog.types.Processor]:
    """Return the processors that format a line. Tracebacks omit variables, which may hold bodies or keys."""
    if debug:
        return [structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=_traceback)]
    frames = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
    return [
        structlog.processors.ExceptionRenderer(frames),
        _bounded_exceptions,
        structlog.processors.JSONRenderer(),
    ]
