"""Logging: readable lines while ``DEBUG`` is on, JSON otherwise.

structlog formats all records, also those of libraries. Bodies and keys are never logged: this configuration
drops ``extra`` data, and records below ``WARNING`` from libraries that log their requests.
"""

import logging
import sys
from typing import Any

import structlog

#: Libraries that log each request, or the content of requests.
CHATTY = ("anthropic", "asyncio", "daphne", "google_genai", "httpcore2", "httpx2", "openai", "twisted")


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
                    *_renderers(debug=debug),
                ],
            }
        },
        "filters": {"refusals": {"()": _NoStackForRefusals}},
        "handlers": {
            "stderr": {"class": "logging.StreamHandler", "formatter": "structlog", "filters": ["refusals"]}
        },
        "root": {"handlers": ["stderr"], "level": "INFO"},
        "loggers": {
            # Remove Django's own handlers, which print and send mail. The root handler is the only one.
            "django": {"handlers": [], "level": "INFO", "propagate": True},
            "django.server": {"handlers": [], "level": "INFO", "propagate": True},
        }
        | {name: {"level": "WARNING"} for name in CHATTY}
        # Its errors contain data from servers. Runnel logs the outcome of an MCP call itself.
        | {"mcp": {"level": "CRITICAL"}},
    }


class _NoStackForRefusals(logging.Filter):
    """Removes tracebacks from responses with status 400 to 499: refusing a request is no failure."""

    def filter(self, record: logging.LogRecord) -> bool:
        if 400 <= getattr(record, "status_code", 0) < 500:
            record.exc_info = None
        return True


def _renderers(*, debug: bool) -> list[structlog.types.Processor]:
    """Return the processors that format a line. Tracebacks omit variables, which may hold bodies or keys."""
    if debug:
        return [
            structlog.dev.ConsoleRenderer(
                colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
            )
        ]
    frames = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
    return [structlog.processors.ExceptionRenderer(frames), structlog.processors.JSONRenderer()]
