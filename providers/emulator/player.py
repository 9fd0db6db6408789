"""Performs a script on a reply: paces its actions and turns its speech into frames."""

import asyncio
from collections.abc import Iterator
from typing import assert_never

from providers.emulator.actions import (
    FOREVER,
    Action,
    Argue,
    Call,
    Fail,
    Finish,
    Open,
    Refuse,
    Reset,
    Say,
    Seal,
    Tally,
    Think,
    Wait,
)
from providers.emulator.reply import Reply
from providers.emulator.routing import Performance

#: Bytes; what is spoken without a pause goes out in pieces of about this size.
_GATHER = 4096


class Player:
    """One performance."""

    def __init__(self, performance: Performance, reply: Reply, *, input_tokens: int) -> None:
        self._wire = performance.wire
        self._reply = reply
        self._actions: Iterator[Action] = performance.script(performance.prompt)
        self._tally = Tally(input_tokens=input_tokens)
        self._encoder = performance.wire.encoder(performance.prompt, self._tally)
        self._gathered = bytearray()
        self._due: float | None = None

    async def play(self) -> None:
        """Perform to the end; a script that waits for ever only ends by cancellation."""
        for action in self._actions:
            match action:
                case Open():
                    await self._open()
                case Wait(seconds):
                    await self._send()
                    await self._pause(seconds)
                case Fail(fault):
                    error = self._wire.error(fault, "")
                    await self._reply.refuse(error)
                    return
                case Reset():
                    await self._send()
                    self._reply.reset()
                    return
                case Say() | Refuse() | Think() | Seal() | Call() | Argue() | Finish():
                    self._tally.count(action)
                    self._gathered += self._encoder.encode(action)
                    if len(self._gathered) >= _GATHER:
                        await self._send()
                case _:
                    assert_never(action)
        await self._send()
        await self._open()
        await self._reply.end()

    async def _open(self) -> None:
        if not self._reply.is_open:
            await self._reply.open(self._wire.headers())

    async def _send(self) -> None:
        if self._gathered:
            await self._open()
            await self._reply.write(bytes(self._gathered))
            self._gathered.clear()

    async def _pause(self, seconds: float) -> None:
        """Wait on the script's own clock: a model does not slow down for a reader that does."""
        if seconds == FOREVER:
            await asyncio.get_running_loop().create_future()
        now = asyncio.get_running_loop().time()
        self._due = (now if self._due is None else self._due) + seconds
        await asyncio.sleep(max(0.0, self._due - now))
