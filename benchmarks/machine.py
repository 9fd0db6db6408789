"""Pins processes to cores and reads their CPU time and memory."""

import contextlib
import os
from pathlib import Path

_TICK = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")

#: The cores that this process could use at its start, before any pinning.
_AVAILABLE = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else {0}


def cores() -> tuple[set[int], set[int]] | None:
    """Return the core for the measured process and the other cores, or ``None`` on a single core."""
    first, *others = sorted(_AVAILABLE)
    return ({first}, set(others)) if others else None


def pin(pid: int, to: set[int] | None) -> None:
    """Pin a new process, and the threads that it will start, to the cores ``to``. ``pid`` 0: this process."""
    if to:
        os.sched_setaffinity(pid, to)


def cpu_seconds(pid: int) -> float:
    """Return the seconds of CPU time that a process and its children have used, in user and kernel mode."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return _own_cpu_seconds(pid) + sum(cpu_seconds(int(child)) for child in children)


def _own_cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICK


def resident_bytes(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE


def cpu_nanoseconds(pid: int) -> int:
    """Return the nanoseconds of CPU time that the living threads of a process and of its children have used."""
    total = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(OSError):
            total += int((task / "schedstat").read_text().split()[0])
            total += sum(cpu_nanoseconds(int(child)) for child in (task / "children").read_text().split())
    return total
