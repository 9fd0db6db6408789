"""Measures what the event log takes in the database, live and compacted, and what an append costs.

``python -m benchmarks.storage [--streams 25] [--tokens 400] [--seconds 10]``

1. The journal alone: each commit has one token of 21 characters of each stream, as at 50 tokens per second.
2. An answer of 5 KB in tokens of 4 to 5 characters: its rows and bytes.
3. Whole runs of a real server at 50 tokens per second, with their messages and traces (``--seconds 0`` skips it).

Bytes are those of the tables' and indexes' pages in a SQLite file of its own, free space in them included.
"""

import argparse
import asyncio
import os
import sqlite3
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import django
from django.core.management import call_command
from django.db import connection

from benchmarks import server, upstream
from benchmarks.figures import Figures
from benchmarks.viewer import Viewer
from emulator import prose

HEAD = '{"type":"TEXT_MESSAGE_CONTENT","messageId":"%s","delta":'
#: The tables of the event log.
LOG = ("runs_runevent", "runs_eventlog")
#: The text of a token.
TOKEN = "a word of 21 letters "

_PAGES = """
    SELECT master.tbl_name, sum(pages.pgsize) FROM dbstat AS pages JOIN sqlite_master AS master USING (name) GROUP BY 1
"""


class Log:
    """Runs that a journal writes to."""

    def __init__(self, streams: int, prompt: str = "") -> None:
        from django.contrib.auth import get_user_model

        from runs.models import Conversation, Run

        owner = get_user_model().objects.create_user(f"user {uuid4()}")
        self.runs = []
        for _ in range(streams):
            conversation = Conversation.objects.create(owner=owner)
            self.runs.append(
                Run.objects.create(
                    conversation=conversation, owner=owner, model="m", status="running", system=prompt
                )
            )

    async def write(self, tokens: int, text: str, *, threads: list[float], loop: list[float]) -> None:
        """Write ``tokens`` to each run, one in each commit, and add the CPU seconds of both threads."""
        from runs.log.journal import Journal

        journal = Journal(interval=0, on_commit=lambda batch: None)
        logs = [journal.open(run.pk, fence=0, last_seq=0) for run in self.runs]
        heads = [HEAD % uuid4() for _ in logs]
        begin = await journal._writer._thread.run(time.thread_time)
        for _ in range(tokens):
            start = time.thread_time()
            for log, head in zip(logs, heads, strict=True):
                journal.extend(log, head, text)
            await journal.execute(lambda: None)
            loop.append(time.thread_time() - start)
        threads.append(await journal._writer._thread.run(time.thread_time) - begin)
        await journal.close()

    def end(self) -> None:
        from django.utils import timezone

        from runs.models import Run

        Run.objects.filter(pk__in=[run.pk for run in self.runs]).update(
            status="completed", finished_at=timezone.now()
        )

    def replay(self) -> float:
        """Return the microseconds of CPU for one event of a replay, sending excluded."""
        from runs.log.rows import read_page

        begin, events = time.thread_time(), 0
        for run in self.runs:
            after = 0
            while page := read_page(run.pk, after):
                for first_seq, frames in page:
                    events += len(frames)
                    after = first_seq + len(frames) - 1
        return (time.thread_time() - begin) / events * 1e6


def compact() -> None:
    """Compact the logs of ended runs."""
    from runs.log.compaction import Compactor
    from runs.log.journal import Journal

    async def sweep() -> None:
        journal = Journal(interval=0, on_commit=lambda batch: None)
        compactor = Compactor(journal, interval=1)
        await compactor.sweep()
        await compactor._thread.close()
        await journal.close()

    asyncio.run(sweep())


def pages(path: str | None = None) -> dict[str, int]:
    """Return the bytes of each table with its indexes."""
    if path is None:
        with connection.cursor() as cursor:
            cursor.execute(_PAGES)
            return dict(cursor.fetchall())
    database = sqlite3.connect(path)
    try:
        return dict(database.execute(_PAGES))
    finally:
        database.close()


def of_log(tables: dict[str, int]) -> int:
    return sum(tables.get(table, 0) for table in LOG)


def journal_alone(streams: int, tokens: int) -> None:
    for size in (0, 65_536):
        _journal_alone(streams, tokens, "x" * size)


def _journal_alone(streams: int, tokens: int, prompt: str) -> None:
    log = Log(streams, prompt)
    before = of_log(pages())
    threads: list[float] = []
    loop: list[float] = []
    asyncio.run(log.write(tokens, TOKEN, threads=threads, loop=loop))
    appends = streams * tokens
    print(
        f"  prompt of {len(prompt):,} characters: {(of_log(pages()) - before) / appends:.1f} bytes per token live;"
        f" per append {sum(threads) / appends * 1e6:.1f} µs CPU on the journal's thread,"
        f" {sum(loop) / appends * 1e6:.1f} on the event loop"
    )
    log.end()
    live = log.replay()
    compact()
    print(
        f"    compacted: {(of_log(pages()) - before) / appends:.1f} bytes per token;"
        f" replay {log.replay():.2f} µs CPU per event (live {live:.2f})"
    )


def answer_of_5_kb() -> None:
    text = (prose.LONG * 3)[:5_000]
    log = Log(1)
    run = log.runs[0]

    async def write() -> None:
        from runs.log.journal import Journal

        journal = Journal(interval=0, on_commit=lambda batch: None)
        opened = journal.open(run.pk, fence=0, last_seq=0)
        head = HEAD % uuid4()
        for place in range(1_145):
            journal.extend(opened, head, text[place * 5_000 // 1_145 : (place + 1) * 5_000 // 1_145])
            await journal.execute(lambda: None)
        await journal.close()

    asyncio.run(write())

    def say(what: str) -> None:
        from runs.models import RunEvent

        rows = [len(row) for row in RunEvent.objects.filter(run=run).values_list("packed", flat=True)]
        print(f"  {what}: {len(rows):,} rows, {sum(rows):,} bytes in them")

    say("live")
    log.end()
    compact()
    say("compacted")


async def _stream(served: server.Served, load: upstream.Load, streams: int) -> None:
    loop = asyncio.get_running_loop()
    frame = {"type": "start", "id": "1", "model": f"openai-chat/{load.model}", "input": load.prompt}
    viewers = []
    for _ in range(streams):
        _, viewer = await loop.create_connection(
            lambda: Viewer(port=served.port, token=served.token, frame=frame, figures=Figures()),
            "127.0.0.1",
            served.port,
        )
        await viewer.is_ready
        viewers.append(viewer)
    for viewer in viewers:
        viewer.start()
    await asyncio.gather(*(viewer.has_ended for viewer in viewers))
    for viewer in viewers:
        viewer.leave()


def whole_runs(folder: Path, streams: int, seconds: float) -> None:
    path = folder / "whole.sqlite3"
    with upstream.start(cores=None) as provider:
        if not provider.has_stamps:
            print("  left out: it needs the stamping upstream")
            return
        load = provider.paced(rate=50, seconds=seconds)
        environment = server.providers_at(provider.origin) | {
            "DATABASE_URL": f"sqlite:///{path}",
            "RUNNEL_COMPACTION_SECONDS": "3600",
        }
        with server.serve(environment) as served:
            before = pages(str(path))
            asyncio.run(_stream(served, load, streams))
            after = pages(str(path))
    tokens = streams * load.tokens
    grown = {name: (after[name] - before.get(name, 0)) / tokens for name in after}
    print(f"  {sum(grown.values()):.1f} bytes per token in all, before compaction:")
    print("    " + ", ".join(f"{name} {size:.1f}" for name, size in sorted(grown.items()) if size >= 0.5))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--streams", type=int, default=25)
    parser.add_argument("--tokens", type=int, default=400)
    parser.add_argument("--seconds", type=float, default=10)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="runnel-storage-") as folder:
        os.environ |= {
            "RUNNEL_DATA_DIR": folder,
            "RUNNEL_ENV_FILE": os.devnull,
            "DJANGO_SETTINGS_MODULE": "project.settings",
            "DATABASE_URL": "",
        }
        django.setup()
        call_command("migrate", verbosity=0)
        sections: list[tuple[str, Callable[[], Any]]] = [
            (
                f"Journal alone, {given.streams} streams, {given.tokens} tokens of {len(TOKEN)} characters each",
                lambda: journal_alone(given.streams, given.tokens),
            ),
            ("An answer of 5 KB in 1,145 tokens", answer_of_5_kb),
        ]
        if given.seconds:
            sections.append(
                (
                    f"Whole runs, {given.streams} streams at 50 tokens per second for {given.seconds:g} s",
                    lambda: whole_runs(Path(folder), given.streams, given.seconds),
                )
            )
        for title, measure in sections:
            print(f"{title}:")
            measure()


if __name__ == "__main__":
    main()
