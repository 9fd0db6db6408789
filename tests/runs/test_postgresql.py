"""The log's own SQL, its compaction, the heartbeat's locks, clocks and all query plans on PostgreSQL, where it is installed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.db import connection

from tests.postgresql import temporary_database

FILES = (
    "log/test_rows.py",
    "log/test_compaction.py",
    "engine/test_heartbeat_locks.py",
    "engine/test_outages.py",
    "store/test_query_plans.py",
)


def test_they_hold_on_postgresql_too() -> None:
    if connection.vendor == "postgresql":
        pytest.skip("this is PostgreSQL")
    files = [str(Path(__file__).parent / name) for name in FILES]
    with temporary_database() as address:
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-x", "-n0", "-p", "no:cacheprovider", *files],
            env=os.environ | {"RUNNEL_LANE_DATABASE_URL": address},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
