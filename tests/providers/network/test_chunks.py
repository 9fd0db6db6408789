"""Whatever the chunks and however they are cut into reads, the body is what h11 itself reads."""

import asyncio
from itertools import pairwise

import h11
import httpx2
import pytest
from h11._readers import ChunkedReader
from h11._receivebuffer import ReceiveBuffer
from hypothesis import example, given
from hypothesis import strategies as st

from providers.network import chunks
from providers.network.chunks import _JoiningReader
from providers.network.streams import AsyncioBackend
from providers.network.transport import Transport
from tests.providers.upstream import upstream

HEAD = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

#: What may stand where a chunk is expected; most of it is no chunk.
ODD = st.sampled_from(
    [
        b"0\r\n\r\n",
        b"0\r\nDigest: x\r\n\r\n",
        b"3;name=value\r\nabc\r\n",
        b"0003\r\nabc\r\n",
        b"3 \r\nabc\r\n",
        b"+3\r\nabc\r\n",
        b"0x3\r\nabc\r\n",
        b"1_0\r\n0123456789abcdef\r\n",
        b"3\nabc\n",
        b"3\r\nabcd\r\n",
        b"FFFFFFFFFFFFFFFFFFFFFFF\r\n",
        b"5\r\na\r\nb\r\n",
        b"\r\n",
        b"x",
    ]
)
CHUNKS = st.binary(min_size=1, max_size=40).map(lambda data: b"%x\r\n%s\r\n" % (len(data), data))
BODIES = st.lists(st.one_of(CHUNKS, CHUNKS, CHUNKS, ODD), max_size=12).map(b"".join)


def read(body: bytes, cuts: list[int], reader: ChunkedReader) -> tuple[bytes, str]:
    """Return the body that h11 makes of ``body``, cut at ``cuts``, with ``reader``; and how it ended."""
    connection = h11.Connection(h11.CLIENT)
    connection.send(h11.Request(method="GET", target="/", headers=[("Host", "x")]))
    connection.send(h11.EndOfMessage())
    connection.receive_data(HEAD)
    assert isinstance(connection.next_event(), h11.Response)
    connection._reader = reader
    places = sorted({0, len(body), *(cut % (len(body) + 1) for cut in cuts)})
    pieces = [body[start:end] for start, end in pairwise(places)]
    found = b""
    for piece in [*pieces, b""]:
        connection.receive_data(piece)
        while True:
            try:
                event = connection.next_event()
            except h11.RemoteProtocolError as error:
                return found, str(error)
            if isinstance(event, h11.Data):
                found += event.data
            elif isinstance(event, h11.EndOfMessage):
                return found, f"end {event.headers} {connection.trailing_data[0]!r}"
            else:
                break
    return found, "no end"


@given(body=BODIES, cuts=st.lists(st.integers(0, 500), max_size=8))
@example(body=b"1\r\na\r\n1\r\nb\r\n2\r\ncd\r\n0\r\n\r\n", cuts=[])
def test_the_body_and_its_end_are_what_h11_reads(body: bytes, cuts: list[int]) -> None:
    assert read(body, cuts, _JoiningReader()) == read(body, cuts, ChunkedReader())


def test_what_has_come_together_is_one_piece() -> None:
    buffer = ReceiveBuffer()
    buffer += b"1\r\na\r\n2\r\nbc\r\n3\r\nde"
    reader = _JoiningReader()
    assert reader(buffer).data == b"abc"
    assert reader(buffer).data == b"de"


@pytest.mark.parametrize(
    ("answer", "is_joined"),
    [(HEAD + b"2\r\npl\r\n3\r\nain\r\n0\r\n\r\n", True), (b"HTTP/1.1 200 OK\r\n\r\nplain", False)],
)
async def test_the_installed_libraries_keep_h11_where_it_is_looked_for(
    answer: bytes, is_joined: bool
) -> None:
    async def behave(writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        await writer.drain()

    transport = Transport(AsyncioBackend(), limits=httpx2.Limits())
    async with (
        upstream(behave) as server,
        httpx2.AsyncClient(transport=transport, trust_env=False) as http,
        http.stream("GET", server.origin) as response,
    ):
        assert chunks.join(response) is is_joined
        assert await response.aread() == b"plain"
