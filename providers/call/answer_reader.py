"""Reads the body of one successful response as events, piece by piece and within the size limits.

It decides by the content type how events are framed. It knows no wire and no SDK.
"""

import asyncio

import httpx2

from providers.call import event_errors, size_errors
from providers.call.limits import SizeLimits
from providers.errors import LLMConnectionError, LLMError, LLMServerError
from providers.errors.translation import from_exception, from_payload
from providers.framing.aws_frames import AwsFrames
from providers.framing.event_data import StreamEvent
from providers.framing.event_stream import EventStream

#: Bytes that are read between two turns of the event loop: about a millisecond's work.
_PIECE = 65_536
#: Seconds in which other users' streams get on, after a piece of a burst that held no event.
_REST = 0.002
#: Decompressed bytes below which no compression is suspicious.
_UNSUSPICIOUS = 8 * 2**20

_NOT_A_STREAM = (
    "What answered is not a model provider's stream. Ask your administrator to check the base URL."
)


class AnswerReader:
    """Reads one body. Await ``next_events`` until it returns ``None``, and ``close`` it afterwards."""

    def __init__(self, response: httpx2.Response, *, limits: SizeLimits, names_are_types: bool) -> None:
        """Take the response, the limits, and whether an event's name stands for a ``type`` that is missing."""
        self._response = response
        self._limits = limits
        kind = response.headers.get("content-type", "")
        self._framing: EventStream | AwsFrames = (
            AwsFrames(longest_event=limits.event)
            if "amazon.eventstream" in kind
            else EventStream(longest_event=limits.event, names_are_types=names_are_types)
        )
        self._chunks = response.aiter_bytes()
        self._chunk = b""
        self._position = 0
        self._bytes = 0
        self._has_ended = False
        #: Whether the piece before held an event.
        self._is_fruitful = True

    @property
    def is_done(self) -> bool:
        """Whether ``[DONE]`` has come."""
        return self._framing.is_done

    @property
    def is_inside_event(self) -> bool:
        """Whether part of an event has come that is not complete yet."""
        return self._framing.is_inside_event

    @property
    def oddities(self) -> tuple[str, ...]:
        """What stood in the answer beside plain events, by name."""
        return tuple(sorted(self._framing.oddities))

    @property
    def foreign_text(self) -> str:
        """The text in the answer that belonged to no event."""
        return self._framing.foreign_text

    async def next_events(self) -> list[StreamEvent] | None:
        """Return the events of the next piece, possibly none; ``None`` once the body has ended.

        Raises:
            LLMError: the connection broke, a size limit was passed, or an event was unreadable. All events before it
                have been returned.
        """
        if self._framing.failure is not None:
            raise event_errors.error_of(self._framing.failure)
        if self._has_ended:
            return None
        if self._position < len(self._chunk):
            # This piece has come without a wait.
            await asyncio.sleep(0 if self._is_fruitful else _REST)
        elif not await self._receive():
            return self._framing.finish()
        if len(self._chunk) <= _PIECE:
            piece = self._chunk
        else:
            piece = self._chunk[self._position : self._position + _PIECE]
        self._position += len(piece)
        self._bytes += len(piece)
        self._check_size()
        events = self._framing.feed(piece)
        self._is_fruitful = bool(events)
        return events

    async def _receive(self) -> bool:
        """Wait for more bytes; return whether any came before the end."""
        try:
            self._chunk, self._position = await anext(self._chunks), 0
            return True
        except StopAsyncIteration:
            self._has_ended = True
            return False
        except Exception as exc:  # noqa: BLE001 - a transport raises many types; all become an LLMError
            error = from_exception(exc)
        # Raised outside the handler: as its context, the exception would keep the request with its API key alive.
        raise error

    def _check_size(self) -> None:
        limits = self._limits
        if self._bytes > limits.response:
            raise size_errors.response(limits.response)
        compressed = self._response.num_bytes_downloaded
        if self._bytes > _UNSUSPICIOUS and self._bytes > compressed * limits.compression:
            raise size_errors.compression(limits.compression)

    def not_a_stream(self) -> LLMError | None:
        """Return the error of a body that ended without any event; ``None`` if it was an empty event stream."""
        kind = self._response.headers.get("content-type", "")
        text = self.foreign_text
        if not text and "event-stream" in kind:
            return None
        status = self._response.status_code
        error = from_payload(text or None, status=status, headers=self._response.headers)
        if type(error) is LLMServerError:
            # Nothing in the text says what it is.
            error = LLMConnectionError(_NOT_A_STREAM, status=status, detail=error.detail)
        error.detail["content_type"] = kind
        return error

    async def close(self) -> None:
        """Close the response; a connection whose body was not read to its end is closed with it."""
        await self._chunks.aclose()
