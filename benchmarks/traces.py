"""Measures what the traces of one conversation take in the database, and what storing them costs.

``python -m benchmarks.traces [--turns 30] [--characters 4000]`` stores the traces of a conversation of random words in a
SQLite file of its own, in two ways: each request whole as JSON, as earlier versions did, and in pieces. It makes no
provider call. Bytes are the growth of the file, with indexes and free space in pages.
"""

import argparse
import os
import random
import re
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import django
from django.core.management import call_command
from django.db import connection

from emulator.prose import LONG


def _conversation(turns: int, characters: int, *, marked: bool) -> Iterator[tuple[dict[str, Any], str]]:
    """Yield each turn's request and answer. If ``marked``, the last message of a request carries a cache mark."""
    words = re.findall(r"\w+|[^\w\s]", LONG)
    chance = random.Random(5)

    def said(length: int) -> str:
        text = ""
        while len(text) < length:
            text += chance.choice(words) + " "
        return text

    messages: list[dict[str, Any]] = []
    for _ in range(turns):
        messages.append({"role": "user", "content": said(characters // 10)})
        newest = messages[-1] | ({"cache_control": {"type": "ephemeral"}} if marked else {})
        answer = said(characters)
        yield {"model": "gpt", "stream": True, "messages": [*messages[:-1], newest]}, answer
        messages.append({"role": "assistant", "content": answer})


def _records(requests: list[tuple[dict[str, Any], str]]) -> list[Any]:
    from providers.types import Origin
    from providers.types.trace import TraceRecord, TraceStatus

    now = datetime.now(UTC)
    return [
        TraceRecord(
            run_id=uuid4(),
            step_id=uuid4(),
            attempt=1,
            origin=Origin(wire="openai-chat", provider="openai-chat", model="gpt"),
            url="api.example.org/v1/chat/completions",
            status=TraceStatus.COMPLETED,
            http_status=200,
            request=request,
            response={"choices": [{"message": {"role": "assistant", "content": answer}}]},
            started_at=now,
            ended_at=now,
        )
        for request, answer in requests
    ]


def _file_bytes() -> int:
    with connection.cursor() as cursor:
        pages = (
            cursor.execute("PRAGMA page_count").fetchone()[0]
            - cursor.execute("PRAGMA freelist_count").fetchone()[0]
        )
        return int(pages * cursor.execute("PRAGMA page_size").fetchone()[0])


def _whole(record: Any, scope: UUID) -> Callable[[], None]:
    from providers.models import ProviderTrace

    def store() -> None:
        row = ProviderTrace.from_record(record)
        row.unpacked_request, row.unpacked_response = record.request, record.response
        ProviderTrace.objects.bulk_create([row])

    return store


def _in_pieces(record: Any, scope: UUID) -> Callable[[], None]:
    from providers.models import trace_store

    return trace_store.pack([record], scope).store


def _measure(
    name: str, records: list[Any], prepare: Callable[[Any, UUID], Callable[[], None]], said: int
) -> None:
    scope, before = uuid4(), _file_bytes()
    preparing: list[float] = []
    storing: list[float] = []
    for record in records:
        begin = time.thread_time()
        store = prepare(record, scope)
        prepared = time.thread_time()
        store()
        preparing.append(prepared - begin)
        storing.append(time.thread_time() - prepared)
    size = _file_bytes() - before
    print(
        f"{name:<28}{size / 1000:>10,.0f} KB = {size / said:>5.2f} × the conversation;"
        f" CPU per trace: {1000 * sum(preparing) / len(records):.2f} ms on a reading thread,"
        f" {1000 * sum(storing) / len(records):.2f} ms in the transaction"
        f" (the last {1000 * preparing[-1]:.2f} and {1000 * storing[-1]:.2f})"
    )


def main() -> None:
    """Measure and print."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--turns", type=int, default=30)
    arguments.add_argument("--characters", type=int, default=4_000, help="of one answer")
    chosen = arguments.parse_args()
    with tempfile.TemporaryDirectory(prefix="runnel-traces-") as folder:
        os.environ |= {
            "DJANGO_SETTINGS_MODULE": "project.settings",
            "RUNNEL_DATA_DIR": folder,
            "DATABASE_URL": f"sqlite:///{Path(folder) / 'traces.sqlite3'}",
        }
        django.setup()
        call_command("migrate", verbosity=0)
        for marked in (False, True):
            turns = list(_conversation(chosen.turns, chosen.characters, marked=marked))
            said = sum(len(message["content"]) for message in turns[-1][0]["messages"]) + len(turns[-1][1])
            print(
                f"{chosen.turns} turns, {said / 1000:,.0f} KB of text" + ", the last message marked" * marked
            )
            records = _records(turns)
            _measure("each request whole", records, _whole, said)
            _measure("in pieces", records, _in_pieces, said)


if __name__ == "__main__":
    main()
