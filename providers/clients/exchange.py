"""The HTTP exchange of one call: its address, its response, its time, and how to close it.

SDKs hide the HTTP response until they have read its headers, and read an error's body however long it is. Our
hooks on the shared httpx2 client write the response here and read an error's body themselves. They find the exchange
through a context variable that the call's own task sets, so that any number of calls at once keep theirs apart.
It knows no SDK and no wire.
"""

from collections.abc import Callable
from contextlib import suppress
from contextvars import ContextVar
from datetime import UTC, datetime

import httpx2

from providers.clients import whole_answers
from providers.errors import LLMError
from providers.errors.translation import from_payload
from providers.network import chunks

#: Headers that carry the provider's own id of a request, which its support asks for.
_REQUEST_IDS = (
    "x-request-id",
    "request-id",
    "apim-request-id",
    "x-goog-request-id",
    "x-amzn-requestid",
    "cf-ray",
)

_current: ContextVar["Exchange | None"] = ContextVar("runnel_exchange", default=None)


class Exchange:
    """One HTTP request and its response."""

    def __init__(self, *, connect_timeout: float, longest_error: int, on_answer: Callable[[], None]) -> None:
        """Take the connect timeout in seconds, the bytes to read of an error's body, and what to call after the headers."""
        self._timeout = httpx2.Timeout(None, connect=connect_timeout, pool=connect_timeout).as_dict()
        self._on_answer = on_answer
        self._longest_error = longest_error
        self._url: httpx2.URL | None = None
        self.response: httpx2.Response | None = None
        self.answered_at: datetime | None = None
        #: What has come of the body of an answer that is no success.
        self.error_body = bytearray()

    def enter(self) -> None:
        """Make this the exchange of all requests of the current task."""
        _current.set(self)

    @property
    def url(self) -> str:
        """Host and path, without query and credentials; empty until a request was built."""
        return "" if self._url is None else str(self._url.copy_with(query=None, fragment=None, userinfo=b""))

    @property
    def is_open(self) -> bool:
        """Whether the provider has answered with a 2xx status."""
        return self.response is not None and self.response.is_success

    @property
    def status(self) -> int | None:
        """The HTTP status, once there is one."""
        return None if self.response is None else self.response.status_code

    @property
    def headers(self) -> httpx2.Headers:
        """The response's headers; empty before they came."""
        return httpx2.Headers() if self.response is None else self.response.headers

    @property
    def request_id(self) -> str | None:
        """The provider's own id of the request."""
        return next((self.headers[name] for name in _REQUEST_IDS if name in self.headers), None)

    @property
    def bytes_read(self) -> int:
        """Bytes of the body as received, before decompression."""
        return 0 if self.response is None else self.response.num_bytes_downloaded

    @property
    def is_closed(self) -> bool:
        """Whether the body was read to its end or the response was closed."""
        return self.response is not None and self.response.is_closed

    def status_error(self) -> LLMError:
        """Return the error of an answer that is no success, by what came of its body."""
        return from_payload(bytes(self.error_body) or None, status=self.status, headers=self.headers)

    async def close(self) -> None:
        """Close the response; its connection too, if the body was not read to its end or has more behind it."""
        # Timers, and connections that are kept, remember the context that they were made in, and with
        # it this exchange: the whole answer must not hang on it.
        self._on_answer = _ignore
        if self.response is not None:
            with suppress(httpx2.HTTPError, OSError):
                if chunks.has_more(self.response):
                    await self.response.extensions["network_stream"].aclose()
                await self.response.aclose()
            # Nor the request's body, which has all files of the conversation.
            sent = self.response.request
            self.response.request = httpx2.Request(sent.method, sent.url)
            self.response.stream = httpx2.ByteStream(b"")

    def sent(self, request: httpx2.Request) -> None:
        """Note the address of ``request``, and set this call's timeouts, which not every SDK passes on."""
        self._url = request.url
        request.extensions["timeout"] = self._timeout

    async def answered(self, response: httpx2.Response) -> None:
        """Note that the headers of ``response`` have arrived; of an error, read the body's beginning too."""
        self.response = response
        self.answered_at = datetime.now(UTC)
        self._on_answer()
        chunks.join(response)
        if not response.is_success:
            await whole_answers.read_error(response, self.error_body, self._longest_error)


def _ignore() -> None:
    """Ignore a response that is no longer awaited."""


async def on_request(request: httpx2.Request) -> None:
    """httpx2's hook before a request is sent."""
    if (exchange := _current.get()) is not None:
        exchange.sent(request)


async def on_response(response: httpx2.Response) -> None:
    """httpx2's hook after the headers have arrived.

    Raises:
        LLMOversizedResponseError: the answer is not of a call (a token count, a list of models), and is too long.
    """
    if (exchange := _current.get()) is not None:
        await exchange.answered(response)
    else:
        await whole_answers.read(response)
