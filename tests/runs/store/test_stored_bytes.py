"""How much a finished run takes in the columns of all tables: its words are stored once to be read and once to be found."""

import random
from collections import Counter

import pytest
from django.apps import apps
from django.db import connection

from concurrency.threads import readers
from runs.engine import supervisor
from runs.log.compaction import Compactor
from tests.runs.conftest import Connect, Person

pytestmark = pytest.mark.django_db(transaction=True)

#: Characters of the question, and of the answer, which repeats it.
LENGTH = 4_000


def words(length: int) -> str:
    """Return a text that compresses about as well as prose."""
    chance = random.Random(7)
    vocabulary = ["".join(chance.choices("etaoinshrdlu", k=chance.randint(2, 9))) for _ in range(800)]
    text = " ".join(vocabulary[min(int(chance.expovariate(0.01)), 799)] for _ in range(length))
    return text[:length].strip()


def stored() -> Counter[str]:
    """Return the bytes in all columns with texts, JSON or bytes, by column."""
    found: Counter[str] = Counter()
    for label in ("runs", "providers"):
        for model in apps.get_app_config(label).get_models():
            for field in model._meta.local_concrete_fields:
                if field.column and field.get_internal_type() in {
                    "TextField",
                    "JSONField",
                    "CharField",
                    "BinaryField",
                }:
                    found[f"{model.__name__}.{field.name}"] = _bytes_in(model._meta.db_table, field.column)
    return found


def _bytes_in(table: str, column: str) -> int:
    # PostgreSQL compresses what is long, and would count the digits of bytes that are cast to a text.
    size = (
        f'pg_column_size("{column}")'
        if connection.vendor == "postgresql"
        else f'length(cast("{column}" as blob))'
    )
    with connection.cursor() as cursor:
        cursor.execute(f'SELECT COALESCE(SUM({size}), 0) FROM "{table}"')
        return int(cursor.fetchone()[0])


async def test_a_finished_run_takes_three_times_its_text_at_most(ada: Person, connect: Connect) -> None:
    socket = await connect(ada)
    before = await readers.run(stored)
    text = words(LENGTH)
    started = await socket.start(model="emulator/echo", text=text)
    await socket.ended(started["run_id"])
    assert socket.said(started["run_id"]) == text
    compactor = Compactor(supervisor.current().journal, interval=0)
    assert await compactor.sweep() == 1
    await compactor._thread.close()
    after = await readers.run(stored)
    assert sum((after - before).values()) <= 3 * 2 * len(text)
