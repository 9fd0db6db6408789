"""Runs tests with PostgreSQL servers of their own: ``python -m tests.on_postgresql [arguments of pytest]``.

Without a file or folder among the arguments, it runs the suites that touch the database. Fails if PostgreSQL is not
installed. What needs Redis starts one by itself (``tests/faults``, ``tests/runs/bus``, ``tests/concurrency``).
"""

import os
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.postgresql import temporary_database

PROJECT = Path(__file__).resolve().parents[1]

#: The suites that touch the database.
SUITES = (
    "tests/runs/engine",
    "tests/runs/store",
    "tests/runs/services",
    "tests/runs/log",
    "tests/runs/socket",
    "tests/runs/http",
    "tests/runs/access",
    "tests/runs/admin",
    "tests/runs/limits",
    "tests/runs/retention",
    "tests/runs/usage",
    "tests/project/test_readiness.py",
)


def main(arguments: list[str]) -> int:
    """Run pytest, and return its exit code."""
    chosen = any((PROJECT / argument.partition("::")[0]).exists() for argument in arguments)
    # The server goes with its databases, of which threads may still hold connections.
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--reuse-db", *arguments]
    try:
        with ExitStack() as servers:
            addresses = [servers.enter_context(temporary_database()) for _ in range(_processes(arguments))]
            lane = {"RUNNEL_LANE_DATABASE_URL": " ".join(addresses)}
            return subprocess.run(
                command if chosen else [*command, *SUITES], cwd=PROJECT, env=os.environ | lane, check=False
            ).returncode
    except pytest.skip.Exception as missing:
        sys.stderr.write(f"{missing}\n")
        return 1


def _processes(arguments: list[str]) -> int:
    """Return the number behind ``-n``: each process of pytest-xdist gets a server of its own."""
    return int(arguments[arguments.index("-n") + 1]) if "-n" in arguments else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
