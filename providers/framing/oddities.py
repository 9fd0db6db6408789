"""What the bytes of an answer held beside plain ``data:`` events. Kept in the trace. Pure data."""

from enum import StrEnum


class Oddity(StrEnum):
    """One property of an answer's framing. Its value is stored, so it is never renamed."""

    #: The answer, or a line in it, began with a byte order mark.
    BYTE_ORDER_MARK = "byte-order-mark"
    #: The first line ended with CR alone or CR LF.
    CARRIAGE_RETURN = "carriage-return"
    #: A comment came, which servers use as a keep-alive.
    COMMENT = "comment"
    #: An ``id:`` field came; it is ignored.
    ID = "id"
    #: A ``retry:`` field came; it is ignored.
    RETRY = "retry"
    #: One event had several ``data:`` lines.
    MULTI_LINE_DATA = "multi-line-data"
    #: An event had a name or an empty ``data:`` line, but no data.
    EMPTY_EVENT = "empty-event"
    #: The data of an event was a word such as ``ping``, which counts as a keep-alive.
    KEEPALIVE_WORD = "keepalive-word"
    #: ``[DONE]`` came.
    DONE = "done"
    #: Several values stood in one event, as if the blank line between two events were missing.
    MERGED_EVENTS = "merged-events"
    #: The error stood in a field ``error:``.
    ERROR_FIELD = "error-field"
    #: JSON stood between the events, without ``data:``.
    BARE_JSON = "bare-json"
    #: The whole answer was JSON and no event stream.
    WHOLE_JSON = "whole-json"
    #: Data was JSON only to a lenient reader: NaN, raw control characters, halves of characters, invalid UTF-8.
    LENIENT_JSON = "lenient-json"
    #: The data of an event was a JSON string that held the JSON.
    ENCODED_TWICE = "encoded-twice"
    #: Lines came that are neither fields of an event stream nor JSON.
    FOREIGN_TEXT = "foreign-text"
    #: The answer was a web page.
    WEB_PAGE = "web-page"
    #: The last event was complete, although no blank line followed.
    UNTERMINATED = "unterminated"
    #: The answer ended inside an event, which was dropped.
    CUT = "cut"
