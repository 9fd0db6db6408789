import sqlite3
from contextlib import closing

import pytest
from django.db import connection, transaction
from django.test import TransactionTestCase


class TestSQLite(TransactionTestCase):
    def test_it_writes_ahead_and_waits_for_others(self):
        with connection.cursor() as cursor:
            values = {
                name: cursor.execute(f"PRAGMA {name}").fetchone()[0]
                for name in ("journal_mode", "synchronous", "busy_timeout")
            }

        assert values == {"journal_mode": "wal", "synchronous": 1, "busy_timeout": 20_000}

    def test_it_takes_the_write_lock_when_a_transaction_begins(self):
        other = sqlite3.connect(connection.settings_dict["NAME"], timeout=0)

        with closing(other), transaction.atomic(), pytest.raises(sqlite3.OperationalError, match="locked"):
            other.execute("BEGIN IMMEDIATE")
