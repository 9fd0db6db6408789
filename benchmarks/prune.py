"""Measures what live streams notice of pruning, and that the statistics stay as they were.

``python -m benchmarks.prune`` stores old conversations, lets streams of 50 tokens a second flow, and runs
``manage.py prune`` beside them in a process of its own. It prints the age of the tokens without and with it, and
compares the sums of the usage page before and after with SQL's. It needs the stamping upstream.
"""

import argparse
import asyncio
import subprocess
import sys
import time

from benchmarks import machine, upstream
from benchmarks.figures import Figures
from benchmarks.server import PROJECT, Served, providers_at, serve
from benchmarks.viewer import Viewer

#: Seconds of the streams without pruning, and at most with it.
QUIET, PRUNING = 8.0, 25.0
RATE = 50

#: Stores so many old conversations of five runs each.
_STORE = """
import os
from datetime import timedelta
from uuid import uuid4
from django.contrib.auth import get_user_model
from django.db import transaction
from django.utils import timezone
from providers.models import ProviderTrace, TracePiece
from runs.models import Conversation, EventLog, Message, Run, RunEvent, Step
owner, begin = get_user_model().objects.get(), timezone.now() - timedelta(days=100)
parts = [{"kind": "text", "text": "What was said long ago. " * 80}]
for _ in range(%d):
    with transaction.atomic():
        conversation = Conversation.objects.create(owner=owner, title="Old")
        Conversation.objects.filter(pk=conversation.pk).update(updated_at=begin)
        for number in range(5):
            run = Run.objects.create(
                conversation=conversation, owner=owner, model="emulator/old", status="completed",
                input=parts, started_at=begin, finished_at=begin,
            )
            Run.objects.filter(pk=run.pk).update(created_at=begin)
            step = Step.objects.create(
                run=run, index=1, provider="emulator", wire="x", model="old", started_at=begin, finished_at=begin,
                usage_source="reported", input_tokens=number, output_tokens=7, cost="0.25", cost_is="exact",
            )
            EventLog.objects.create(run=run, last_seq=10)
            for seq in range(10):
                RunEvent.objects.create(run=run, first_seq=seq, last_seq=seq, packed=os.urandom(2_000))
            for position in (2 * number + 1, 2 * number + 2):
                Message.objects.create(
                    conversation=conversation, run=run, position=position, role="user", parts=parts
                )
            ProviderTrace.objects.create(
                run_id=run.pk, step_id=step.pk, provider="emulator", wire="x", model="old", status="completed",
                packed_request=os.urandom(2_000), started_at=begin, ended_at=begin,
            )
            TracePiece.objects.create(digest=os.urandom(16), scope=conversation.pk, data=os.urandom(2_000))
"""

#: Prints the figures of the usage page, and the same sums by SQL alone, for the days of the old runs.
_FIGURES = """
from datetime import timedelta
from django.db import connection
from django.utils import timezone
from runs.usage.statistics import Scope, Statistics
now = timezone.now()
found = Statistics(Scope(since=now - timedelta(days=200), until=now - timedelta(days=50))).total()
with connection.cursor() as cursor:
    cursor.execute(
        "SELECT count(*), sum(input_tokens), sum(output_tokens), sum(cost) FROM runs_step WHERE model = 'old'"
    )
    steps, read, written, cost = cursor.fetchone()
assert (found.steps, found.input_tokens, found.output_tokens) == (steps, read, written), found
assert abs(float(found.cost) - float(cost)) < 1e-6, (found.cost, cost)
print(found)
"""


def _shell(served: Served, program: str) -> str:
    command = [sys.executable, "manage.py", "shell", "--no-imports", "-c", program]
    done = subprocess.run(command, cwd=PROJECT, env=served.environment, capture_output=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr.decode()[-2_000:])
    return done.stdout.decode()


async def _streams(served: Served, load: upstream.Load, count: int) -> tuple[Figures, Figures, float]:
    """Return the ages of the tokens without and with pruning beside them, and how many seconds it took."""
    figures = Figures()
    loop = asyncio.get_running_loop()
    frame = {"type": "start", "id": "1", "model": f"openai-chat/{load.model}", "input": load.prompt}
    viewers = []
    for _ in range(count):
        _, viewer = await loop.create_connection(
            lambda: Viewer(port=served.port, token=served.token, frame=frame, figures=figures),
            "127.0.0.1",
            served.port,
        )
        await viewer.is_ready
        viewer.start()
        viewers.append(viewer)
        await asyncio.sleep(0.05)
    await asyncio.sleep(2.0)
    begin = len(figures.ages)
    await asyncio.sleep(QUIET)
    middle = len(figures.ages)
    environment = {**served.environment, "RUNNEL_RETENTION_CONVERSATION_DAYS": "30"}
    began = time.monotonic()
    prune = await asyncio.create_subprocess_exec(
        sys.executable, "manage.py", "prune", cwd=PROJECT, env=environment, stdout=asyncio.subprocess.PIPE
    )
    cores = machine.cores()
    machine.pin(prune.pid, cores[1] if cores else None)
    said, _ = await asyncio.wait_for(prune.communicate(), PRUNING)
    took = time.monotonic() - began
    end = len(figures.ages)
    print(said.decode().strip())
    for viewer in viewers:
        viewer.leave()
    return Figures(ages=figures.ages[begin:middle]), Figures(ages=figures.ages[middle:end]), took


def main() -> None:
    """Measure and print."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--streams", type=int, default=25)
    arguments.add_argument("--conversations", type=int, default=60)
    chosen = arguments.parse_args()
    cores = machine.cores()
    with upstream.start(cores=cores[-1] if cores else None) as source:
        if not source.has_stamps:
            raise SystemExit("The ages of tokens need the stamping upstream, ../shared/perf/fakeup.c.")
        with serve(providers_at(source.origin)) as served:
            _shell(served, _STORE % chosen.conversations)
            before = _shell(served, _FIGURES)
            load = source.paced(rate=RATE, seconds=QUIET + PRUNING + 10)
            quiet, pruned, took = asyncio.run(_streams(served, load, chosen.streams))
            after = _shell(served, _FIGURES)
    for name, figures in (("without", quiet), ("beside pruning", pruned)):
        p50, p99 = figures.age(50) or 0.0, figures.age(99) or 0.0
        print(f"{name:<16}{len(figures.ages):>7,} tokens, age p50 {p50:.1f} ms, p99 {p99:.1f} ms")
    print(
        f"pruning took {took:.1f} s; the figures are {'equal' if before == after else 'NOT EQUAL'} before and after"
    )


if __name__ == "__main__":
    main()
