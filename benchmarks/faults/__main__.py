"""The command."""

import argparse
import asyncio
import os
import random
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass

import benchmarks.faults
from benchmarks.faults import stamps
from benchmarks.faults.cancels import cancels, cancels_without_redis
from benchmarks.faults.clocks import clocks, standstills
from benchmarks.faults.disks import disks
from benchmarks.faults.ends import kills, stops
from benchmarks.faults.installation import PATIENCE, Installation, installed
from benchmarks.faults.outages import database_outages, long_outages, redis_outages
from benchmarks.faults.queue import queue
from benchmarks.faults.races import races
from benchmarks.faults.rights import rights, rights_without_redis
from benchmarks.faults.slow import slow
from benchmarks.faults.soak import soaks
from benchmarks.faults.sockets import sockets
from benchmarks.faults.upgrades import first_starts, upgrades
from benchmarks.faults.viewers import across, cuts
from benchmarks.faults.workers import poison, tools
from benchmarks.server import free_port, providers_at
from emulator import Emulator
from tests.faults import server_process


@dataclass(frozen=True, kw_only=True)
class Damage:
    """What a part may use: the installation, a source of chance with a seed, and the provider of all runs."""

    here: Installation
    chance: random.Random
    upstream: Emulator
    #: How many cancels, or races, are under way at the same time.
    lanes: int
    #: Tokens a second of each of many streams.
    rate: float


@dataclass(frozen=True)
class Part:
    """One sort of damage; the number of its option says how often, 0 leaves it out."""

    option: str
    default: int
    do: Callable[[Damage, int], Awaitable[None]]


#: In the order in which they are done: what ends processes comes last.
PARTS = (
    Part("starts", 200, lambda what, number: queue(what.here, number)),
    Part(
        "cancels",
        200,
        lambda what, number: cancels(what.here, number, what.chance, what.upstream, lanes=what.lanes),
    ),
    Part(
        "cancels-without-redis",
        100,
        lambda what, number: cancels_without_redis(
            what.here, number, what.chance, what.upstream, lanes=what.lanes
        ),
    ),
    Part("races", 20, lambda what, number: races(what.here, number, what.chance, lanes=what.lanes)),
    Part("cuts", 20, lambda what, number: cuts(what.here, number, what.chance)),
    Part("across", 8, lambda what, number: across(what.here, number)),
    Part("sockets", 1000, lambda what, number: sockets(what.here, number, what.rate)),
    Part("slow", 50, lambda what, number: slow(what.here, number)),
    Part("rights", 3, lambda what, number: rights(what.here, number)),
    Part("rights-without-redis", 2, lambda what, number: rights_without_redis(what.here, number)),
    Part("redis", 2, lambda what, number: redis_outages(what.here, number)),
    Part("database", 2, lambda what, number: database_outages(what.here, number)),
    Part("long-outages", 0, lambda what, number: long_outages(what.here, number)),
    Part("clocks", 1, lambda what, number: clocks(what.here, number)),
    Part("standstills", 2, lambda what, number: standstills(what.here, number, what.chance)),
    Part("tools", 3, lambda what, number: tools(what.here, number)),
    Part("poison", 1, lambda what, number: poison(what.here, number)),
    Part("stops", 5, lambda what, number: stops(what.here, number, what.chance)),
    Part("kills", 20, lambda what, number: kills(what.here, number, what.chance)),
)


@dataclass(frozen=True)
class Own:
    """A sort of damage that needs processes of its own; the number of its option says how often, 0 leaves it out."""

    option: str
    #: Whether the processes are one on SQLite.
    do: Callable[[int, Mapping[str, str], bool], None]


OWN = (
    Own("disks", disks),
    Own("upgrades", lambda number, settings, _: upgrades(number, settings)),
    Own("first-starts", lambda number, settings, _: first_starts(number, settings)),
    Own("soak", soaks),
)


async def run(options: argparse.Namespace, here: Installation, upstream_port: int) -> None:
    """Break what the options name."""
    async with AsyncExitStack() as left:
        upstream = await Emulator.start(port=upstream_port)
        left.push_async_callback(upstream.close)
        what = Damage(
            here=here,
            chance=random.Random(options.seed),
            upstream=upstream,
            lanes=options.lanes,
            rate=options.rate,
        )
        for part in PARTS:
            if number := getattr(options, part.option.replace("-", "_")):
                here.deadline = time.monotonic() + options.minutes * 60
                await part.do(what, number)
                print(f"   load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores", flush=True)


def main() -> None:
    """Break an installation and print what was noticed."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.faults", description=benchmarks.faults.__doc__
    )
    parser.add_argument("--one", action="store_true", help="one process on SQLite")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--lanes", type=int, default=8, help="cancels and races at the same time")
    parser.add_argument(
        "--rate", type=float, default=30.0, help="tokens a second of each stream of --sockets"
    )
    parser.add_argument("--minutes", type=float, default=60.0, help="the most that one part may take")
    parser.add_argument("--only", action="store_true", help="leave out the parts whose numbers are not given")
    for part in PARTS:
        parser.add_argument(f"--{part.option}", type=int)
    for own in OWN:
        parser.add_argument(f"--{own.option}", type=int, default=0)
    options = parser.parse_args()
    for part in PARTS:
        name = part.option.replace("-", "_")
        if getattr(options, name) is None:
            setattr(options, name, 0 if options.only else part.default)
    server_process.STUCK = PATIENCE
    stamps.install()
    # Whoever stops this stops what it has started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))
    port = free_port()
    settings = providers_at(f"http://127.0.0.1:{port}") | {
        "RUNNEL_MAX_RUNS_PER_USER": "1000",
        "RUNNEL_SOCKETS_PER_USER": "2000",
        "DJANGO_SETTINGS_MODULE": "tests.faults.poison.settings",
        "RUNNEL_ANSWER_CHARS": "100000000",
        "RUNNEL_STARTS_PER_MINUTE": "1000000",
    }
    print(
        f"seed {options.seed}, {'one process on SQLite' if options.one else '2 web processes and 2 workers'}"
    )
    if any(getattr(options, part.option.replace("-", "_")) for part in PARTS):
        with installed(settings, is_one=options.one) as here:
            asyncio.run(run(options, here, port))
    for own in OWN:
        if number := getattr(options, own.option.replace("-", "_")):
            own.do(number, settings, options.one)


if __name__ == "__main__":
    main()
