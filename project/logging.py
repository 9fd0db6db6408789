"""Logging: lines for a person while ``DEBUG`` is on, JSON for machines otherwise.

Every record goes through structlog, whoever wrote it. Bodies and keys are never logged: what a
library writes below ``WARNING`` about its requests is left out here, and ``extra`` data is dropped.
"""

import logging
import sys
from typing import Any

import structlog

#: Libraries that tell every request, or with their requests what is in them.
CHATTY = ("anthropic", "asyncio", "daphne", "google_genai", "httpcore2", "httpx2", "openai", "twisted")


def configure(*, debug: bool) -> dict[str, Any]:
    """Set up structlog and return the matching ``LOGGING`` for Django."""
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
            # Django's own set-up prints and mails; ours is the only handler.
            "django": {"handlers": [], "level": "INFO", "propagate": True},
            "django.server": {"handlers": [], "level": "INFO", "propagate": True},
        }
        | {name: {"level": "WARNING"} for name in CHATTY}
        # With its errors it tells what a server sent; what became of the call we say ourselves.
        | {"mcp": {"level": "CRITICAL"}},
    }


class _NoStackForRefusals(logging.Filter):
    """A request that was refused is no failure of ours: where in the code that was decided helps nobody."""

    def filter(self, record: logging.LogRecord) -> bool:
        if 400 <= getattr(record, "status_code", 0) < 500:
            record.exc_info = None
        return True


def _renderers(*, debug: bool) -> list[structlog.types.Processor]:
    """Return what turns an event into a line. No traceback shows variables: they hold bodies and keys."""
    if debug:
        return [
            structlog.dev.ConsoleRenderer(
                colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
            )
        ]
    frames = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
    return [structlog.processors.ExceptionRenderer(frames), structlog.processors.JSONRenderer()]
