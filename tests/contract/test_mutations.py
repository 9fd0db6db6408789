"""Thousands of damaged streams through the real SDKs: each call ends, in one of the ways there are.

``MUTATIONS`` says how many (20,000 take some minutes), ``MUTATIONS_SEED`` which. The streams are the
recordings beside the project, and those written by hand where there are none.
"""

import asyncio
import os
import random
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import pytest

from providers.errors import LLMError, LLMInternalError, LLMMalformedResponseError
from providers.errors.stop_signal import RunCancelled
from providers.types import StepResult
from providers.types.trace import TraceStatus
from providers.types.usage import UsageSource
from tests.contract import hand_written
from tests.contract.mutating import Mutant, mutate
from tests.contract.reading import Recording, recordings
from tests.providers.calling import PATIENT, WIRES, Call, at
from tests.providers.upstream import EVENT_STREAM, upstream

MUTATIONS = int(os.environ.get("MUTATIONS") or 1_000)
SEED = int(os.environ.get("MUTATIONS_SEED") or 20_261_125)

#: Calls under way at the same time.
LANES = 12
#: Seconds; only what is stuck takes that long.
STUCK = 60.0

#: Wires whose words only ever follow one another. On the others a provider may say once more, and
#: otherwise, what a whole block holds: then that is kept.
_APPENDING = ("openai-chat", "gemini-generate")

#: Longer ones take the time of many.
LONGEST = 100_000

STREAMS = tuple(
    recording for recording in (*recordings(), *hand_written.BODIES) if 0 < len(recording.sse) <= LONGEST
)


@dataclass(frozen=True, kw_only=True)
class Case:
    """One damaged stream; its number and the seed make it again."""

    number: int
    recording: Recording
    mutant: Mutant


def case(number: int) -> Case:
    chance = random.Random(SEED * 1_000_003 + number)
    recording = chance.choice(STREAMS)
    return Case(number=number, recording=recording, mutant=mutate(recording.sse, chance))


class Lane:
    """Plays one case after the other, always at the same address: each address is a client of its own."""

    def __init__(self, numbers: Iterable[int]) -> None:
        self._cases = map(case, numbers)
        self._mutant: Mutant | None = None
        self.endings: Counter[str] = Counter()

    async def run(self) -> None:
        async with upstream(self._play) as server:
            for it in self._cases:
                self._mutant = it.mutant
                call = Call(at(server.origin, it.recording.wire), timeouts=PATIENT)
                ending: StepResult | LLMError
                try:
                    ending = await asyncio.wait_for(call.run(), STUCK)
                except LLMError as error:
                    ending = error
                except (TimeoutError, RunCancelled) as wrong:
                    raise AssertionError(f"mutation {it.number} of {it.recording.name}: {wrong!r}") from wrong
                check(it, call, ending)
                self.endings[ending.code if isinstance(ending, LLMError) else "completed"] += 1

    async def _play(self, writer: asyncio.StreamWriter) -> None:
        assert self._mutant is not None
        writer.write(EVENT_STREAM + self._mutant.sse)
        await writer.drain()
        if self._mutant.is_cut:
            writer.transport.abort()


def check(it: Case, call: Call, ending: StepResult | LLMError) -> None:
    about = f"mutation {it.number} of {it.recording.wire}/{it.recording.name}"
    result = ending.partial if isinstance(ending, LLMError) else ending
    assert not isinstance(ending, LLMInternalError), about
    assert result is not None, about
    assert (call.trace.status is TraceStatus.FAILED) == isinstance(ending, LLMError), about
    if it.recording.wire in _APPENDING and not isinstance(ending, LLMMalformedResponseError):
        assert call.sink.text == result.text, about
    # No number is claimed that nobody knows.
    assert not (result.usage.is_unknown and result.usage.source is UsageSource.REPORTED), about


@pytest.mark.usefixtures("fresh_clients")
async def test_every_damaged_stream_comes_to_an_end_that_is_known(caplog: pytest.LogCaptureFixture) -> None:
    lanes = [Lane(range(first, MUTATIONS, LANES)) for first in range(LANES)]
    await asyncio.gather(*(lane.run() for lane in lanes))
    endings = sum((lane.endings for lane in lanes), Counter[str]())

    assert endings.total() == MUTATIONS
    # Damage is found, and much of it can be read over.
    assert endings["completed"] > MUTATIONS / 10
    assert endings["llm_connection"] > MUTATIONS / 20
    unread = [record for record in caplog.records if record.levelname == "ERROR"]
    assert {record.getMessage().partition(" could not ")[0] for record in unread} <= {
        f"The wire {wire}" for wire in WIRES
    }
    assert len(unread) <= endings["invalid_llm_response"]
