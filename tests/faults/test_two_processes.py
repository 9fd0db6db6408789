"""Two processes on one database behave as one: cancels, viewers, followers, sign-outs and repeated starts.

``ACROSS`` says how often each is repeated; ``make thorough`` takes more. Times are printed; the limits that are
asserted are those of a machine that does other things at the same time.
"""

import asyncio
import os
import sys
import time
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest

from tests.faults.processes import Browser, Processes, end_of, first_password, percentile, running
from tests.faults.server_process import ServerProcess

ACROSS = int(os.environ.get("ACROSS") or 5)


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Processes]:
    with running(tmp_path_factory.mktemp("two")) as processes:
        yield processes


async def cancel_times(both: Processes, count: int) -> tuple[list[float], list[float]]:
    """Cancel runs of A through B; return the seconds to the terminal event at A, and what the runs report."""
    totals, reported = [], []
    async with await both.client(both.a) as a, await both.client(both.b) as b:
        for _ in range(count):
            run_id = (await a.start("emulator/drip"))["run_id"]
            await a.saw(run_id, "TEXT_MESSAGE_CONTENT")
            asked_at = time.monotonic()
            await b.ask("cancel", run_id=run_id)
            end = await a.ended(run_id)
            assert end["outcome"] == {"type": "cancelled"}
            totals.append(a.times[run_id][-1] - asked_at)
            reported.append(end["metadata"]["upstream_closed_ms"] / 1000)
    return totals, reported


def report(what: str, seconds: list[float]) -> None:
    median, worst = percentile(seconds, 0.5) * 1000, percentile(seconds, 0.99) * 1000
    sys.stdout.write(f"{what}: n {len(seconds)}, p50 {median:.0f} ms, p99 {worst:.0f} ms\n")


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
    answers = await asyncio.gather(*(client.start("emulator/hello", **frame) for client in clients))
    for client in clients:
        await client.ended(frame["run_id"])
    first, second = clients
    assert first.frames[frame["run_id"]] == second.frames[frame["run_id"]]
    return sorted(answer["state"] for answer in answers)


async def test_the_same_start_in_both_at_once_is_one_run(both: Processes) -> None:
    async with await both.client(both.a) as a, await both.client(both.b) as b:
        for _ in range(4 * ACROSS):
            assert await start_twice(both, (a, b)) == ["created", "exists"]


async def test_two_starts_at_once_in_one_conversation_are_one_run_and_one_refusal(both: Processes) -> None:
    async with await both.client(both.a) as a, await both.client(both.b) as b:
        first = await a.start("emulator/hello")
        await a.ended(first["run_id"])
        for _ in range(2 * ACROSS):
            place = {"conversation_id": first["conversation_id"]}
            answers = await asyncio.gather(
                *(
                    client._answer("start", {"model": "emulator/hello", "input": "hi", **place})
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
            await winner[0].ended(winner[1])


async def closed_after(both: Processes, other: ServerProcess) -> float:
    """Sign out on one process; return the seconds after which the socket on ``other`` was closed, with 4401."""
    (maker,) = [server for server in (both.a, both.b) if first_password(server)]
    password = first_password(maker)
    assert password is not None
    one = both.a if other is both.b else both.b
    browser = await asyncio.to_thread(Browser.signed_in, one, "admin", password)
    socket = await browser.socket(other)
    asked_at = time.monotonic()
    await asyncio.to_thread(browser.post, one, "/logout/")
    async with asyncio.timeout(10):
        await socket.wait_closed()
    assert socket.close_code == 4401
    return time.monotonic() - asked_at


async def test_a_sign_out_closes_the_sockets_of_other_processes(both: Processes) -> None:
    seconds = [await closed_after(both, both.b)]
    report("sign-out across", seconds)
    assert seconds[0] < 2.0
    with both.redis.dead():
        seconds = [await closed_after(both, both.b)]
    report("sign-out across, without Redis", seconds)
    assert seconds[0] < 6.0
