"""Two who do something to the same run at the same moment, through different processes: each race has one outcome."""

import asyncio
import json
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from uuid import UUID

from benchmarks.faults.installation import PATIENCE, Installation
from benchmarks.faults.observer import Observer, has_ended, is_whole
from tests.faults.server_process import Json

#: What a loser may be told.
TOO_LATE = frozenset({"nothing_pending", "already_terminal", "interrupt_mismatch", "conflict"})
#: Seconds between two moments at which all leases are made to look over.
EXPIRING = 0.05


class Wrong(Exception):  # noqa: N818 - it names what happened
    """A race did not come out as it must; the message says how."""


@dataclass(kw_only=True)
class Pair:
    """Two clients, each of another process if there are two, and a source of chance."""

    here: Installation
    one: Observer
    other: Observer
    chance: random.Random
    counted: Counter[str] = field(default_factory=Counter)

    def run_id(self) -> str:
        return str(UUID(int=self.chance.getrandbits(128), version=4))

    async def both(
        self, first: Awaitable[Json], second: Awaitable[Json], *, ahead: float = 0.02
    ) -> tuple[Json, Json]:
        """Do both at once, each a little before or after the other; the first is up to ``ahead`` seconds the first."""

        async def later(what: Awaitable[Json], longest: float) -> Json:
            await asyncio.sleep(self.chance.choice((0.0, self.chance.random() * longest)))
            return await what

        answers = await asyncio.gather(later(first, 0.02), later(second, ahead))
        for answer in answers:
            require(answer.get("code") != "internal", f"internal: {answer}")
        return answers[0], answers[1]

    async def end(self, run_id: str) -> str:
        """Wait for the run's last end at the first client, and return its outcome."""
        await self.one.until(lambda: has_ended(self.one, run_id) and self._is_no_pause(run_id))
        seen = [json.loads(frame)["seq"] for frame in self.one.frames[run_id]]
        require(is_whole(self.one.frames[run_id]), f"the log of {run_id} is not whole: {seen}")
        return outcome_of(await self.one.ended(run_id))

    def _is_no_pause(self, run_id: str) -> bool:
        return '"interrupt"' not in self.one.frames[run_id][-1]

    async def paused(self, label: str) -> tuple[str, list[Json]]:
        """Start a run that waits for an approval. Return it, and what approves it."""
        order = f'[[call launch {{"label": "{label}"}}]]'
        run = await self.one.start("openai-chat/calls", order, options={"tools": ["launch"]})
        (interrupt,) = (await self.one.ended(run["run_id"]))["outcome"]["interrupts"]
        entry = {
            "interruptId": interrupt["id"],
            "status": "resolved",
            "payload": {"approved": True},
            "metadata": {"digest": interrupt["metadata"]["digest"]},
        }
        return run["run_id"], [entry]

    def executions(self, label: str) -> int:
        processes = self.here.workers or self.here.web
        notes = [path.read_text() for each in processes for path in each.folder.glob("workshop")]
        return "".join(notes).splitlines().count(f"launch {label}")


def require(is_so: bool, otherwise: str) -> None:
    if not is_so:
        raise Wrong(otherwise)


def outcome_of(event: Json) -> str:
    return str(event["code"] if event["type"] == "RUN_ERROR" else event["outcome"]["type"])


def said(answer: Json) -> str:
    return str(answer.get("state") or answer.get("code"))


async def cancel_and_complete(pair: Pair, label: str) -> str:
    run_id = pair.run_id()
    await pair.one.start("openai-chat/echo", "word " * 40, run_id=run_id)
    await asyncio.sleep(pair.chance.random() * pair.chance.choice((0.1, 0.4, 1.0)))
    answer = await pair.other._answer("cancel", {"run_id": run_id})
    end = await pair.end(run_id)
    require(end in {"success", "cancelled"}, end)
    if said(answer) == "already_terminal":
        require(end == "success", "a run was cancelled that had ended")
    return f"{said(answer)}, {end}"


async def double_cancel(pair: Pair, label: str) -> str:
    run_id = pair.run_id()
    await pair.one.start("openai-chat/drip", label, run_id=run_id)
    await asyncio.sleep(pair.chance.choice((0.0, pair.chance.random() * 0.2)))
    frame = {"run_id": run_id}
    answers = await pair.both(pair.one._answer("cancel", frame), pair.other._answer("cancel", frame))
    for answer in answers:
        require(said(answer) in {"requested", "already_terminal"}, str(answer))
    end = await pair.end(run_id)
    require(end == "cancelled", end)
    return " and ".join(sorted(map(said, answers)))


async def approve_and_cancel(pair: Pair, label: str) -> str:
    run_id, resume = await pair.paused(label)
    decided, _ = await pair.both(
        pair.one._answer("resolve", {"run_id": run_id, "resume": resume}),
        pair.other._answer("cancel", {"run_id": run_id}),
        ahead=0.4,
    )
    require(decided["type"] == "ok" or decided["code"] in TOO_LATE, str(decided))
    end = await pair.end(run_id)
    require(end in {"success", "cancelled"}, end)
    executed = pair.executions(label)
    require(executed <= (decided["type"] == "ok"), f"executed {executed} times, decided {decided}")
    require(end == "cancelled" or executed == 1, "it succeeded without its call")
    return f"{'approved' if decided['type'] == 'ok' else 'too late'}, {end}, executed {executed}"


async def double_approve(pair: Pair, label: str) -> str:
    run_id, resume = await pair.paused(label)
    frame = {"run_id": run_id, "resume": resume}
    answers = await pair.both(pair.one._answer("resolve", frame), pair.other._answer("resolve", frame))
    won = [answer for answer in answers if answer["type"] == "ok"]
    require(len(won) == 1, f"{len(won)} have won: {answers}")
    (lost,) = [answer for answer in answers if answer["type"] != "ok"]
    require(lost["code"] in TOO_LATE, str(lost))
    end = await pair.end(run_id)
    require((end, pair.executions(label)) == ("success", 1), f"{end}, {pair.executions(label)} executions")
    return f"one has won, the other: {lost['code']}"


async def same_start(pair: Pair, label: str) -> str:
    frame = {"run_id": pair.run_id(), "model": "openai-chat/echo", "input": label}
    answers = await pair.both(pair.one._answer("start", frame), pair.other._answer("start", frame))
    require(sorted(map(said, answers)) == ["created", "exists"], str(answers))
    end = await pair.end(frame["run_id"])
    await pair.other.ended(frame["run_id"])
    require(end == "success", end)
    require(pair.one.frames[frame["run_id"]] == pair.other.frames[frame["run_id"]], "unequal transcripts")
    return "created and exists"


async def two_starts(pair: Pair, label: str) -> str:
    first = await pair.one.start("openai-chat/echo", label)
    await pair.end(first["run_id"])
    frame = {"conversation_id": first["conversation_id"], "model": "openai-chat/drip", "input": label}
    answers = await pair.both(pair.one._answer("start", frame), pair.other._answer("start", frame))
    require(sorted(map(said, answers)) == ["conversation_busy", "created"], str(answers))
    (run_id,) = [answer["run_id"] for answer in answers if answer["type"] == "ok"]
    if answers[0]["type"] != "ok":
        # Whoever starts a run watches it. To subscribe again would bring again what is under way.
        await pair.one._answer("subscribe", {"run_id": run_id, "after": 0})
    await pair.one._answer("cancel", {"run_id": run_id})
    require(await pair.end(run_id) == "cancelled", "it was not cancelled")
    return "created and conversation_busy"


async def queue_and_steer(pair: Pair, label: str) -> str:
    order = f'[[call linger {{"label": "{label}", "seconds": {pair.chance.random() * 0.3:.2f}}}]]'
    live = await pair.one.start("openai-chat/calls", order, options={"tools": ["linger"]})
    place = {"conversation_id": live["conversation_id"]}
    await pair.one.ask("subscribe", **place)
    await asyncio.sleep(pair.chance.random() * 0.4)
    queued, steered = await pair.both(
        pair.one._answer(
            "start", {"model": "openai-chat/echo", "input": f"q-{label}", "when_busy": "queue", **place}
        ),
        pair.other._answer("steer", {"run_id": live["run_id"], "input": f"s-{label}"}),
    )
    require(said(queued) in {"queued", "created"}, str(queued))
    require(said(steered) in {"accepted", "queued"}, str(steered))
    require(await pair.end(live["run_id"]) == "success", "the live run did not succeed")
    await pair.end(queued["run_id"])
    heard = {f"q-{label}": 0, f"s-{label}": 0}
    end = time.monotonic() + 20
    while time.monotonic() < end and set(heard.values()) != {1}:
        key = pair.here.key(live["conversation_id"])
        query = "SELECT parts FROM runs_message WHERE role = 'user' AND conversation_id = %s"
        parts = pair.here.rows(query, key)
        for name in heard:
            heard[name] = sum(name in str(part) for (part,) in parts)
        await asyncio.sleep(0.1)
    require(set(heard.values()) == {1}, f"said {heard}: {queued}, {steered}")
    return f"{said(queued)} and {said(steered)}"


async def reap_and_complete(pair: Pair, label: str) -> str:
    run_id = pair.run_id()
    await pair.one.start("openai-chat/echo", "word " * pair.chance.randrange(1, 400), run_id=run_id)
    end = await pair.end(run_id)
    require(end in {"success", "worker_lost"}, end)
    ((_, _, reason),) = pair.here.runs([run_id]).values()
    require(
        (reason == "worker_lost") == (end == "worker_lost"), f"its row says {reason}, its last event {end}"
    )
    return end


type Race = Callable[[Pair, str], Awaitable[str]]

RACES: dict[str, Race] = {
    "cancel/complete": cancel_and_complete,
    "double cancel": double_cancel,
    "approve/cancel": approve_and_cancel,
    "double approve": double_approve,
    "same start twice": same_start,
    "two starts in one conversation": two_starts,
    "queue/steer": queue_and_steer,
    "reap/complete": reap_and_complete,
}


async def races(here: Installation, number: int, chance: random.Random, *, lanes: int) -> None:
    """Let each race be run ``number`` times, and print how the races came out, and which came out wrong."""
    share = (here.deadline - time.monotonic()) / len(RACES)
    for name, race in RACES.items():
        if race is reap_and_complete and not here.workers:
            print("4  reap/complete: nobody else reaps the runs of the only process, and it spares its own")
            continue
        counted, wrong = Counter[str](), list[str]()
        begin = time.monotonic()
        here.deadline = begin + share
        expiring = asyncio.create_task(_expire(here)) if race is reap_and_complete else None
        async with asyncio.TaskGroup() as group:
            for lane in range(lanes):
                count = len(range(lane, number, lanes))
                group.create_task(_lane(here, race, f"{lane}", count, chance, counted, wrong))
        if expiring is not None:
            expiring.cancel()
        seconds = time.monotonic() - begin
        outcomes = "; ".join(f"{count} {outcome}" for outcome, count in counted.most_common())
        done = counted.total() + len(wrong)
        print(
            f"4  {name} x{done} of {number}, {lanes} at a time, {seconds:.0f} s: {outcomes}; wrong {len(wrong)}",
            flush=True,
        )
        for each in wrong[:5]:
            print("     ", each)
    print(f"   not terminal {await here.all_ended()}")


async def _lane(
    here: Installation,
    race: Race,
    lane: str,
    count: int,
    chance: random.Random,
    counted: Counter[str],
    wrong: list[str],
) -> None:
    clients = [await here.client(0), await here.client(1)]
    for number in range(count):
        if time.monotonic() > here.deadline:
            break
        pair = Pair(here=here, one=clients[number % 2], other=clients[1 - number % 2], chance=chance)
        try:
            async with asyncio.timeout(PATIENCE):
                counted[await race(pair, f"{race.__name__}-{lane}-{number}")] += 1
        except TimeoutError:
            wrong.append("it hangs")
        except (Wrong, AssertionError) as error:
            wrong.append(str(error))
        for client in clients:
            client.frames.clear()
            client.times.clear()
    for client in clients:
        await client.leave()


async def _expire(here: Installation) -> None:
    """Make all leases look over again and again, so that every process tries to end what others drive."""
    while True:
        await asyncio.to_thread(
            here.rows,
            "UPDATE runs_run SET lease_until = now() - interval '1 second'"
            " WHERE status = 'running' AND lease_until > now() RETURNING id",
        )
        await asyncio.sleep(EXPIRING)
