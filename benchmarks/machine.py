"""What a benchmark asks of the machine: cores to itself, a process's CPU time and memory."""

import os
from pathlib import Path

_TICK = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")

#: What this process might use when it began, before anything was pinned.
_AVAILABLE = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else {0}


def cores() -> tuple[set[int], set[int]] | None:
    """Return the core for what is measured and the cores for the rest, ``None`` where there are not two."""
    first, *others = sorted(_AVAILABLE)
    return ({first}, set(others)) if others else None


def pin(pid: int, to: set[int] | None) -> None:
    """Keep a process that has just begun, and every thread that it will start, on some cores.

    0 is this process."""
    if to:
        os.sched_setaffinity(pid, to)


def cpu_seconds(pid: int) -> float:
    """Return the CPU time that a process has used, in user and in kernel mode."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICK


def resident_bytes(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE
