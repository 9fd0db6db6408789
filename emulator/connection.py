"""One connection: reads requests, answers them, and stops at once when its peer disconnects."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import assert_never

from concurrency.conversions import off_loop
from emulator.actions import Action
from emulator.attempts import AttemptCounter
from emulator.exchanges import EmulatedExchange, ExchangeLog, ExchangeOutcome
from emulator.faults import disturbed
from emulator.http1 import HttpError, HttpRequest, format_head, read_request
from emulator.player import Player
from emulator.recordings import RecordedError, RecordedStream, Recordings
from emulator.reply import Reply
from emulator.routing import Answer, Performance, decide
from emulator.wires.frames import ErrorReply, dump
from providers.types.usage import CHARACTERS_PER_TOKEN

#: The accepted values of the ``Host`` header. A web page must not read prompts through a domain name
#: that resolves to this machine (DNS rebinding).
_LOCAL_NAMES = frozenset({"127.0.0.1", "localhost"})

#: Bytes of a body that take some milliseconds to read and to check.
_SHORT = 200_000

#: The pages of an inspectable emulator, and the exchanges that each shows.
_PAGES: dict[str, Callable[[ExchangeLog], Iterable[EmulatedExchange]]] = {
    "/_log": lambda log: log.exchanges,
    "/_active": lambda log: log.active.values(),
}


class PeerWatch(asyncio.StreamReaderProtocol):
    """Calls ``gone`` when the peer closes or the connection breaks, even while the task is not reading."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        serve: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
        *,
        gone: Callable[[], None],
    ) -> None:
        super().__init__(reader, serve)
        self._gone = gone

    def eof_received(self) -> bool | None:
        """Report that the peer sent its last byte: a client of a model that does so reads no more."""
        self._gone()
        return super().eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        """Report that the connection is lost."""
        self._gone()
        super().connection_lost(exc)


class Connection:
    """Answers the requests of one peer, one after the other."""

    def __init__(
        self, *, log: ExchangeLog, recordings: Recordings, attempts: AttemptCounter, inspectable: bool
    ) -> None:
        self._log = log
        self._recordings = recordings
        self._attempts = attempts
        self._inspectable = inspectable
        self._exchange: EmulatedExchange | None = None
        self._task: asyncio.Task[None] | None = None

    def peer_gone(self) -> None:
        """Record that the peer is gone and stop the answer in progress, if there is one."""
        if self._exchange is not None and self._exchange.is_open:
            self._log.end(self._exchange, ExchangeOutcome.PEER_GONE)
            self.cancel()

    def cancel(self) -> None:
        """Stop serving. The caller records the reason in the log."""
        if self._task is not None:
            self._task.cancel()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer requests until the peer closes the connection or asks the emulator to close it."""
        self._task = asyncio.current_task()
        try:
            while await self._answer_next(reader, writer):
                pass
            writer.close()
        except HttpError as error:
            writer.write(_page(error.status, {"error": {"message": str(error)}}))
            writer.close()
        except ConnectionError:
            pass  # `PeerWatch` has recorded this already.
        finally:
            if self._exchange is not None and self._exchange.is_open:
                self._log.end(self._exchange, ExchangeOutcome.CUT_OFF)
                # Do not wait until buffered bytes are sent.
                writer.transport.abort()

    async def _answer_next(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Answer the next request. Return whether another one may follow it."""
        request = await read_request(reader)
        if request is None:
            return False
        is_last = request.wants_close
        await self._answer(request, writer)
        return not is_last

    async def _answer(self, request: HttpRequest, writer: asyncio.StreamWriter) -> None:
        if request.headers.get("host", "").partition(":")[0] not in _LOCAL_NAMES:
            raise HttpError(421, "The emulator answers to local names only.")
        if self._inspectable and request.method == "GET" and request.path in _PAGES:
            exchanges = _PAGES[request.path](self._log)
            writer.write(_page(200, [exchange.as_json() for exchange in exchanges]))
            await writer.drain()
            return
        is_long = len(request.body) > _SHORT
        decision = (
            await off_loop(decide, request, self._recordings)
            if is_long
            else decide(request, self._recordings)
        )
        self._exchange = exchange = self._log.begin(
            wire=decision.wire,
            path=request.path,
            model=decision.model,
            body=decision.body,
            headers=request.headers,
            request_bytes=len(request.body),
        )
        reply = Reply(writer, self._log, exchange)
        await self._give(decision.answer, reply, exchange)
        self._log.end(exchange, ExchangeOutcome.FINISHED)

    async def _give(self, answer: Answer, reply: Reply, exchange: EmulatedExchange) -> None:
        match answer:
            case ErrorReply():
                await reply.refuse(answer)
            case RecordedError():
                await reply.whole(answer.status, answer.content_type, answer.body)
            case RecordedStream():
                await reply.open({"content-type": "text/event-stream"})
                for piece in answer.pieces:
                    await reply.write(piece)
                await reply.end()
            case Performance():
                tokens = -(-exchange.request_bytes // CHARACTERS_PER_TOKEN)
                actions = self._actions(answer)
                await Player(answer.wire, answer.prompt, actions, reply, input_tokens=tokens).play()
            case _:
                assert_never(answer)

    def _actions(self, performance: Performance) -> Iterator[Action]:
        script, directive = performance.script(performance.prompt), performance.directive
        if directive is None or directive.step not in (None, performance.prompt.step):
            return script
        wire = performance.wire.KIND
        is_due = self._attempts.is_due(directive, performance.prompt, wire=wire)
        return disturbed(directive, script) if is_due else script


def _page(status: int, value: object) -> bytes:
    body = dump(value)
    length = {"content-type": "application/json", "content-length": str(len(body))}
    return format_head(status, {**length, "connection": "keep-alive" if status == 200 else "close"}) + body
