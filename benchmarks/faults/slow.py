"""Viewers that stop reading, beside others that read."""

import asyncio
import re
import time
import urllib.request

from benchmarks.faults import stamps
from benchmarks.faults.installation import Installation
from benchmarks.faults.spread import milliseconds, seconds
from benchmarks.faults.stamps import Reader
from tests.faults.server_process import ServerProcess
from tests.faults.stalled import StalledClient, forget_peak, peak_memory

#: What each viewer is sent: so many tokens of so many characters, in so many seconds.
TOKENS, SIZE, SECONDS = 5_000, 4_096, 50.0
#: Tokens that are not timed: meanwhile a hundred sockets are opened, which delays everybody's.
UNTIMED = int(3 * TOKENS / SECONDS)
#: Seconds within which the stalled ones must have gone, and some more.
PATIENCE = 100.0
MEGABYTE = 1024 * 1024


async def slow(here: Installation, number: int) -> None:
    """Send 20 MB each to ``number`` viewers that read, alone and beside as many that do not."""
    server = here.web[0]
    starter = await here.client(0)
    prompt = stamps.order(tokens=TOKENS, rate=TOKENS / SECONDS, size=SIZE)
    ages: dict[bool, list[float]] = {}
    peaks: dict[bool, int] = {}
    for with_stalled in (False, True):
        forget_peak(server.pid)
        run_id = (await starter.start(stamps.MODEL, prompt))["run_id"]
        healthy = [Reader(run_id) for _ in range(number)]
        reading = asyncio.gather(*(each.read(server, here.token) for each in healthy))
        gone: list[float] = []
        if with_stalled:
            before = _sockets(server)
            stalled = [await StalledClient.connect(server, here.token) for _ in range(number)]
            await asyncio.gather(*(each.subscribe(run_id) for each in stalled))
            gone = await _gone(server, before, number)
        await reading
        ages[with_stalled] = [age for each in healthy for age in each.ages[UNTIMED:]]
        peaks[with_stalled] = peak_memory(server.pid)
        lost = sum(each.tokens != TOKENS or each.was_closed for each in healthy)
        name = f"beside {number} stalled ones" if with_stalled else "alone"
        print(
            f"6  {number} viewers that read {TOKENS * SIZE / MEGABYTE:.0f} MB in {SECONDS:.0f} s, {name}: "
            f"token sent to received {milliseconds(ages[with_stalled])}; incomplete {lost}; "
            f"peak of the server {peaks[with_stalled] / MEGABYTE:.0f} MB",
            flush=True,
        )
        if with_stalled:
            differ = await _come_back(here, stalled, run_id, healthy[0])
            print(f"   stalled ones gone {len(gone)} of {number}, after", seconds(gone))
            print(
                f"   differ after they came back {differ}; stalled viewers cost {_growth(peaks):.0f} MB at the peak"
            )
    await starter.leave()


def _growth(peaks: dict[bool, int]) -> float:
    return (peaks[True] - peaks[False]) / MEGABYTE


async def _gone(server: ServerProcess, before: int, number: int) -> list[float]:
    """Wait until the server has left the stalled viewers. Return after how many seconds each was left."""
    begin = time.monotonic()
    gone: list[float] = []
    while len(gone) < number and time.monotonic() < begin + PATIENCE:
        left = max(before + number - await asyncio.to_thread(_sockets, server), 0)
        gone += [time.monotonic() - begin] * (left - len(gone))
        await asyncio.sleep(0.5)
    return gone


def _sockets(server: ServerProcess) -> int:
    """Return how many sockets are open, as the server counts them."""
    with urllib.request.urlopen(f"http://127.0.0.1:{server.port}/metrics", timeout=30) as answer:
        found = re.search(rb"^runnel_sockets ([0-9.e+]+)$", answer.read(), re.MULTILINE)
    assert found is not None
    return int(float(found[1]))


async def _come_back(here: Installation, stalled: list[StalledClient], run_id: str, whole: Reader) -> int:
    """Let them read what lay in their buffers, and the rest over a new socket. Return how many then differ."""
    differ = 0
    for each in stalled:
        await each.read_to_the_end()
        reader = Reader(run_id)
        for frame in each.frames:
            reader.take(frame, 0.0)
        each.frames.clear()
        await each.__aexit__()
        if not reader.has_ended:
            await reader.read(here.web[-1], here.token)
        differ += reader.digest.digest() != whole.digest.digest()
    return differ
