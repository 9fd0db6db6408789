"""The size limits of one provider call."""

from dataclasses import dataclass
from typing import Self

from django.conf import settings

_MEGABYTE = 2**20


@dataclass(frozen=True, kw_only=True, slots=True)
class SizeLimits:
    """What is accepted of one answer. Each limit is a setting."""

    #: Bytes of one event, or of JSON that is no event stream.
    event: int
    #: Bytes of the whole answer, decompressed.
    response: int
    #: How many times larger than its compressed form an answer may be.
    compression: int
    #: Bytes that are read of an error's body.
    error_body: int
    #: Characters of text and thoughts.
    text: int
    #: Characters of the arguments of all function calls.
    arguments: int
    #: Function calls.
    calls: int

    @classmethod
    def from_settings(cls, *, max_calls: int | None = None) -> Self:
        """Return the limits from the Django settings; ``max_calls`` overrides that of function calls."""
        return cls(
            event=settings.RUNNEL_EVENT_MB * _MEGABYTE,
            response=settings.RUNNEL_RESPONSE_MB * _MEGABYTE,
            compression=settings.RUNNEL_COMPRESSION_RATIO,
            error_body=settings.RUNNEL_ERROR_BODY_KB * 1024,
            text=settings.RUNNEL_ANSWER_CHARS,
            arguments=settings.RUNNEL_ARGUMENT_CHARS,
            calls=settings.RUNNEL_CALLS_PER_STEP if max_calls is None else max_calls,
        )
