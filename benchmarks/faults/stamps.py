"""Streams whose tokens carry the time of their sending, and viewers that read them cheaply."""

import contextlib
import hashlib
import json
import time
from collections.abc import Iterator

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from benchmarks.figures import STAMP
from emulator import scripts
from emulator.actions import Action, Finish, Say, Wait
from emulator.prompt import Prompt
from providers.types import FinishReason
from tests.faults.server_process import ServerProcess

#: The model; what it is asked for is in the prompt: tokens, tokens a second, and characters of each.
MODEL = "openai-chat/stamped"
_ENDS = ('"type":"RUN_FINISHED"', '"type":"RUN_ERROR"')


def order(*, tokens: int, rate: float, size: int) -> str:
    """Return the prompt for an answer."""
    return f"{tokens} {rate} {size}"


def stamped(prompt: Prompt) -> Iterator[Action]:
    """Say tokens at a rate that is held also when one comes late."""
    tokens, rate, size = (float(word) for word in prompt.user_text.split())
    begin = time.monotonic()
    for number in range(int(tokens)):
        yield Wait(max(begin + number / rate - time.monotonic(), 0.0))
        stamp = f"T{time.monotonic_ns() // 1000:016d} "
        yield Say(stamp.ljust(int(size), "."))
    yield Finish(FinishReason.END_TURN)


def install() -> None:
    """Let emulators of this process offer the model."""
    scripts.SCRIPTS["stamped"] = stamped


class Reader:
    """A viewer of one run that keeps ages and a digest, no frames."""

    def __init__(self, run_id: str) -> None:
        self.run_id = run_id
        #: Milliseconds from the sending of each token to its arrival.
        self.ages: list[float] = []
        self.tokens = 0
        #: The events that have come, and a digest of them.
        self.events = 0
        self.digest = hashlib.blake2b()
        self.has_ended = False
        #: Whether the connection ended before the run did.
        self.was_closed = False

    async def read(self, server: ServerProcess, token: str) -> None:
        """Read the run from the event behind the last one that has come, to its end or that of the connection."""
        headers = {"Authorization": f"Bearer {token}"}
        async with connect(
            f"ws://127.0.0.1:{server.port}/ws/",
            additional_headers=headers,
            max_size=None,
            compression=None,
            proxy=None,
        ) as socket:
            frame = {"type": "subscribe", "id": "s", "run_id": self.run_id, "after": self.events}
            await socket.send(json.dumps(frame))
            with contextlib.suppress(ConnectionClosed):
                async for text in socket:
                    self.take(str(text), time.monotonic() * 1e3)
                    if self.has_ended:
                        return
        self.was_closed = True

    def take(self, text: str, now: float) -> None:
        """Take a frame that came at ``now``, in milliseconds of ``time.monotonic``."""
        if not text.startswith('{"type":"event"') or '"storage_waiting"' in text or '"worker_silent"' in text:
            return
        self.events += 1
        self.digest.update(text.encode())
        for stamp in STAMP.finditer(text.encode()):
            self.tokens += 1
            self.ages.append(now - int(stamp[1]) / 1e3)
        self.has_ended = any(end in text for end in _ENDS)
