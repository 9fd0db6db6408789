"""Two processes on one database behave as one, also when one of them, their database or Redis stops.

``ACROSS`` says how often what takes no time is repeated, ``FAULTS`` how often a process is stopped and killed, and
``LONG_OUTAGES`` how often the database is away for so long that runs end; ``make thorough`` takes more. Times are
printed; the limits that are asserted are those of a machine that does other things at the same time.
"""

import asyncio
import os
import signal
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Any
from uuid import uuid4

import pytest

from tests.faults.processes import (
    Processes,
    assert_lost,
    cancel_times,
    closed_after,
    end_of,
    percentile,
    report,
    running,
    status_of,
    told,
    watched_by_b,
)

ACROSS = int(os.environ.get("ACROSS") or 5)
FAULTS = int(os.environ.get("FAULTS") or 1)
LONG_OUTAGES = int(os.environ.get("LONG_OUTAGES") or 0)

#: Seconds after which runs of a process that was killed have ended, and some for a machine that is busy.
ALL_ENDED = 10.0 + 5.0


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Processes]:
    with running(tmp_path_factory.mktemp("two")) as processes:
        yield processes


async def test_who_watches_through_another_process_sees_the_same_soon_after(both: Processes) -> None:
    async with await both.client(both.a) as a, await both.client(both.b) as b:
        later: list[float] = []
        for _ in range(ACROSS):
            run_id = (await a.start("emulator/drip"))["run_id"]
            await a.saw(run_id, "TEXT_MESSAGE_CONTENT")
            await b.ask("subscribe", run_id=run_id)
            await b.saw(run_id, "TEXT_MESSAGE_CONTENT")
            begun = len(b.frames[run_id])
            await b.until(lambda run_id=run_id, begun=begun: len(b.frames[run_id]) > begun + 20)
            await a.ask("cancel", run_id=run_id)
            await end_of(a, run_id)
            await end_of(b, run_id)
            assert a.frames[run_id] == b.frames[run_id]
            pairs = zip(a.times[run_id], b.times[run_id], strict=True)
            later += [there - here for here, there in list(pairs)[begun:]]
        report("watching across adds", later)
        assert percentile(later, 0.5) < 0.1


async def test_a_cancel_through_another_process_is_soon_there_and_counted_from_its_storing(
    both: Processes,
) -> None:
    totals, reported = await cancel_times(both, ACROSS)
    report("cancel across, frame to terminal event", totals)
    report("cancel across, stored to closed", reported)
    assert percentile(totals, 0.5) < 0.25
    # The report does not leave out how long the message was under way.
    assert all(0 < each <= total for each, total in zip(reported, totals, strict=True))


async def test_it_is_there_without_redis_and_while_redis_hangs(both: Processes) -> None:
    for broken in (both.redis.hung, both.redis.dead):
        with broken():
            totals, reported = await cancel_times(both, ACROSS)
        report(f"cancel across, Redis {broken.__name__}", totals)
        assert percentile(totals, 0.5) < 1.0
        # The poll's pause is part of it.
        assert all(0 < each <= total for each, total in zip(reported, totals, strict=True))


async def test_followers_hear_of_runs_that_begin_elsewhere(both: Processes) -> None:
    async with await both.client(both.a) as a, await both.client(both.b) as b:
        first = await a.start("emulator/hello")
        await a.ended(first["run_id"])
        place = {"conversation_id": first["conversation_id"]}
        await b.ask("subscribe", **place)
        with_redis = await a.start("emulator/hello", **place)
        await end_of(b, with_redis["run_id"])
        with both.redis.dead():
            without = await a.start("emulator/hello", **place)
            await end_of(b, without["run_id"])
        for run in (with_redis, without):
            await a.ended(run["run_id"])
            assert b.frames[run["run_id"]] == a.frames[run["run_id"]]


async def test_what_is_queued_elsewhere_is_told_and_begins(both: Processes) -> None:
    async with await both.client(both.a) as a, await both.client(both.b) as b:
        live = await a.start("emulator/drip")
        place = {"conversation_id": live["conversation_id"]}
        await a.ask("subscribe", **place)
        queued = await b.start("emulator/hello", when_busy="queue", **place)
        assert queued["state"] == "queued"
        await a.until(lambda: any(frame["type"] == "conversation" for frame in a.notices))
        await a.ask("cancel", run_id=live["run_id"], reason="go on")
        await a.ended(live["run_id"])
        # A cancel pauses the queue.
        await b.ask("queue_resume", **place)
        await end_of(a, queued["run_id"])
        await end_of(b, queued["run_id"])


async def start_twice(both: Processes, clients: Any) -> list[str]:
    frame = {"run_id": str(uuid4())}
    answers = await asyncio.gather(*(client.start("emulator/echo", **frame) for client in clients))
    for client in clients:
        await client.ended(frame["run_id"])
    first, second = clients
    assert first.frames[frame["run_id"]] == second.frames[frame["run_id"]]
    return sorted(answer["state"] for answer in answers)


async def test_the_same_start_in_both_at_once_is_one_run(both: Processes) -> None:
    async with await both.client(both.a) as a, await both.client(both.b) as b:
        for _ in range(2 * ACROSS):
            assert await start_twice(both, (a, b)) == ["created", "exists"]


async def test_two_starts_at_once_in_one_conversation_are_one_run_and_one_refusal(both: Processes) -> None:
    async with await both.client(both.a) as a, await both.client(both.b) as b:
        first = await a.start("emulator/hello")
        await a.ended(first["run_id"])
        for _ in range(ACROSS):
            place = {"conversation_id": first["conversation_id"]}
            answers = await asyncio.gather(
                *(
                    client._answer("start", {"model": "emulator/silent", "input": "hi", **place})
                    for client in (a, b)
                )
            )
            assert sorted(answer.get("state") or answer["code"] for answer in answers) == [
                "conversation_busy",
                "created",
            ]
            (winner,) = [
                (client, answer["run_id"])
                for client, answer in zip((a, b), answers, strict=True)
                if answer["type"] == "ok"
            ]
            # Whichever came second came while the first one was under way.
            await winner[0].ask("cancel", run_id=winner[1])
            await winner[0].ended(winner[1])


async def test_a_sign_out_closes_the_sockets_of_other_processes(both: Processes) -> None:
    seconds = await closed_after(both, both.b)
    report("sign-out across", [seconds])
    assert seconds < 2.0


@pytest.mark.skipif(FAULTS < 2, reason="it takes seconds: `make thorough` does it")
async def test_a_sign_out_closes_them_without_redis_too(both: Processes) -> None:
    with both.redis.dead():
        seconds = await closed_after(both, both.b)
    report("sign-out across, without Redis", [seconds])
    assert seconds < 6.0


def broken(both: Processes, how: str) -> AbstractContextManager[None]:
    return both.database.hung() if how == "hung" else both.database.stopped()


@pytest.mark.parametrize(
    "how",
    [
        "hung",
        pytest.param("stopped", marks=pytest.mark.skipif(not LONG_OUTAGES, reason="`make thorough` does it")),
    ],
)
async def test_a_short_outage_of_the_database_is_told_and_costs_nothing(both: Processes, how: str) -> None:
    async with await both.client(both.a) as a, await both.client(both.b) as b:
        run_id = await watched_by_b(a, b)
        began = {"run_id": str(uuid4())}
        seen = len(both.a.output)
        asked_at = time.monotonic()
        with broken(both, how):
            await told(a, run_id, waiting=True)
            await told(b, run_id, waiting=True)
            assert time.monotonic() - asked_at < 5.0
            # It waits and is told so, too.
            starting = asyncio.create_task(a.start("emulator/hello", **began))
            await told(a, began["run_id"], waiting=True)
            # One has told the other's viewers, perhaps before the other has noticed by itself.
            async with asyncio.timeout(5.0):
                for server in (both.a, both.b):
                    while await asyncio.to_thread(status_of, server) != (503, "2"):
                        await asyncio.sleep(0.05)
            lines = both.a.output[seen:].count("\n")
            assert lines < 10 * (time.monotonic() - asked_at)
        await told(a, run_id, waiting=False)
        assert (await starting)["state"] == "created"
        await end_of(a, began["run_id"])
        await a.ask("cancel", run_id=run_id)
        assert (await end_of(b, run_id))["outcome"] == {"type": "cancelled"}
        await end_of(a, run_id)
        assert a.frames[run_id] == b.frames[run_id]
        assert (await asyncio.to_thread(status_of, both.a))[0] == 200


@pytest.mark.skipif(not LONG_OUTAGES, reason="it takes a minute each time: `make thorough` does it")
@pytest.mark.parametrize("how", ["hung", "stopped"])
async def test_a_long_outage_ends_runs_with_their_reason_soon_after_it(both: Processes, how: str) -> None:
    for _ in range(LONG_OUTAGES):
        async with await both.client(both.a) as a, await both.client(both.b) as b:
            runs = [await watched_by_b(a, b) for _ in range(3)]
            with broken(both, how):
                await asyncio.sleep(45)
            for run_id in runs:
                end = await end_of(b, run_id, seconds=10)
                assert (end["type"], end["code"]) == ("RUN_ERROR", "log_unavailable")
                assert await end_of(a, run_id) == end
                assert a.frames[run_id] == b.frames[run_id]


@pytest.mark.skipif(FAULTS < 2, reason="it takes ten seconds: `make thorough` does it")
async def test_a_process_that_is_told_to_stop_does_not_wait_for_a_database_that_hangs(
    both: Processes,
) -> None:
    async with await both.client(both.a) as a, await both.client(both.b) as b:
        run_id = await watched_by_b(a, b)
        asked_at = time.monotonic()
        with both.database.hung():
            both.a.send(signal.SIGTERM)
            assert await a.closed() == 4409
            await asyncio.to_thread(both.a.wait)
            report("exit while the database hangs", [time.monotonic() - asked_at])
        assert (
            "most likely because the database does not answer: this process ends without it." in both.a.output
        )
        assert_lost(await end_of(b, run_id, seconds=ALL_ENDED), b.frames[run_id])
    await asyncio.to_thread(both.a.start)
    await asyncio.to_thread(both.a.wait_until_loaded)


@pytest.mark.skipif(FAULTS < 2, reason="it takes a lease each time: `make thorough` does it")
async def test_who_was_stopped_for_longer_than_a_lease_writes_nothing_more_and_tells_its_viewers(
    both: Processes,
) -> None:
    for _ in range(FAULTS):
        async with await both.client(both.a) as a, await both.client(both.b) as b:
            runs = [await watched_by_b(a, b), await watched_by_b(a, b, "emulator/silent")]
            both.a.send(signal.SIGSTOP)
            try:
                for run_id in runs:
                    assert_lost(await end_of(b, run_id, seconds=ALL_ENDED), b.frames[run_id])
            finally:
                both.a.send(signal.SIGCONT)
            for run_id in runs:
                await end_of(a, run_id)
                assert a.frames[run_id] == b.frames[run_id]


async def test_the_runs_of_a_process_that_was_killed_end_within_ten_seconds(both: Processes) -> None:
    for _ in range(FAULTS):
        async with await both.client(both.a) as a, await both.client(both.b) as b:
            runs = [await watched_by_b(a, b) for _ in range(5)]
            both.a.kill()
            killed_at = time.monotonic()
            await a.closed()
            for run_id in runs:
                await told(b, run_id, silent=True)
            told_after = time.monotonic() - killed_at
            report("viewers elsewhere are told of a killed process", [told_after])
            assert told_after < 5.0 + 2.0
            for run_id in runs:
                assert_lost(await end_of(b, run_id, seconds=ALL_ENDED), b.frames[run_id])
                assert b.frames[run_id][: len(a.frames[run_id])] == a.frames[run_id]
        if FAULTS > 1:
            await asyncio.to_thread(both.a.start)
            await asyncio.to_thread(both.a.wait_until_loaded)
