"""Measures the hop of a message between two processes: channels_redis' pub/sub layer against the bus of ``runs/bus``.

    .venv/bin/python -m benchmarks.bus --seconds 10 --rate 2000

Starts a Redis of its own. One process sends, another one receives and notes how old each message is. ``--busy`` lets
the receiver's event loop work for 2 of every 10 ms meanwhile, as a server that streams does.
"""

import argparse
import asyncio
import multiprocessing
import os
import time
from typing import Any

RATES = (200, 2000)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--rate", type=int, action="append", help="messages in a second; may be repeated")
    parser.add_argument("--busy", action="store_true")
    parser.add_argument("--url", help="a Redis that runs; by default one is started")
    args = parser.parse_args()
    if args.url:
        _measure_all(args, args.url)
        return
    from tests.faults.redis_process import temporary_redis

    with temporary_redis() as redis:
        _measure_all(args, redis.url)


def _measure_all(args: argparse.Namespace, url: str) -> None:
    for rate in args.rate or RATES:
        for name in ("layer", "bus"):
            print(f"{name:5} {rate:5}/s: {_measure(name, url, rate, args)}", flush=True)


def _measure(name: str, url: str, rate: int, args: argparse.Namespace) -> str:
    results: Any = multiprocessing.get_context("spawn").Queue()
    ready, done = (multiprocessing.get_context("spawn").Event() for _ in range(2))
    receiver = multiprocessing.get_context("spawn").Process(
        target=_in_process, args=(_receive, name, url, rate, args, results, ready, done)
    )
    receiver.start()
    ready.wait(30)
    sender = multiprocessing.get_context("spawn").Process(
        target=_in_process, args=(_send, name, url, rate, args, results, ready, done)
    )
    sender.start()
    sent = received = None
    for _ in range(2):
        kind, value = results.get(timeout=args.seconds + 60)
        sent, received = (value, received) if kind == "sent" else (sent, value)
    sender.join()
    receiver.join()
    assert sent is not None
    assert received is not None
    count, cpu = sent
    ages, cpu_there = received
    ages.sort()
    hops = {part: ages[min(int(len(ages) * part), len(ages) - 1)] * 1000 for part in (0.5, 0.99, 0.999)}
    return (
        f"sent {count}, lost {count - len(ages)}, hop p50 {hops[0.5]:.2f} p99 {hops[0.99]:.2f} p99.9 {hops[0.999]:.2f} ms, "
        f"processor of the sender {cpu / count * 1e6:.0f} us, of the receiver {cpu_there / max(len(ages), 1) * 1e6:.0f} us each"
    )


def _in_process(
    work: Any, name: str, url: str, rate: int, args: Any, results: Any, ready: Any, done: Any
) -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings")
    os.environ["REDIS_URL"] = url
    import django

    django.setup()
    asyncio.run(work(name, rate, args, results, ready, done))


async def _send(name: str, rate: int, args: Any, results: Any, ready: Any, done: Any) -> None:
    send = await (_layer_sender() if name == "layer" else _bus_sender())
    total = int(rate * args.seconds)
    begun, cpu = time.monotonic(), time.process_time()
    tasks: set[asyncio.Task[None]] = set()
    for number in range(total):
        # Half a second passes before the first, so that all is connected.
        wait = begun + 0.5 + number / rate - time.monotonic()
        if wait > 0:
            await asyncio.sleep(wait)
        task = send({"at": time.monotonic(), "number": number})
        if task is not None:
            tasks.add(task)
            task.add_done_callback(tasks.discard)
    await asyncio.gather(*tasks)
    await asyncio.sleep(0.5)
    done.set()
    results.put(("sent", (total, time.process_time() - cpu)))
    await asyncio.sleep(1.0)


async def _layer_sender() -> Any:
    from channels.layers import get_channel_layer

    layer = get_channel_layer()

    def send(message: dict[str, Any]) -> asyncio.Task[None]:
        # Never awaited by who sends, as the journal demands.
        return asyncio.ensure_future(layer.group_send("bench", {"type": "bench", **message}))

    return send


async def _bus_sender() -> Any:
    from runs import bus

    await bus.open_link()
    await asyncio.sleep(0.3)
    return lambda message: bus.send("bench", message)


async def _receive(name: str, rate: int, args: Any, results: Any, ready: Any, done: Any) -> None:
    ages: list[float] = []

    def note(message: dict[str, Any]) -> None:
        ages.append(time.monotonic() - message["at"])

    if name == "bus":
        from runs import bus

        bus.listen("bench", note)
        await bus.open_link()
    else:
        reading = asyncio.ensure_future(_read_layer(note))
    if args.busy:
        busy = asyncio.ensure_future(_keep_busy())
    await asyncio.sleep(0.3)
    ready.set()
    cpu = time.process_time()
    await asyncio.to_thread(done.wait, args.seconds + 60)
    await asyncio.sleep(2.0)
    results.put(("received", (ages, time.process_time() - cpu)))
    for task in (*([busy] if args.busy else []), *([] if name == "bus" else [reading])):
        task.cancel()


async def _read_layer(note: Any) -> None:
    from channels.layers import get_channel_layer

    layer = get_channel_layer()
    channel = await layer.new_channel()
    await layer.group_add("bench", channel)
    while True:
        note(await layer.receive(channel))


async def _keep_busy() -> None:
    while True:
        until = time.monotonic() + 0.002
        while time.monotonic() < until:
            pass
        await asyncio.sleep(0.008)


if __name__ == "__main__":
    main()
