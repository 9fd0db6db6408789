"""Performs a script on a reply: paces its actions and turns its speech into frames."""

import asyncio
from collections.abc import Iterator
from typing import assert_never

from emulator.actions import (
    FOREVER,
    Action,
    Argue,
    Break,
    BreakOff,
    CallAction,
    Fail,
    Fault,
    Finish,
    Handle,
    HideUsage,
    Open,
    PingAction,
    Post,
    Raw,
    Refuse,
    Reset,
    Say,
    SignatureAction,
    Speech,
    Tally,
    Think,
    Wait,
    Whole,
)
from emulator.prompt import Prompt
from emulator.reply import Reply
from emulator.wires import EmulatedWire
from emulator.wires.frames import ErrorReply, dump

#: Bytes: frames without a pause between them are sent in pieces of about this size.
_GATHER = 4096
#: What an ordered error names as its subject.
_ABOUT = {Fault.UNKNOWN_PATH: "POST /v1/nowhere", Fault.WRONG_METHOD: "GET on this path"}


class Player:
    """Plays one script on one reply."""

    def __init__(
        self,
        wire: EmulatedWire,
        prompt: Prompt,
        actions: Iterator[Action],
        reply: Reply,
        *,
        input_tokens: int,
    ) -> None:
        self._wire = wire
        self._prompt = prompt
        self._actions = actions
        self._reply = reply
        self._tally = Tally(input_tokens=input_tokens)
        self._encoder = wire.encoder(prompt, self._tally)
        self._gathered = bytearray()
        self._handle: Handle | None = None
        self._due: float | None = None

    async def play(self) -> None:
        """Play the script to its end. A script that waits for ever ends only if this task is cancelled."""
        for action in self._actions:
            match action:
                case Wait(seconds):
                    await self._send()
                    await self._pause(seconds)
                case Open() | Raw() | Handle() | HideUsage():
                    await self._prepare(action)
                case Fail(is_endless=True):
                    await self._begin_to_fail(action)
                case Fail() | Post() | Whole() | Reset() | BreakOff():
                    await self._send()
                    await self._leave(action)
                    return
                case Break(fault):
                    await self._speak(Break(fault, self._about(fault)))
                    break
                case (
                    Say()
                    | Refuse()
                    | Think()
                    | SignatureAction()
                    | CallAction()
                    | Argue()
                    | Finish()
                    | PingAction()
                ):
                    self._tally.count(action)
                    await self._speak(action)
                case _:
                    assert_never(action)
        await self._send()
        await self._open()
        await self._reply.end()

    async def _prepare(self, action: Open | Raw | Handle | HideUsage) -> None:
        match action:
            case Open():
                await self._open()
            case Raw(data):
                self._gathered += data
            case Handle():
                self._handle = action
            case HideUsage():
                self._tally.is_hidden = True
            case _:
                assert_never(action)

    async def _leave(self, action: Fail | Post | Whole | Reset | BreakOff) -> None:
        """Carry out an action after which nothing more is sent."""
        match action:
            case Fail():
                await self._reply.refuse(self._error(action))
            case Post():
                await self._reply.whole(action.status, action.content_type, action.body, action.headers)
            case Whole(text):
                await self._reply.whole(200, "application/json", dump(self._wire.whole(self._prompt, text)))
            case Reset():
                self._reply.reset()
            case BreakOff():
                self._reply.break_off()
            case _:
                assert_never(action)

    async def _begin_to_fail(self, action: Fail) -> None:
        error = self._error(action)
        headers = {"content-type": "application/json", **error.headers}
        await self._reply.open(headers, status=error.status)
        await self._reply.write(dump(error.body)[:-1])

    def _error(self, action: Fail) -> ErrorReply:
        about = self._about(action.fault)
        return self._wire.error(action.fault, about, status=action.status, hint=action.hint)

    def _about(self, fault: Fault) -> str:
        return (
            self._prompt.model
            if fault is Fault.UNKNOWN_MODEL
            else _ABOUT.get(fault, "The prompt asked for it.")
        )

    async def _speak(self, speech: Speech) -> None:
        frames = self._encoder.encode(speech)
        if self._handle is None or not frames:
            self._gathered += frames
            if len(self._gathered) >= _GATHER:
                await self._send()
            return
        await self._send()
        await self._open()
        for piece in self._handle.treatment(frames):
            await self._reply.write(piece)
        if self._handle.once:
            self._handle = None

    async def _open(self) -> None:
        if not self._reply.is_open:
            await self._reply.open(self._wire.headers())

    async def _send(self) -> None:
        if self._gathered:
            await self._open()
            await self._reply.write(bytes(self._gathered))
            self._gathered.clear()

    async def _pause(self, seconds: float) -> None:
        """Wait ``seconds`` on the script's own clock: a slow reader does not slow the model down."""
        if seconds == FOREVER:
            await asyncio.get_running_loop().create_future()
        now = asyncio.get_running_loop().time()
        self._due = (now if self._due is None else self._due) + seconds
        await asyncio.sleep(max(0.0, self._due - now))
